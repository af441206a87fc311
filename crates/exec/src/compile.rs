//! From a node to SQL: rendering, and ephemeral models as CTEs in front.

use super::host::RunHost;
use super::world::World;
use rsdbt_base::Diagnostic;
use rsdbt_jinja::{Data, RenderError};
use rsdbt_project::ir::Node;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The SQL of a node, complete.
pub fn compile(host: &Arc<RunHost>) -> Result<String, RenderError> {
    let world = host.world.clone();
    let scope = world.engine.scope(host.clone(), &host.node.package);
    let sql = match &host.node.test {
        Some(info) if info.is_generic() => {
            let kwargs = rsdbt_project::parse::test_arguments(&world.engine, &scope, info)?;
            let definition =
                rsdbt_project::parse::test_macro(&world.engine, &host.node).ok_or_else(|| missing(&host.node))?;
            text(world.engine.call(&definition, &scope, kwargs)?)
        }
        _ => world.engine.render(&host.node.template, &scope)?,
    };
    with_ephemeral(host, sql.trim().to_owned())
}

fn missing(node: &Node) -> RenderError {
    let message = format!("the test '{}' is undefined", node.name);
    RenderError { diagnostic: Diagnostic::error(rsdbt_base::Code::JINJA, message), fault: None }
}

fn text(data: Data) -> String {
    match data {
        Data::Text(text) => text,
        other => other.to_json().to_string(),
    }
}

/// Puts every ephemeral model that the SQL uses, and those that they use, in front as CTEs.
fn with_ephemeral(host: &Arc<RunHost>, sql: String) -> Result<String, RenderError> {
    let mut ctes: Vec<(String, String)> = Vec::new();
    let mut compiled = BTreeMap::new();
    for id in host.ephemeral() {
        add(&host.world, host, &id, &mut compiled, &mut ctes)?;
    }
    Ok(inject(&sql, &ctes))
}

fn add(
    world: &Arc<World>,
    around: &Arc<RunHost>,
    id: &str,
    compiled: &mut BTreeMap<String, ()>,
    ctes: &mut Vec<(String, String)>,
) -> Result<(), RenderError> {
    let Some(node) = world.manifest.nodes.get(id) else { return Ok(()) };
    if compiled.insert(id.to_owned(), ()).is_some() {
        return Ok(());
    }
    let mut inner = RunHost::new(world, &Arc::new(node.clone()), None);
    inner.stand_ins = around.stand_ins.clone();
    let inner = Arc::new(inner);
    let scope = world.engine.scope(inner.clone(), &node.package);
    let sql = world.engine.render(&node.template, &scope)?;
    for id in inner.ephemeral() {
        add(world, around, &id, compiled, ctes)?;
    }
    ctes.push((format!("__dbt__cte__{}", node.name), sql.trim().trim_end_matches(';').to_owned()));
    Ok(())
}

/// `with a as (...)` before the query, or before the CTEs that it has already.
fn inject(sql: &str, ctes: &[(String, String)]) -> String {
    if ctes.is_empty() {
        return sql.to_owned();
    }
    let list: Vec<String> = ctes.iter().map(|(name, sql)| format!("{name} as (\n{sql}\n)")).collect();
    let list = list.join(", ");
    match leading_with(sql) {
        Some((recursive, at)) => {
            let word = if recursive { "with recursive" } else { "with" };
            format!("{}{word} {list}, {}", &sql[..at.0], sql[at.1..].trim_start())
        }
        None => format!("with {list}\n--EPHEMERAL-SELECT-WRAPPER-START\n{sql}\n--EPHEMERAL-SELECT-WRAPPER-END"),
    }
}

/// Where the query's own WITH starts and ends, comments before it skipped.
fn leading_with(sql: &str) -> Option<(bool, (usize, usize))> {
    let mut at = 0;
    loop {
        let rest = &sql[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if trimmed.starts_with("--") {
            at += trimmed.find('\n')? + 1;
        } else if trimmed.starts_with("/*") {
            at += trimmed.find("*/")? + 2;
        } else {
            break;
        }
    }
    let word = |from: usize, word: &str| {
        let found = sql.get(from..from + word.len()).is_some_and(|text| text.eq_ignore_ascii_case(word));
        found && sql[from + word.len()..].starts_with(char::is_whitespace)
    };
    if !word(at, "with") {
        return None;
    }
    let after = at + 4 + (sql[at + 4..].len() - sql[at + 4..].trim_start().len());
    if word(after, "recursive") { Some((true, (at, after + 9))) } else { Some((false, (at, at + 4))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctes_go_before_the_querys_own() {
        let ctes = [("__dbt__cte__a".to_owned(), "select 1".to_owned())];
        let sql = inject("-- note\nWITH b as (select 2) select * from b", &ctes);
        assert_eq!(sql, "-- note\nwith __dbt__cte__a as (\nselect 1\n), b as (select 2) select * from b");
        assert!(inject("select 1", &ctes).starts_with("with __dbt__cte__a as (\nselect 1\n)\n"));
    }
}
