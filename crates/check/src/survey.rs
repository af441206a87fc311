//! One query against the relations that are known.
//!
//! It must never report what BigQuery would accept. Whatever the query reads that nobody has described (a source without
//! types, a model of BigQuery ML, a function of the warehouse) makes it blind: then only its syntax is judged.

use crate::relations::{Columns, Relations, Schema};
use rsdbt_googlesql::analyze::{Analyzer, Catalog, ModelCall};
use rsdbt_googlesql::ast::Function;
use rsdbt_googlesql::lineage::{Lineage, lineage};
use rsdbt_googlesql::query::{Query, Table};
use rsdbt_googlesql::{Result, SqlError, parse};
use std::cell::Cell;
use std::sync::Arc;

/// What a query says of itself.
#[derive(Debug, Default)]
pub struct Survey {
    /// all mistakes, in the order of the text; positions are bytes of the query
    pub findings: Vec<SqlError>,
    /// what the query makes; `None` where it cannot be known
    pub columns: Option<Columns>,
    pub lineage: Option<Lineage>,
    /// Whether more than its syntax could be judged.
    pub is_judged: bool,
}

/// Surveys the text of one query.
pub fn survey(sql: &str, relations: &Relations) -> Survey {
    let parsed = match parse::query(sql) {
        Ok(parsed) => parsed,
        // a script is no mistake, but nothing is known of what it makes
        Err(_) if parse::script(sql).is_ok() => return Survey::default(),
        Err(why) => return Survey { findings: vec![why], is_judged: true, ..Survey::default() },
    };
    let names = Names { relations, is_blind: Cell::new(false) };
    let mut analyzer = Analyzer::new(&names, rsdbt_duckdbsql::library()).collecting();
    let analyzed = analyzer.top_query(&parsed);
    let mut findings = analyzer.findings();
    if names.is_blind.get() {
        return Survey::default();
    }
    match analyzed {
        Ok(query) => Survey { findings, columns: columns(&query), lineage: Some(lineage(&query)), is_judged: true },
        Err(why) => {
            findings.push(why);
            findings.dedup();
            Survey { findings, is_judged: true, ..Survey::default() }
        }
    }
}

/// A table has a name for every column.
fn columns(query: &Query) -> Option<Columns> {
    query.columns.iter().map(|column| Some((column.name.clone()?, column.ty.clone()))).collect()
}

struct Names<'r> {
    relations: &'r Relations,
    /// Something was asked that nobody knows.
    is_blind: Cell<bool>,
}

impl Names<'_> {
    fn unknown<T>(&self) -> Result<Option<T>> {
        self.is_blind.set(true);
        Ok(None)
    }
}

impl Catalog for Names<'_> {
    fn relation(&self, path: &[String]) -> Result<Option<Table>> {
        match self.relations.get(path) {
            Some(Schema::Known(columns)) => {
                let engine = self.relations.key(path);
                let path = engine.split('.').map(str::to_owned).collect();
                Ok(Some(Table { path, engine, columns: columns.clone(), hidden: Vec::new(), input: None }))
            }
            Some(Schema::Unknown) => self.unknown(),
            // a bare name is no table of a warehouse: there is no default dataset in the queries of a project
            None if path.len() == 1 && !path[0].contains('.') => Ok(None),
            None => self.unknown(),
        }
    }

    fn routine(&self, path: &str) -> Option<Arc<Function>> {
        if path.contains('.') {
            self.is_blind.set(true);
        }
        None
    }

    fn model_call(&self, _: &str, _: &ModelCall) -> Result<Option<Table>> {
        self.unknown()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::type_of;

    fn relations() -> Relations {
        let mut relations = Relations::new("lab", "shop");
        let columns = [("id", "INT64"), ("state", "STRING"), ("items", "ARRAY<STRUCT<sku STRING, n INT64>>")];
        let columns = columns.iter().map(|(n, t)| ((*n).to_owned(), type_of(t).expect("a type"))).collect();
        relations.insert(&["lab", "shop", "orders"], Schema::Known(columns));
        relations.insert(&["lab", "raw", "events"], Schema::Unknown);
        relations
    }

    fn messages(sql: &str) -> Vec<String> {
        survey(sql, &relations()).findings.into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn every_mistake_is_found_and_good_queries_have_none() {
        assert_eq!(messages("select id, items[safe_offset(0)].sku from `lab`.`shop`.`orders`"), Vec::<String>::new());
        let found = messages("select ide, upper(id), stat from `lab.shop.orders` where state > 3");
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].contains("ide"), "{found:?}");
        assert_eq!(messages("select state, count(*) from lab.shop.orders").len(), 1);
        assert_eq!(messages("select 1 from nowhere").len(), 1);
        assert_eq!(messages("select 1 from").len(), 1);
    }

    #[test]
    fn what_nobody_knows_is_silent() {
        for sql in [
            "select anything, upper(1) from `lab.raw.events`",
            "select anything from elsewhere.t",
            "select * from ml.predict(model shop.m, (select 1 as x))",
            "select shop.f(1) + nope",
            "declare x int64; select x",
        ] {
            assert_eq!(messages(sql), Vec::<String>::new(), "{sql}");
            let found = survey(sql, &relations());
            assert!(found.columns.is_none() && !found.is_judged, "{sql}");
        }
    }

    #[test]
    fn the_schema_is_told() {
        let found = survey("select id + 0.5 as x, items from shop.orders", &relations()).columns.expect("known");
        let found: Vec<String> = found.iter().map(|(name, ty)| format!("{name} {ty}")).collect();
        assert_eq!(found, ["x FLOAT64", "items ARRAY<STRUCT<sku STRING, n INT64>>"]);
    }
}
