//! Every `tests/fixtures/sql/*/*.md`: a BigQuery block, the typed columns, the DuckDB text it becomes, the rows it gives, or the
//! error it must fail with. Types and rows are certified by Google's reference implementation (`make certify`).
//! What is not right yet stands in `tests/expected/sql_fixtures.txt`, where it must still be wrong, so that no list rots.
//! `RSDBT_UPDATE=1` writes the DuckDB blocks and that list anew, never types, rows or errors.

use rsdbt_bqlocal::{LocalBigQuery, LocalSession, json};
use rsdbt_sys as sys;
use rsdbt_warehouse::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

struct Case {
    /// `family/topic.md: title`
    name: String,
    /// the section as it stands in its file
    section: String,
    bigquery: String,
    types: Option<String>,
    duckdb: Option<String>,
    rows: Option<String>,
    error: Option<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn session() -> LocalSession {
    LocalBigQuery::open(None, "local", "").and_then(|db| db.connect()).expect("an empty warehouse opens")
}

/// The fenced block of a language in a section; an empty block is an empty text.
fn block(section: &str, language: &str) -> Option<String> {
    let fence = format!("```{language}\n");
    let start = section.find(&fence)? + fence.len();
    let end = if section[start..].starts_with("```") { start } else { section[start..].find("\n```")? + start };
    Some(section[start..end].to_owned())
}

fn cases(path: &Path, text: &str) -> Vec<Case> {
    let file =
        path.strip_prefix(root().join("tests/fixtures/sql")).expect("inside").to_string_lossy().replace('\\', "/");
    text.split("\n## ")
        .skip(1)
        .map(|section| Case {
            name: format!("{file}: {}", section.lines().next().unwrap_or_default().trim()),
            section: section.to_owned(),
            bigquery: block(section, "bigquery").expect("a case has a bigquery block"),
            types: block(section, "types"),
            duckdb: block(section, "duckdb"),
            rows: block(section, "rows"),
            error: block(section, "error"),
        })
        .collect()
}

/// What a case gives that it should not; nothing where it is right.
fn mistake(case: &Case) -> Option<String> {
    // a panic is a mistake of the case, not the end of the list
    let Ok(answer) = std::panic::catch_unwind(|| session().run(&case.bigquery)) else { return Some("a panic".into()) };
    let table = match (answer, &case.error) {
        (Ok(_), Some(wanted)) => return Some(format!("no error, but it should say: {wanted}")),
        (Err(error), Some(wanted)) => {
            let said = error.message.to_lowercase().contains(&wanted.to_lowercase());
            return (!said).then(|| format!("it should say: {wanted}\n    but says: {}", error.message));
        }
        (Err(error), None) => return Some(format!("error: {}", error.message)),
        (Ok(table), None) => table,
    };
    let named = |name: &str| {
        name.strip_prefix('f').and_then(|rest| rest.strip_suffix('_')).is_some_and(|n| n.parse::<u32>().is_ok())
    };
    let types: Vec<String> = table
        .columns
        .iter()
        .map(|c| format!("{} {}", if named(&c.name) { "_" } else { &c.name }, c.data_type))
        .collect();
    if let Some(wanted) = &case.types
        && types.join("\n") != *wanted
    {
        return Some(format!("types: {}\n    wanted: {}", types.join(", "), wanted.replace('\n', ", ")));
    }
    let rows: Vec<String> = table
        .rows
        .iter()
        .map(|row| serde_json::Value::Array(row.iter().map(json::value).collect()).to_string())
        .collect();
    let wanted = case.rows.as_deref().unwrap_or_default();
    let same =
        rows.len() == wanted.lines().count() && rows.iter().zip(wanted.lines()).all(|(got, want)| same_row(got, want));
    (!same).then(|| format!("rows: {}\n    wanted: {wanted}", rows.join(" ")))
}

/// Equal as JSON, where two floats may differ in the last digits.
fn same_row(got: &str, want: &str) -> bool {
    fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
        match (a, b) {
            (serde_json::Value::Array(a), serde_json::Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (serde_json::Value::Number(x), serde_json::Value::Number(y)) => match (x.as_i64(), y.as_i64()) {
                (Some(x), Some(y)) => x == y,
                _ => {
                    let (x, y) = (x.as_f64().unwrap_or(f64::NAN), y.as_f64().unwrap_or(f64::NAN));
                    (x - y).abs() <= 1e-12 * x.abs().max(y.abs())
                }
            },
            _ => a == b,
        }
    }
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    matches!((read(got), read(want)), (Ok(a), Ok(b)) if same(&a, &b))
}

fn explained(case: &Case) -> Option<String> {
    session().explain(&case.bigquery).ok()
}

/// The file with the DuckDB block of a case written or replaced.
fn with_text(text: &str, case: &Case, duckdb: &str) -> String {
    let block = format!("```duckdb\n{duckdb}\n```");
    let section = match &case.duckdb {
        Some(old) => case.section.replacen(&format!("```duckdb\n{old}\n```"), &block, 1),
        None => match case.section.find("\n```rows") {
            Some(at) => format!("{}\n{block}\n{}", &case.section[..at], &case.section[at..]),
            None => case.section.clone(),
        },
    };
    text.replacen(&case.section, &section, 1)
}

fn fixture_files() -> Vec<PathBuf> {
    let mut files = sys::walk(&root().join("tests/fixtures/sql"));
    files.retain(|path| path.extension().is_some_and(|e| e == "md"));
    files.sort();
    files
}

#[test]
fn fixtures_keep_their_types_text_and_rows() {
    let update = sys::env_var("RSDBT_UPDATE").is_some();
    let list = root().join("tests/expected/sql_fixtures.txt");
    let expected: BTreeSet<String> =
        sys::read(&list).unwrap_or_default().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let (mut wrong, mut failing, mut count) = (Vec::new(), BTreeSet::new(), 0);
    for path in fixture_files() {
        let mut text = sys::read(&path).expect("a fixture is readable");
        for case in cases(&path, &text.clone()) {
            count += 1;
            if let Some(mistake) = mistake(&case) {
                if !expected.contains(&case.name) {
                    wrong.push(format!("{}\n    {mistake}", case.name));
                }
                failing.insert(case.name.clone());
                continue;
            }
            if expected.contains(&case.name) {
                wrong.push(format!("{}\n    is right now: take it off {}", case.name, list.display()));
            }
            if case.error.is_none()
                && let Some(got) = explained(&case)
            {
                if update {
                    text = with_text(&text, &case, &got);
                } else if case.duckdb.as_ref().is_some_and(|wanted| *wanted != got) {
                    wrong.push(format!("{}\n    text: {got}", case.name));
                }
            }
        }
        if update {
            sys::write(&path, &text).expect("a fixture is writable");
        }
    }
    assert!(count > 600, "only {count} cases were found");
    if update {
        let names: Vec<String> = failing.into_iter().collect();
        sys::write(&list, names.join("\n") + "\n").expect("the list is writable");
        return;
    }
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
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
