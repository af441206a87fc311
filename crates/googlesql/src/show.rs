//! An analyzed query as text for people: every column with its type, every coercion and overload spelled out.

use crate::query::{Aggregate, Body, Bound, Expr, From, GroupKey, Node, Query, Select, SortKey, SubqueryKind};
use std::fmt::Write;

/// The typed form of a query, one clause a line.
pub fn show(query: &Query) -> String {
    let mut out = String::new();
    query_text(query, 0, &mut out);
    out
}

fn line(out: &mut String, depth: usize, text: &str) {
    let _ = writeln!(out, "{}{text}", "  ".repeat(depth));
}

fn query_text(query: &Query, depth: usize, out: &mut String) {
    for cte in &query.with {
        line(out, depth, &format!("WITH {}", cte.name));
        query_text(&cte.query, depth + 1, out);
    }
    match &query.body {
        Body::Select(select) => select_text(select, query, depth, out),
        Body::Set { kind, all, left, right } => {
            query_text(left, depth + 1, out);
            line(out, depth, &format!("{kind}{}", if *all { " ALL" } else { " DISTINCT" }));
            query_text(right, depth + 1, out);
        }
        Body::Recursive { all, base, step } => {
            query_text(base, depth + 1, out);
            line(out, depth, if *all { "RECURSIVE UNION ALL" } else { "RECURSIVE UNION DISTINCT" });
            query_text(step, depth + 1, out);
        }
        Body::Nested(inner) => query_text(inner, depth, out),
        Body::Values(rows) => {
            for row in rows {
                line(out, depth, &format!("ROW ({})", list(row)));
            }
        }
    }
    if !query.order.is_empty() {
        line(out, depth, &format!("ORDER BY {}", keys(&query.order)));
    }
    for (word, value) in [("LIMIT", &query.limit), ("OFFSET", &query.offset)] {
        if let Some(value) = value {
            line(out, depth, &format!("{word} {}", expr(value)));
        }
    }
}

fn select_text(select: &Select, query: &Query, depth: usize, out: &mut String) {
    line(out, depth, if select.distinct { "SELECT DISTINCT" } else { "SELECT" });
    for (value, col) in select.list.iter().zip(&query.columns) {
        let name = col.name.as_deref().unwrap_or("_");
        line(out, depth + 1, &format!("{name} {} = {}", col.ty, expr(value)));
    }
    if let Some(from) = &select.from {
        line(out, depth, "FROM");
        from_text(from, depth + 1, out);
    }
    if let Some(filter) = &select.filter {
        line(out, depth, &format!("WHERE {}", expr(filter)));
    }
    if !select.group.is_empty() {
        let keys: Vec<String> = select.group.iter().map(group).collect();
        line(out, depth, &format!("GROUP BY {}", keys.join(", ")));
    }
    for (word, value) in [("HAVING", &select.having), ("QUALIFY", &select.qualify)] {
        if let Some(value) = value {
            line(out, depth, &format!("{word} {}", expr(value)));
        }
    }
}

fn from_text(from: &From, depth: usize, out: &mut String) {
    match from {
        From::Table(table, alias) => line(out, depth, &format!("{} AS {alias}", table.path.join("."))),
        From::Cte(name, alias) => line(out, depth, &format!("{name} AS {alias}")),
        From::Query { query, alias, .. } => {
            line(out, depth, &format!("{alias} ="));
            query_text(query, depth + 1, out);
        }
        From::Unnest { array, alias, offset, .. } => {
            let offset = if *offset { " WITH OFFSET" } else { "" };
            line(out, depth, &format!("UNNEST({}){offset} AS {alias}", expr(array)));
        }
        From::Join { kind, left, right, on } => {
            from_text(left, depth, out);
            let on = on.as_ref().map(|on| format!(" ON {}", expr(on))).unwrap_or_default();
            line(out, depth, &format!("{kind} JOIN{on}"));
            from_text(right, depth + 1, out);
        }
        From::Sample { source, percent } => {
            from_text(source, depth, out);
            line(out, depth, &format!("TABLESAMPLE SYSTEM ({} PERCENT)", expr(percent)));
        }
    }
}

fn group(key: &GroupKey) -> String {
    match key {
        GroupKey::Value(value) => expr(value),
        GroupKey::Empty => "()".into(),
        GroupKey::Nested(kind, sets) => {
            let sets: Vec<String> =
                sets.iter().map(|set| format!("({})", set.iter().map(group).collect::<Vec<_>>().join(", "))).collect();
            format!("{kind}({})", sets.join(", "))
        }
    }
}

fn keys(keys: &[SortKey]) -> String {
    let key = |key: &SortKey| {
        let direction = if key.descending { "DESC" } else { "ASC" };
        format!("{} {direction} NULLS {}", expr(&key.value), if key.nulls_first { "FIRST" } else { "LAST" })
    };
    keys.iter().map(key).collect::<Vec<_>>().join(", ")
}

