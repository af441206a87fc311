//! Unit tests: the model's SQL over given rows, compared with the expected rows.

use super::compile;
use super::host::RunHost;
use super::job::Purpose;
use super::result::{blank_result, fail};
use super::world::World;
use rsdbt_base::{Code, Column, Diagnostic, Dialect, Place, Relation, Table, Value};
use rsdbt_jinja::{Data, Fault};
use rsdbt_project::ir::{NodeResult, RefCall, Status, UnitRows, UnitTest};
use rsdbt_warehouse::Session;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub fn run(
    world: &Arc<World>,
    test: &UnitTest,
    session: Option<Box<dyn Session>>,
    purpose: Purpose,
) -> (NodeResult, Option<Box<dyn Session>>) {
    let mut result = blank_result(world, &test.unique_id, Status::Pass);
    let place = Place::at(&test.original_file_path, test.line, 0);
    let model = test.depends_on.first().and_then(|id| world.manifest.nodes.get(id));
    let Some(model) = model else { return (result, session) };
    let host = RunHost::new(world, &Arc::new(model.clone()), session);
    let (host, inputs) = prepare(world, test, host);
    let inputs = match inputs {
        Ok(inputs) => inputs,
        Err(fault) => return (failed(result, fault.message, place), host.into_session()),
    };
    let host = Arc::new(host);
    let compiled = host.set_comment().map_err(fail).and_then(|()| compile::compile(&host));
    let outcome = match compiled {
        Ok(sql) => {
            let sql = with_inputs(&inputs, &sql);
            result.compiled_code = Some(sql.clone());
            if purpose != Purpose::Build { Ok(None) } else { compare(&host, test, &sql) }
        }
        Err(error) => Err(error.fault.unwrap_or_else(|| Fault::compilation(error.diagnostic.message))),
    };
    result = match outcome {
        Ok(None) => result,
        Ok(Some(difference)) => {
            let diagnostic = Diagnostic::error(Code::TEST, difference.clone()).at(place);
            NodeResult {
                status: Status::Fail,
                failures: Some(1),
                message: Some(difference),
                diagnostic: Some(diagnostic),
                ..result
            }
        }
        Err(fault) => failed(result, fault.message, place),
    };
    if result.status == Status::Pass {
        result.failures = Some(0);
    }
    (result, host.into_session())
}

fn failed(result: NodeResult, message: String, place: Place) -> NodeResult {
    let diagnostic = Diagnostic::error(Code::TEST, message.clone()).at(place);
    NodeResult { status: Status::RuntimeError, message: Some(message), diagnostic: Some(diagnostic), ..result }
}

type Inputs = Vec<(String, String)>;

/// Puts a stand-in in the place of every input.
fn prepare(world: &Arc<World>, test: &UnitTest, mut host: RunHost) -> (RunHost, Result<Inputs, Fault>) {
    let mut inputs = Vec::new();
    for (at, given) in test.given.iter().enumerate() {
        let found = match input(world, test, &given.input) {
            Ok(found) => found,
            Err(fault) => return (host, Err(fault)),
        };
        let name = format!("__dbt__cte__unit_{at}_{}", found.label);
        let sql = match &given.rows {
            UnitRows::Sql(sql) => sql.clone(),
            UnitRows::Dicts(rows) => {
                let columns = host.columns(&found.relation).unwrap_or_default();
                rows_sql(world.invocation.dialect, rows, &columns)
            }
        };
        inputs.push((name.clone(), sql));
        let stand_in = Relation { identifier: Some(name), kind: Some("cte".into()), ..Relation::default() };
        host.stand_ins.insert(found.key, Data::Relation(stand_in));
    }
    for (name, value) in test.overrides.get("vars").and_then(Json::as_object).into_iter().flatten() {
        host.vars.insert(name.clone(), value.clone());
    }
    for (name, value) in test.overrides.get("macros").and_then(Json::as_object).into_iter().flatten() {
        host.stand_ins.insert(format!("macro.{name}"), Data::from(value.clone()));
    }
    (host, Ok(inputs))
}

struct Input {
    /// The id that `ref` and `source` look up, or `this`.
    key: String,
    label: String,
    relation: Relation,
}

/// `ref('x')`, `source('a', 'b')` or `this`.
fn input(world: &World, test: &UnitTest, text: &str) -> Result<Input, Fault> {
    let dialect = world.invocation.dialect;
    let parts: Vec<&str> = text.split(['\'', '"']).skip(1).step_by(2).collect();
    let unknown = || Fault::compilation(format!("the input {text} of unit test '{}' was not found", test.name));
    if text.trim() == "this" {
        let model = test.depends_on.first().and_then(|id| world.manifest.nodes.get(id)).ok_or_else(unknown)?;
        return Ok(Input { key: "this".into(), label: model.name.clone(), relation: model.relation(dialect) });
    }
    match (text.trim_start().starts_with("ref"), parts.as_slice()) {
        (true, [.., name]) => {
            let package = (parts.len() > 1).then(|| parts[0].to_owned());
            let call = RefCall { package, name: (*name).to_owned(), version: None };
            let id = world.refs.find(&call, &test.package, &world.manifest.project).ok_or_else(unknown)?;
            let node = world.manifest.nodes.get(id).ok_or_else(unknown)?;
            let relation = Relation { kind: None, ..Relation::new(&node.database, &node.schema, &node.alias, dialect) };
            Ok(Input { key: id.clone(), label: node.name.clone(), relation })
        }
        (false, [source, table]) => {
            let found = world
                .manifest
                .sources
                .values()
                .find(|s| s.source_name == *source && s.name == *table)
                .ok_or_else(unknown)?;
            Ok(Input { key: found.unique_id.clone(), label: found.name.clone(), relation: found.relation(dialect) })
        }
        _ => Err(unknown()),
    }
}

