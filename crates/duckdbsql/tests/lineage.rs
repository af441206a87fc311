//! Lineage, reads, result schemas and findings of analyzed statements, over a catalog of a few tables.

use rsdbt_googlesql::analyze::{Analyzer, Catalog, ModelCall};
use rsdbt_googlesql::ast::StatementKind;
use rsdbt_googlesql::lineage::{Flow, Influence, Lineage, SourceColumn, lineage, plan_reads, reads, written};
use rsdbt_googlesql::query::{Query, Table};
use rsdbt_googlesql::types::Type;
use rsdbt_googlesql::{Result, parse};

const TABLES: &[(&str, &[(&str, &str)])] = &[
    (
        "orders",
        &[
            ("id", "INT64"),
            ("customer_id", "INT64"),
            ("amount", "NUMERIC"),
            ("placed", "TIMESTAMP"),
            ("state", "STRING"),
        ],
    ),
    ("customers", &[("id", "INT64"), ("name", "STRING"), ("address", "STRUCT<city STRING, zip STRING>")]),
    ("events", &[("name", "STRING"), ("params", "ARRAY<STRUCT<key STRING, value INT64>>")]),
    ("totals", &[("customer_id", "INT64"), ("total", "NUMERIC")]),
    ("paid", &[("id", "INT64"), ("net", "NUMERIC")]),
];

struct Tables;

impl Catalog for Tables {
    fn relation(&self, path: &[String]) -> Result<Option<Table>> {
        let found = TABLES.iter().find(|(name, _)| path.last().is_some_and(|last| last == name));
        Ok(found.map(|(name, columns)| {
            let ty = |text: &str| Type::of_name(&parse::type_name(text).expect("a type")).expect("a known type");
            let columns = columns.iter().map(|(n, t)| ((*n).to_owned(), ty(t))).collect();
            Table {
                path: vec![(*name).to_owned()],
                engine: (*name).to_owned(),
                columns,
                hidden: Vec::new(),
                input: None,
            }
        }))
    }

    fn model_call(&self, _: &str, call: &ModelCall) -> Result<Option<Table>> {
        let mut columns = vec![("predicted_churn".to_owned(), Type::Bool)];
        let input = call.input.clone();
        columns
            .extend(input.iter().flat_map(|q| &q.columns).map(|c| (c.name.clone().unwrap_or_default(), c.ty.clone())));
        Ok(Some(Table {
            path: Vec::new(),
            engine: "(model)".into(),
            columns,
            hidden: Vec::new(),
            input: input.map(Box::new),
        }))
    }
}

fn query(sql: &str) -> Query {
    let parsed = parse::query(sql).unwrap_or_else(|e| panic!("{sql}: {}", e.message));
    Analyzer::new(&Tables, rsdbt_duckdbsql::library())
        .top_query(&parsed)
        .unwrap_or_else(|e| panic!("{sql}: {}", e.message))
}