fn list(values: &[Expr]) -> String {
    values.iter().map(expr).collect::<Vec<_>>().join(", ")
}

fn expr(value: &Expr) -> String {
    match &value.node {
        Node::Null => "NULL".into(),
        Node::Default => "DEFAULT".into(),
        Node::Bool(b) => b.to_string().to_uppercase(),
        Node::Int(n) => n.to_string(),
        Node::Float(digits) => digits.clone(),
        Node::Text(text) => format!("{text:?}"),
        Node::Bytes(bytes) => format!("b{:?}", String::from_utf8_lossy(bytes)),
        Node::Column(column) => format!("{}.{}", column.range, column.name),
        Node::RowId(alias) => format!("{alias}.$row"),
        Node::Field(of, name) => format!("{}.{name}", expr(of)),
        Node::Variable(name) | Node::Local(name) => name.clone(),
        Node::System(name) => format!("@@{name}"),
        Node::Call(function, args) => format!("{}({})", function.name(), list(args)),
        Node::Compare(op, a, b) => format!("{} {op} {}", expr(a), expr(b)),
        Node::Cast(inner, casting) => {
            let word = if casting.implicit { "IMPLICIT_CAST" } else { "CAST" };
            format!("{word}({} AS {})", expr(inner), value.ty)
        }
        Node::Fit(inner, params) => format!("FIT({}, {params:?})", expr(inner)),
        Node::Let(values, body) => {
            let values: Vec<String> = values.iter().map(|(name, value)| format!("{name} = {}", expr(value))).collect();
            format!("LET {} IN {}", values.join(", "), expr(body))
        }
        Node::Safe(inner) => format!("SAFE({})", expr(inner)),
        Node::Case(whens, otherwise) => {
            let mut text = String::from("CASE");
            for (when, then) in whens {
                let _ = write!(text, " WHEN {} THEN {}", expr(when), expr(then));
            }
            if let Some(otherwise) = otherwise {
                let _ = write!(text, " ELSE {}", expr(otherwise));
            }
            text + " END"
        }
        Node::Array(items) => format!("[{}]", list(items)),
        Node::Struct(parts) => {
            let parts: Vec<String> = parts.iter().map(|(name, part)| format!("{} AS {name}", expr(part))).collect();
            format!("STRUCT({})", parts.join(", "))
        }
        Node::Lambda(params, body) => format!("({}) -> {}", params.join(", "), expr(body)),
        Node::Subquery(kind, query) => {
            let word = match kind {
                SubqueryKind::Scalar => "",
                SubqueryKind::Exists => "EXISTS ",
                SubqueryKind::Array => "ARRAY ",
            };
            format!("{word}({})", flat(query))
        }
        Node::InQuery(probe, query) => format!("{} IN ({})", expr(probe), flat(query)),
        Node::Aggregate(call) => aggregate(call),
    }
}

/// A query in one line.
fn flat(query: &Query) -> String {
    show(query).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn aggregate(call: &Aggregate) -> String {
    let distinct = if call.distinct { "DISTINCT " } else { "" };
    let nulls = if call.ignore_nulls { " IGNORE NULLS" } else { "" };
    let order = if call.order.is_empty() { String::new() } else { format!(" ORDER BY {}", keys(&call.order)) };
    let mut text = format!("{}({distinct}{}{nulls}{order})", call.function.name(), list(&call.args));
    if !call.filter.is_empty() {
        let _ = write!(text, " FILTER ({})", call.filter.iter().map(expr).collect::<Vec<_>>().join(" AND "));
    }
    if let Some(over) = &call.over {
        let mut parts = Vec::new();
        if !over.partition.is_empty() {
            parts.push(format!("PARTITION BY {}", list(&over.partition)));
        }
        if !over.order.is_empty() {
            parts.push(format!("ORDER BY {}", keys(&over.order)));
        }
        if let Some(frame) = &over.frame {
            let unit = if frame.rows { "ROWS" } else { "RANGE" };
            let end = frame.end.as_ref().map(|end| format!(" AND {}", bound(end))).unwrap_or_default();
            parts.push(format!("{unit} {}{end}", bound(&frame.start)));
        }
        let _ = write!(text, " OVER ({})", parts.join(" "));
    }
    text
}

fn bound(value: &Bound) -> String {
    let side = |preceding: &bool| if *preceding { "PRECEDING" } else { "FOLLOWING" };
    match value {
        Bound::Unbounded(preceding) => format!("UNBOUNDED {}", side(preceding)),
        Bound::Current => "CURRENT ROW".into(),
        Bound::Offset(offset, preceding) => format!("{} {}", expr(offset), side(preceding)),
    }
}
