//! The printer's hard places: operands that are printed once, SAFE, long chains, constants that take another type.

use super::Printer;
use crate::library;
use rsdbt_googlesql::query::{
    Body, Casting, Column, Cte, Expr, From, GroupKey, Node, OutCol, Query, Select, SortKey, SubqueryKind, Table,
};
use rsdbt_googlesql::types::{Field, Type};

fn print(value: &Expr) -> String {
    Printer::new("UTC").expr(value)
}

fn col(name: &str, ty: Type) -> Expr {
    Expr::column("t", name, ty)
}

fn form(name: &str, args: Vec<Expr>, ty: Type) -> Expr {
    Expr::new(Node::Call(library().form(name), args), ty)
}

fn cast(value: Expr, to: Type, implicit: bool) -> Expr {
    Expr::new(Node::Cast(Box::new(value), Casting { implicit, zone: None }), to)
}

fn safe(value: Expr) -> Expr {
    Expr { ty: value.ty.clone(), node: Node::Safe(Box::new(value)) }
}

fn compare(op: &'static str, a: Expr, b: Expr) -> Expr {
    Expr::new(Node::Compare(op, Box::new(a), Box::new(b)), Type::Bool)
}

/// A sum that is too long to be printed twice.
fn long(ty: Type) -> Expr {
    (0..12).fold(col("a", ty.clone()), |sum, i| {
        let other = col(&format!("column_{i}"), ty.clone());
        form("$add", vec![sum, other], ty.clone())
    })
}

fn scalar_query(value: Expr) -> Expr {
    let ty = value.ty.clone();
    Expr::new(Node::Subquery(SubqueryKind::Scalar, Box::new(one_column("v", value))), ty)
}

fn one_column(name: &str, value: Expr) -> Query {
    let columns = vec![OutCol { name: Some(name.into()), phys: name.into(), ty: value.ty.clone() }];
    Query::select(Select { list: vec![value], ..Select::default() }, columns)
}

#[test]
fn a_long_operand_is_printed_once() {
    let sum = form(
        "$add_float",
        vec![long(Type::Float64), Expr::new(Node::Float("1.5".into()), Type::Float64)],
        Type::Float64,
    );
    let sql = print(&sum);
    assert_eq!(sql.matches("column_7").count(), 1, "{sql}");
    assert!(sql.starts_with("list_transform([((("), "{sql}");
    assert!(sql.ends_with("lambda _bound1: bq_finite(_bound1 + 1.5::DOUBLE, _bound1, 1.5::DOUBLE))[1]"), "{sql}");
}