fn shown(flow: &Flow) -> String {
    let word = |influence: &Influence| match influence {
        Influence::Copied => "copied",
        Influence::Derived => "derived",
        Influence::Aggregated => "aggregated",
        Influence::Filter => "filter",
        Influence::Ordering => "ordering",
    };
    let one = |(source, influence): (&SourceColumn, &Influence)| {
        format!("{}.{} {}", source.table.join("."), source.column, word(influence))
    };
    flow.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn text(lineage: &Lineage) -> String {
    let column =
        |(name, flow): &(Option<String>, Flow)| format!("{} <- {}", name.as_deref().unwrap_or("_"), shown(flow));
    let mut lines: Vec<String> = lineage.columns.iter().map(column).collect();
    if !lineage.rows.is_empty() {
        lines.push(format!("rows <- {}", shown(&lineage.rows)));
    }
    lines.join("\n")
}

/// (statement, its lineage)
const CASES: &[(&str, &str)] = &[
    (
        "SELECT id AS order_id, amount * 2 AS twice FROM orders",
        "order_id <- orders.id copied\ntwice <- orders.amount derived",
    ),
    ("SELECT * EXCEPT (address) FROM customers", "id <- customers.id copied\nname <- customers.name copied"),
    (
        "SELECT customer_id, SUM(amount) AS total FROM orders WHERE state = 'paid' GROUP BY customer_id",
        "customer_id <- orders.customer_id copied\ntotal <- orders.amount aggregated\nrows <- orders.customer_id ordering, orders.state filter",
    ),
    (
        "WITH o AS (SELECT customer_id AS c, amount FROM orders) SELECT name, amount FROM o JOIN customers ON customers.id = o.c",
        "name <- customers.name copied\namount <- orders.amount copied\nrows <- customers.id filter, orders.customer_id filter",
    ),
    (
        "SELECT address.city AS city, UPPER(address.zip) AS zip FROM customers",
        "city <- customers.address.city copied\nzip <- customers.address.zip derived",
    ),
    ("SELECT p.key FROM events, UNNEST(params) AS p", "key <- events.params.key copied"),
    (
        "SELECT ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY placed) AS n FROM orders",
        "n <- orders.customer_id ordering, orders.placed ordering",
    ),
    ("SELECT s.a FROM (SELECT STRUCT(id AS a, state AS b) AS s FROM orders)", "a <- orders.id copied"),
    (
        "SELECT * FROM (SELECT customer_id, state, amount FROM orders) PIVOT (SUM(amount) AS s FOR state IN ('paid' AS p))",
        "customer_id <- orders.customer_id copied\ns_p <- orders.amount aggregated, orders.state filter\nrows <- orders.customer_id ordering",
    ),
    ("SELECT id FROM orders UNION ALL SELECT id FROM customers", "id <- customers.id copied, orders.id copied"),
    (
        "SELECT id FROM orders EXCEPT DISTINCT SELECT id FROM customers",
        "id <- orders.id copied\nrows <- customers.id filter",
    ),
    (
        "SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)",
        "name <- customers.name copied\nrows <- customers.id filter, orders.customer_id filter",
    ),
    (
        "SELECT predicted_churn, id FROM ML.PREDICT(MODEL m, (SELECT id, amount FROM orders))",
        "predicted_churn <- orders.amount derived, orders.id derived\nid <- orders.id copied",
    ),
    (
        "SELECT CASE WHEN state = 'paid' THEN amount END AS paid FROM orders",
        "paid <- orders.amount derived, orders.state derived",
    ),
    (
        "WITH RECURSIVE t AS (SELECT id FROM orders UNION ALL SELECT t.id + 1 FROM t WHERE t.id < 3) SELECT id FROM t",
        "id <- orders.id copied\nrows <- orders.id filter",
    ),
    (
        "FROM orders |> WHERE state = 'paid' |> SELECT id, amount AS net",
        "id <- orders.id copied\nnet <- orders.amount copied\nrows <- orders.state filter",
    ),
];

#[test]
fn columns_know_what_makes_them() {
    for (sql, wanted) in CASES {
        assert_eq!(text(&lineage(&query(sql))), *wanted, "{sql}");
    }
}

fn plan(sql: &str) -> rsdbt_googlesql::analyze::Plan {
    let statements = parse::script(sql).unwrap_or_else(|e| panic!("{sql}: {}", e.message));
    let [statement] = statements.as_slice() else { panic!("one statement: {sql}") };
    assert!(!matches!(statement.kind, StatementKind::Begin));
    Analyzer::new(&Tables, rsdbt_duckdbsql::library())
        .statement(statement)
        .unwrap_or_else(|e| panic!("{sql}: {}", e.message))
}

#[test]
fn a_merge_and_an_update_know_what_they_write() {
    let merge = "MERGE totals t USING (SELECT customer_id, SUM(amount) AS s FROM orders GROUP BY 1) o ON t.customer_id = o.customer_id \
        WHEN MATCHED THEN UPDATE SET total = t.total + o.s WHEN NOT MATCHED THEN INSERT (customer_id, total) VALUES (o.customer_id, o.s)";
    let found = written(&plan(merge)).expect("columns");
    assert_eq!(
        text(&found),
        "customer_id <- orders.customer_id copied\ntotal <- orders.amount aggregated, totals.total derived\n\
         rows <- orders.customer_id filter, totals.customer_id filter"
    );
    let update = written(&plan("UPDATE totals SET total = 0 WHERE customer_id = 1")).expect("columns");
    assert_eq!(text(&update), "total <- \nrows <- totals.customer_id filter");
    let insert = written(&plan("INSERT INTO paid (id, net) SELECT id, amount FROM orders")).expect("columns");
    assert_eq!(text(&insert), "id <- orders.id copied\nnet <- orders.amount copied");
}

#[test]
fn views_are_looked_through() {
    let view = lineage(&query("SELECT id, amount * 2 AS net FROM orders WHERE state = 'paid'"));
    let own = lineage(&query("SELECT SUM(net) AS total FROM paid"));
    let through = own.through(&|path| (path == ["paid"]).then(|| view.clone()));
    assert_eq!(text(&through), "total <- orders.amount aggregated\nrows <- orders.state filter");
}

#[test]
fn reads_name_tables_and_columns_and_no_others() {
    let found = reads(&query(
        "SELECT o.amount FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.address.city = 'Graz'",
    ));
    let list: Vec<String> = found
        .iter()
        .map(|(t, c)| format!("{}: {}", t.join("."), c.iter().cloned().collect::<Vec<_>>().join(" ")))
        .collect();
    assert_eq!(list, ["customers: address id", "orders: amount customer_id"]);
    let found = plan_reads(&plan("CREATE TABLE x AS SELECT COUNT(*) AS n FROM orders"));
    assert_eq!(found.into_iter().map(|(t, c)| (t.join("."), c.len())).collect::<Vec<_>>(), [("orders".to_owned(), 0)]);
}

#[test]
fn a_result_has_names_and_types() {
    let found =
        query("SELECT id / 2 AS half, [amount] AS list, STRUCT(name) AS s FROM orders JOIN customers USING (id)");
    let columns: Vec<String> =
        found.columns.iter().map(|c| format!("{} {}", c.name.as_deref().unwrap_or("_"), c.ty)).collect();
    assert_eq!(columns, ["half FLOAT64", "list ARRAY<NUMERIC>", "s STRUCT<name STRING>"]);
}

#[test]
fn all_mistakes_are_found_and_none_follows_from_another() {
    let sql = "SELECT nmae, UPPER(id) AS u, missing + 1 AS m, name FROM customers WHERE nope = 1 AND name = 'a'";
    let parsed = parse::query(sql).expect("a query");
    let mut analyzer = Analyzer::new(&Tables, rsdbt_duckdbsql::library()).collecting();
    analyzer.top_query(&parsed).expect("goes on");
    let found: Vec<(usize, String)> = analyzer.findings().into_iter().map(|e| (e.at, e.message)).collect();
    let messages: Vec<&str> = found.iter().map(|(_, message)| message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "Unrecognized name: nmae",
            "No matching signature for function UPPER for argument types: INT64",
            "Unrecognized name: missing",
            "Unrecognized name: nope",
        ]
    );
    assert_eq!(found[0].0, sql.find("nmae").expect("there"));
}

#[test]
fn a_missing_table_is_one_finding() {
    let parsed = parse::query("SELECT a, b + 1 AS c FROM nowhere JOIN orders ON nowhere.id = orders.id WHERE d")
        .expect("a query");
    let mut analyzer = Analyzer::new(&Tables, rsdbt_duckdbsql::library()).collecting();
    analyzer.top_query(&parsed).expect("goes on");
    let messages: Vec<String> = analyzer.findings().into_iter().map(|e| e.message).collect();
    assert_eq!(messages, ["Not found: Table nowhere"]);
}
