//! Every `tests/fixtures/sql/*.md`: a BigQuery block, the DuckDB text it becomes, the rows it gives. DuckDB is the judge.
//! A case with an `error` block must fail with that text. `RSDBT_UPDATE=1` writes the DuckDB blocks anew, never the rows.

use rsdbt_bqlocal::{LocalBigQuery, LocalSession};
use rsdbt_sys as sys;
use rsdbt_warehouse::Value;
use std::path::Path;

struct Case {
    title: String,
    bigquery: String,
    duckdb: Option<String>,
    rows: Option<String>,
    error: Option<String>,
}

fn session() -> LocalSession {
    LocalBigQuery::open(None, "local", "").and_then(|db| db.connect()).expect("an empty warehouse opens")
}

/// The fenced block of a language in a section.
fn block(section: &str, language: &str) -> Option<String> {
    let start = section.find(&format!("```{language}\n"))? + language.len() + 4;
    let end = section[start..].find("\n```")? + start;
    Some(section[start..end].to_owned())
}

fn cases(text: &str) -> Vec<Case> {
    text.split("\n## ")
        .skip(1)
        .map(|section| Case {
            title: section.lines().next().unwrap_or_default().to_owned(),
            bigquery: block(section, "bigquery").expect("a case has a bigquery block"),
            duckdb: block(section, "duckdb"),
            rows: block(section, "rows"),
            error: block(section, "error"),
        })
        .collect()
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(f) => format!("{:.9}", f).trim_end_matches('0').trim_end_matches('.').to_owned(),
        Value::Decimal(t) | Value::Text(t) => t.clone(),
        Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Struct(fields) => format!("({})", fields.iter().map(|(_, v)| show(v)).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}

#[test]
fn fixtures_keep_their_text_and_rows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql");
    let update = sys::env_var("RSDBT_UPDATE").is_some();
    let mut wrong = Vec::new();
    for path in sys::walk(&folder) {
        let mut text = sys::read(&path).expect("a fixture is readable");
        for case in cases(&text.clone()) {
            let name = format!("{}: {}", path.file_name().unwrap_or_default().to_string_lossy(), case.title);
            if let Some(wanted) = &case.duckdb {
                let got = session().explain(&case.bigquery).unwrap_or_else(|e| format!("error: {e}"));
                if update {
                    text = text.replacen(wanted.as_str(), &got, 1);
                } else if got != *wanted {
                    wrong.push(format!("{name}\n  text: {got}"));
                }
            }
            match (session().run(&case.bigquery), &case.rows, &case.error) {
                (Ok(table), Some(rows), _) => {
                    let got: Vec<String> =
                        table.rows.iter().map(|r| r.iter().map(show).collect::<Vec<_>>().join(" | ")).collect();
                    if got.join("\n") != *rows {
                        wrong.push(format!("{name}\n  rows:\n{}", got.join("\n")));
                    }
                }
                (Err(error), None, Some(wanted)) if error.message.contains(wanted.as_str()) => {}
                (Ok(_), None, Some(_)) => wrong.push(format!("{name}\n  no error")),
                (Err(error), ..) => wrong.push(format!("{name}\n  error: {error}")),
                (Ok(_), None, None) => {}
            }
        }
        if update {
            sys::write(&path, &text).expect("a fixture is writable");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_error_points_into_the_bigquery_text() {
    let error = session().run("SELECT 1 AS a,\n  nope FROM (SELECT 1 AS nose)").expect_err("no such column");
    assert_eq!(error.position, Some(17));
    let error = session().run("SELECT ST_BUFFER(x, 1) FROM (SELECT 1 AS x)").expect_err("unsupported");
    assert!(error.message.contains("ST_BUFFER") && error.position == Some(7), "{error:?}");
}

#[test]
fn a_view_works_again_after_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("w.duckdb");
    {
        let mut first = LocalBigQuery::open(Some(&path), "p", "d").and_then(|db| db.connect()).expect("opens");
        first
            .run("CREATE SCHEMA d; CREATE VIEW d.v AS SELECT FARM_FINGERPRINT('foo') AS f, [1, 2][OFFSET(1)] AS x")
            .expect("made");
    }
    let mut second = LocalBigQuery::open(Some(&path), "p", "d").and_then(|db| db.connect()).expect("opens again");
    let rows = second.run("SELECT x FROM `p.d.v`").expect("readable").rows;
    assert_eq!(rows, [[Value::Int(2)]]);
}