fn with_inputs(inputs: &Inputs, sql: &str) -> String {
    if inputs.is_empty() {
        return sql.to_owned();
    }
    let ctes: Vec<String> = inputs.iter().map(|(name, sql)| format!("{name} as (\n{sql}\n)")).collect();
    format!(
        "with {}\nselect * from (\n{}\n) as unit_test_model",
        ctes.join(",\n"),
        sql.trim_end().trim_end_matches(';')
    )
}

/// `select cast(... as type) as a union all ...`; columns that a row leaves out are NULL.
fn rows_sql(dialect: Dialect, rows: &[Map<String, Json>], columns: &[Column]) -> String {
    let known = |name: &str| columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)).map(|c| c.data_type.clone());
    let mut names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
    for name in rows.iter().flat_map(|row| row.keys()) {
        if !names.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            names.push(name.clone());
        }
    }
    if names.is_empty() {
        return "select 1 as empty where false".to_owned();
    }
    let select = |row: &Map<String, Json>| {
        let cells: Vec<String> = names
            .iter()
            .map(|name| {
                let value = row.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v);
                let literal = literal(dialect, value.unwrap_or(&Json::Null));
                let cell = match known(name) {
                    Some(data_type) if !matches!(value, Some(Json::Array(_) | Json::Object(_))) => {
                        format!("cast({literal} as {data_type})")
                    }
                    _ => literal,
                };
                format!("{cell} as {}", dialect.quote(name))
            })
            .collect();
        format!("select {}", cells.join(", "))
    };
    if rows.is_empty() {
        return format!("{} limit 0", select(&Map::new()));
    }
    rows.iter().map(select).collect::<Vec<_>>().join("\nunion all\n")
}

fn literal(dialect: Dialect, value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => dialect.literal(text),
        Json::Array(items) => format!("[{}]", items.iter().map(|v| literal(dialect, v)).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => match dialect {
            Dialect::DuckDb => {
                let fields: Vec<String> = map.iter().map(|(k, v)| format!("'{k}': {}", literal(dialect, v))).collect();
                format!("{{{}}}", fields.join(", "))
            }
            Dialect::GoogleSql => {
                let fields: Vec<String> =
                    map.iter().map(|(k, v)| format!("{} as `{k}`", literal(dialect, v))).collect();
                format!("struct({})", fields.join(", "))
            }
        },
    }
}

/// The difference between what came and what was expected; `None` when there is none.
fn compare(host: &RunHost, test: &UnitTest, sql: &str) -> Result<Option<String>, Fault> {
    let dialect = host.world.invocation.dialect;
    let columns = host.with_session(|session| session.columns_of_query(sql))?;
    let (expected_sql, names) = match &test.expect {
        UnitRows::Sql(sql) => {
            let columns = host.with_session(|session| session.columns_of_query(sql))?;
            (sql.clone(), columns.into_iter().map(|c| c.name).collect::<Vec<_>>())
        }
        UnitRows::Dicts(rows) => {
            let mut names: Vec<String> = Vec::new();
            for name in rows.iter().flat_map(|row| row.keys()) {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
            if let Some(unknown) = names.iter().find(|n| !columns.iter().any(|c| c.name.eq_ignore_ascii_case(n))) {
                return Err(Fault::compilation(format!(
                    "Invalid column name: '{unknown}' in unit test '{}' expected output. Accepted columns are: {:?}",
                    test.name,
                    columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>()
                )));
            }
            let wanted: Vec<Column> =
                columns.iter().filter(|c| names.iter().any(|n| n.eq_ignore_ascii_case(&c.name))).cloned().collect();
            (rows_sql(dialect, rows, &wanted), wanted.into_iter().map(|c| c.name).collect())
        }
    };
    let list = if names.is_empty() {
        "1 as one".to_owned()
    } else {
        names.iter().map(|n| dialect.quote(n)).collect::<Vec<_>>().join(", ")
    };
    let only = |query: &str| format!("select {list} from (\n{query}\n) as unit_test_rows");
    let actual = if let UnitRows::Dicts(rows) = &test.expect
        && rows.is_empty()
    {
        // Nothing is expected: any row is a difference.
        let all = host.execute(sql, false)?.table;
        return Ok((!all.rows.is_empty())
            .then(|| format!("expected no rows, got {}:\n{}", all.rows.len(), lines(&all).join("\n"))));
    } else {
        host.execute(&only(sql), false)?.table
    };
    let expected = host.execute(&only(&expected_sql), false)?.table;
    Ok(difference(&names, &lines(&actual), &lines(&expected)))
}

fn lines(table: &Table) -> Vec<String> {
    table.rows.iter().map(|row| row.iter().map(cell_text).collect::<Vec<_>>().join(" | ")).collect()
}

/// A cell as it is compared and shown. Decimals are compared as numbers: `1.50` is `1.5`.
fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Decimal(_) => value.to_json().to_string(),
        other => other.text(),
    }
}

fn difference(names: &[String], actual: &[String], expected: &[String]) -> Option<String> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    actual.iter().for_each(|line| *counts.entry(line).or_default() += 1);
    expected.iter().for_each(|line| *counts.entry(line).or_default() -= 1);
    let mut text = vec![format!("actual differs from expected:\n\n  {}", names.join(" | "))];
    for (line, count) in counts {
        let sign = if count > 0 { '+' } else { '-' };
        text.extend(std::iter::repeat_n(format!("{sign} {line}"), count.unsigned_abs() as usize));
    }
    text.push("\n(+ is a row that came, - one that was expected)".to_owned());
    (text.len() > 2).then(|| text.join("\n"))
}
