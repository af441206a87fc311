//! Every `tests/fixtures/jinja/*.md`: a template, macros beside it, and dbt's text or a piece of dbt's message with its line.
//! `make certify-jinja` asks dbt itself. A case with `todo: reason` must still fail, so that the list of them cannot rot.

use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Dialect, Relation};
use rsdbt_jinja::{Arguments, Data, Engine, Fault, File, Host, Registry, prepare};
use rsdbt_sys as sys;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The world of `scripts/certify_jinja.py`.
struct Shop;

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("valid JSON")
}

fn relation(schema: &str, name: &str) -> Data {
    Data::Relation(Relation::new("db", schema, name, Dialect::DuckDb))
}

impl Host for Shop {
    fn executing(&self) -> bool {
        true
    }
    fn reference(&self, _: Option<&str>, name: &str, version: Option<&str>) -> Result<Data, Fault> {
        Ok(relation("main", &version.map_or_else(|| name.to_owned(), |v| format!("{name}_v{v}"))))
    }
    fn source(&self, source: &str, table: &str) -> Result<Data, Fault> {
        Ok(relation(source, table))
    }
    fn var(&self, name: &str) -> Option<serde_json::Value> {
        let all = r#"{"three": 3, "names": ["ada", "bob"], "nested": {"a": {"b": 1}}, "empty": "", "nothing": null, "flag": false}"#;
        json(all).get(name).cloned()
    }
    fn env_var(&self, name: &str) -> Option<String> {
        match name {
            "SHOP_COLOUR" => Some("blue".to_owned()),
            "SHOP_EMPTY" => Some(String::new()),
            _ => None,
        }
    }
    fn configure(&self, _: IndexMap<String, Data>) -> Result<(), Fault> {
        Ok(())
    }
    fn config(&self, key: &str) -> Option<Data> {
        let all = r#"{"unique_key": "id", "materialized": "table", "tags": ["a", "b"], "meta": {"owner": "ada"}, "unset": null}"#;
        json(all).get(key).cloned().map(Data::from)
    }
    fn variable(&self, name: &str) -> Option<Data> {
        match name {
            "this" => Some(relation("main", "here")),
            "target" => Some(json(r#"{"name": "dev", "type": "duckdb", "schema": "main", "threads": 1}"#).into()),
            _ => None,
        }
    }
    fn adapter(&self, method: &str, _: Arguments) -> Result<Data, Fault> {
        Err(Fault::compilation(format!("there is no warehouse for adapter.{method}")))
    }
    fn log(&self, _: &str, _: bool) {}
    fn warn(&self, _: &str) {}
    fn doc(&self, _: Option<&str>, name: &str) -> Result<String, Fault> {
        Err(Fault::new(Code::JINJA, "Compilation", format!("no doc {name}")))
    }
    fn macro_called(&self, _: &str) {}
    fn dialect(&self) -> Dialect {
        Dialect::DuckDb
    }
}

/// The fenced block of a language in a section.
fn block<'s>(section: &'s str, language: &str) -> Option<&'s str> {
    let start = section.find(&format!("\n```{language}\n"))? + language.len() + 5;
    let end = section[start - 1..].find("\n```")? + start - 1;
    Some(section.get(start..end).unwrap_or_default())
}

fn render(macros: Option<&str>, model: &str) -> Result<String, Diagnostic> {
    let mut registry = Registry::new("shop", "duckdb", BTreeMap::new());
    let file = |path, source| -> Result<File, Diagnostic> {
        Ok(File { package: "shop", path, source, prepared: prepare(path, source)? })
    };
    if let Some(macros) = macros {
        registry.add_macros(file("macros/all.sql", macros)?);
    }
    registry.register(&file("models/m.sql", model)?);
    let engine = Engine::new(registry);
    engine.render("models/m.sql", &engine.scope(Arc::new(Shop), "shop")).map_err(|error| error.diagnostic)
}

/// Why a case is not as its file says; `None` when it is.
fn difference(section: &str) -> Option<String> {
    let got = render(block(section, "macros"), block(section, "jinja").expect("a case has a jinja block"));
    match (got, block(section, "text"), block(section, "error")) {
        (Ok(got), Some(wanted), None) if got == wanted => None,
        (Ok(got), ..) => Some(format!("text: {got}")),
        (Err(got), None, Some(wanted)) => {
            let (words, line) = match wanted.rsplit_once("\nline ") {
                Some((words, line)) => (words, line.parse::<usize>().ok()),
                None => (wanted, None),
            };
            let place = got.place.as_ref().map(|place| place.line);
            let right = got.message.contains(words) && (line.is_none() || line == place);
            (!right).then(|| format!("error: {} (line {place:?})", got.message))
        }
        (Err(got), ..) => Some(format!("error: {got}")),
    }
}

#[test]
fn templates_render_as_in_dbt() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jinja");
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for path in sys::walk(&folder) {
        let text = sys::read(&path).expect("a fixture is readable");
        for section in text.split("\n## ").skip(1) {
            cases += 1;
            let title = section.lines().next().unwrap_or_default();
            let name = format!("{}: {title}", path.file_name().unwrap_or_default().to_string_lossy());
            match (difference(section), section.contains("\ntodo: ")) {
                (Some(why), false) => wrong.push(format!("{name}\n  {why}")),
                (None, true) => wrong.push(format!("{name}\n  works now: its `todo:` can go")),
                _ => {}
            }
        }
    }
    assert!(cases > 180, "{cases} cases: are the fixtures there?");
    assert!(wrong.is_empty(), "{} of {cases} cases differ\n{}", wrong.len(), wrong.join("\n"));
}