#[test]
fn a_short_operand_stays_where_it_is() {
    let sum = form("$add_float", vec![col("a", Type::Float64), col("b", Type::Float64)], Type::Float64);
    assert_eq!(print(&sum), r#"bq_finite("t"."a" + "t"."b", "t"."a", "t"."b")"#);
}

#[test]
fn nesting_does_not_multiply_the_text() {
    let mut sum = long(Type::Float64);
    for _ in 0..30 {
        sum = form("$add_float", vec![sum, col("b", Type::Float64)], Type::Float64);
    }
    let sql = print(&sum);
    assert!(sql.len() < 10_000, "{} characters", sql.len());
    // what is selected and what is grouped by must be the same text
    assert_eq!(sql, print(&sum));
}

#[test]
fn what_a_lambda_cannot_hold_stands_outside_of_it() {
    let query = scalar_query(Expr::new(Node::Float("2.5".into()), Type::Float64));
    let sql = print(&form("$add_float", vec![long(Type::Float64), query], Type::Float64));
    let (given, body) = sql.split_once("lambda").expect("a lambda");
    assert!(given.contains("_2 := (SELECT 2.5::DOUBLE"), "{sql}");
    assert!(!body.contains("SELECT"), "{sql}");
}

#[test]
fn a_default_holds_no_lambda() {
    let mut printer = Printer::new("UTC");
    printer.inline = true;
    let sql = printer.expr(&form("$add_float", vec![long(Type::Float64), col("b", Type::Float64)], Type::Float64));
    assert!(!sql.contains("lambda"), "{sql}");
}

#[test]
fn safe_guards_the_call_and_not_its_operands() {
    let plain = safe(cast(col("a", Type::String), Type::Int64, false));
    assert_eq!(print(&plain), r#"TRY(bq_text_int("t"."a"))"#);
    let text = form("$concat", vec![col("a", Type::String), col("b", Type::String)], Type::String);
    let sql = print(&safe(cast(text.clone(), Type::Int64, false)));
    assert_eq!(sql, r#"list_transform([("t"."a" || "t"."b")], lambda _bound1: TRY(bq_text_int(_bound1)))[1]"#);
    let both = safe(form("$bit_xor", vec![scalar_query(Expr::int(1)), cast(text, Type::Int64, false)], Type::Int64));
    let sql = print(&both);
    assert!(
        sql.starts_with("list_transform([struct_pack(_1 := (SELECT 1::BIGINT AS \"v\"), _2 := bq_text_int("),
        "{sql}"
    );
    assert!(
        sql.ends_with("lambda _bound1: TRY(xor(struct_extract(_bound1, '_1'), struct_extract(_bound1, '_2'))))[1]"),
        "{sql}"
    );
}

#[test]
fn constants_take_the_type_they_are_coerced_to() {
    assert_eq!(print(&cast(Expr::int(1), Type::Float64, true)), "1::DOUBLE");
    assert_eq!(print(&cast(Expr::int(-1), Type::Numeric, true)), "(-1)::DECIMAL(38,9)");
    let digits = Expr::new(Node::Float("1.5".into()), Type::Float64);
    assert_eq!(print(&cast(digits, Type::Numeric, true)), "bq_text_numeric('1.5')");
    assert_eq!(print(&cast(Expr::text("2020-01-01"), Type::Date, true)), "bq_text_date('2020-01-01')");
    assert_eq!(print(&cast(Expr::null(), Type::Date, true)), "CAST(NULL AS DATE)");
    assert_eq!(print(&Expr::int(i64::MIN)), "(-9223372036854775807::BIGINT - 1)");
    let array = Expr::new(Node::Array(vec![Expr::int(1), Expr::int(2)]), Type::Array(Box::new(Type::Int64)));
    assert_eq!(print(&cast(array, Type::Array(Box::new(Type::Float64)), true)), "[1::DOUBLE, 2::DOUBLE]");
}

#[test]
fn structs_and_arrays_are_cast_by_their_parts() {
    let fields = |ty: Type| vec![Field { name: Some("x".into()), ty }];
    let (from, to) = (Type::Struct(fields(Type::Int64)), Type::Struct(fields(Type::String)));
    let sql = print(&cast(col("s", from.clone()), to.clone(), false));
    assert_eq!(
        sql,
        r#"CASE WHEN ("t"."s") IS NULL THEN NULL ELSE struct_pack("x" := CAST(("t"."s")."x" AS VARCHAR)) END"#
    );
    let sql = print(&cast(col("l", Type::Array(Box::new(from))), Type::Array(Box::new(to)), false));
    assert!(sql.starts_with(r#"list_transform("t"."l", lambda _item1: CASE WHEN (_item1) IS NULL"#), "{sql}");
    let zone = Casting { implicit: false, zone: Some(Box::new(Expr::text("Asia/Tokyo"))) };
    let value = Expr::new(Node::Cast(Box::new(col("ts", Type::Timestamp)), zone), Type::Date);
    assert_eq!(print(&value), r#"CAST(bq_timestamp_datetime("t"."ts", 'Asia/Tokyo') AS DATE)"#);
}

#[test]
fn nan_compares_as_in_bigquery() {
    let (a, b) = (col("a", Type::Float64), col("b", Type::Float64));
    let equal = r#"(("t"."a" = "t"."b") AND NOT (isnan("t"."a") AND "t"."b" IS NOT NULL))"#;
    assert_eq!(print(&compare("=", a.clone(), b.clone())), equal);
    let other = r#"(("t"."a" <> "t"."b") OR (isnan("t"."a") AND "t"."b" IS NOT NULL))"#;
    assert_eq!(print(&compare("!=", a.clone(), b)), other);
    let one = || cast(Expr::int(1), Type::Float64, true);
    // NaN is DuckDB's greatest number: it is less than nothing
    assert_eq!(print(&compare("<", a.clone(), one())), r#"("t"."a" < 1::DOUBLE)"#);
    assert_eq!(print(&compare(">", a, one())), r#"(("t"."a" > 1::DOUBLE) AND NOT isnan("t"."a"))"#);
    assert_eq!(print(&compare("=", col("n", Type::Int64), Expr::int(1))), r#"("t"."n" = 1::BIGINT)"#);
}

#[test]
fn structs_compare_field_by_field() {
    let ty = Type::Struct(vec![
        Field { name: Some("x".into()), ty: Type::Int64 },
        Field { name: Some("y".into()), ty: Type::String },
    ]);
    let parts = vec![("x".to_owned(), col("a", Type::Int64)), ("y".to_owned(), col("b", Type::String))];
    let written = Expr::new(Node::Struct(parts), ty.clone());
    let sql = print(&compare("!=", written.clone(), written.clone()));
    assert_eq!(sql, r#"(NOT (("t"."a" = "t"."a") AND ("t"."b" = "t"."b")))"#);
    let sql = print(&compare("=", col("s", ty.clone()), col("r", ty)));
    assert_eq!(sql, r#"((("t"."s")."x" = ("t"."r")."x") AND (("t"."s")."y" = ("t"."r")."y"))"#);
    // a field of a struct that is written out is the part itself
    assert_eq!(print(&written.field("y", Type::String)), r#""t"."b""#);
}

fn union(left: Query, right: Query, all: bool) -> Query {
    let columns = left.columns.clone();
    Query::of(Body::Set { kind: "UNION", all, left: Box::new(left), right: Box::new(right) }, columns)
}

#[test]
fn a_long_union_is_flat() {
    let arms = 2_000;
    let query = (1..arms).fold(one_column("n", Expr::int(0)), |all, i| union(all, one_column("n", Expr::int(i)), true));
    let sql = Printer::new("UTC").query(&query);
    assert_eq!(sql.matches(") UNION ALL (SELECT").count(), arms as usize - 1);
    assert_eq!(sql.matches(" FROM ").count(), 1);
    assert!(sql.starts_with("SELECT \"_s\".\"n\" FROM ((SELECT 0::BIGINT AS \"n\") UNION ALL"), "{}", &sql[..80]);
    assert!(sql.ends_with("(SELECT 1999::BIGINT AS \"n\")) AS \"_s\"(\"n\")"));
}

#[test]
fn another_operation_or_a_limit_ends_a_chain() {
    let one = || one_column("n", Expr::int(1));
    let mut limited = union(one(), one(), true);
    limited.limit = Some(Expr::int(1));
    for inner in [limited, union(one(), one(), false)] {
        let sql = Printer::new("UTC").query(&union(inner, one(), true));
        assert_eq!(sql.matches("AS \"_s\"(").count(), 2, "{sql}");
    }
}

#[test]
fn a_long_chain_of_conditions_is_flat() {
    let test = |i| compare("=", col("n", Type::Int64), Expr::int(i));
    let all = (1..5).fold(test(0), |left, i| form("$or", vec![left, test(i)], Type::Bool));
    let sql = print(&all);
    assert_eq!(sql.matches("((").count(), 1, "{sql}");
    assert_eq!(sql.matches(" OR ").count(), 4, "{sql}");
}

#[test]
fn with_group_order_and_limit() {
    let key = col("f", Type::Float64);
    let table =
        Table { path: vec!["t".into()], engine: "main.t".into(), columns: Vec::new(), hidden: Vec::new(), input: None };
    let select = Select {
        list: vec![key.clone()],
        from: Some(From::Table(table, "t".into())),
        group: vec![GroupKey::Nested("ROLLUP", vec![vec![GroupKey::Value(key.clone())]])],
        ..Select::default()
    };
    let columns = vec![OutCol { name: Some("f".into()), phys: "f".into(), ty: Type::Float64 }];
    let mut query = Query::select(select, columns);
    query.order = vec![SortKey { value: key, descending: true, nulls_first: false, plain: false }];
    query.limit = Some(Expr::int(5));
    query.with = vec![Cte { name: "c".into(), query: one_column("n", Expr::null()) }];
    assert_eq!(
        Printer::new("UTC").query(&query),
        "WITH \"c\"(\"n\") AS (SELECT CAST(NULL AS BIGINT) AS \"n\") \
         SELECT \"t\".\"f\" AS \"f\" FROM main.t AS \"t\" GROUP BY ROLLUP ((\"t\".\"f\")) \
         ORDER BY isnan(\"t\".\"f\") ASC NULLS LAST, \"t\".\"f\" DESC NULLS LAST LIMIT 5::BIGINT"
    );
}

#[test]
fn an_array_is_unnested_with_its_places() {
    let unnest = |array: Expr| From::Unnest { array, alias: "u".into(), offset: true, lateral: true };
    let ints = Type::Array(Box::new(Type::Int64));
    let sql = Printer::new("UTC").from(&unnest(col("l", ints.clone())));
    assert_eq!(
        sql,
        "LATERAL (SELECT unnest(\"t\".\"l\") AS \"v\", CAST(generate_subscripts(\"t\".\"l\", 1) - 1 AS BIGINT) AS \"o\") AS \"u\""
    );
    let sql = Printer::new("UTC").from(&unnest(Expr::new(Node::Array(vec![long(Type::Int64)]), ints)));
    assert_eq!(sql.matches("column_7").count(), 1, "{sql}");
}

#[test]
fn a_sample_takes_rows_and_keeps_its_alias() {
    let source = Box::new(From::Cte("c".into(), "t".into()));
    let sql = Printer::new("UTC").from(&From::Sample { source: source.clone(), percent: Expr::int(10) });
    assert_eq!(sql, "\"c\" AS \"t\" TABLESAMPLE BERNOULLI (10 PERCENT)");
    let percent = Expr::new(Node::Variable("p".into()), Type::Int64);
    let sql = Printer::new("UTC").from(&From::Sample { source, percent });
    assert!(sql.starts_with("(SELECT * FROM \"c\" AS \"t\" WHERE random() * 100 <"), "{sql}");
    assert!(sql.ends_with(") AS \"t\""), "{sql}");
}

#[test]
fn json_texts_go_by_the_parts_of_a_value() {
    let ty = Type::Struct(vec![
        Field { name: Some("a".into()), ty: Type::Int64 },
        Field { name: Some("l".into()), ty: Type::Array(Box::new(Type::String)) },
    ]);
    let sql = print(&form("$json_text", vec![col("s", ty)], Type::String));
    assert!(sql.contains(r#"'"a"' || ':' || COALESCE(bq_json_int_text(("t"."s")."a"), 'null')"#), "{sql}");
    assert!(
        sql.contains(r#"list_transform(("t"."s")."l", lambda _item1: COALESCE(bq_json_quote(_item1), 'null'))"#),
        "{sql}"
    );
}

#[test]
fn every_printer_that_a_row_names_is_there() {
    for row in crate::functions::TABLES.iter().flat_map(|table| table.iter()).filter(|row| row.text.starts_with('@')) {
        let known = row.text.starts_with("@try ") || super::code::find(row.text).is_some();
        assert!(known, "{} of {}", row.text, row.signature);
    }
}

#[test]
fn names_are_quoted() {
    let column = Expr::new(Node::Column(Column { range: "a\"b".into(), name: "c d".into() }), Type::Int64);
    assert_eq!(print(&column), "\"a\"\"b\".\"c d\"");
}
