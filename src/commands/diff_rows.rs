//! Two results of the same model, compared: columns by name and type, rows by key or as they are. Order never counts.
//! Pure: it sees tables of values and knows no warehouse.

use rsdbt_warehouse::{Column, Table, Value};
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

/// What is compared and how exactly.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Columns that name a row; none for rows that are compared as wholes.
    pub keys: Vec<String>,
    /// How far two FLOAT64 may be apart, relative to the larger one.
    pub tolerance: f64,
}

/// A cell that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub key: String,
    pub column: String,
    pub left: Value,
    pub right: Value,
}

/// What differs between `left` and `right`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    /// (column, left type, right type); `None` where the column is missing.
    pub columns: Vec<(String, Option<String>, Option<String>)>,
    /// Keys, or whole rows, of one side only.
    pub only_left: Vec<String>,
    pub only_right: Vec<String>,
    pub cells: Vec<Cell>,
    /// Keys that name several rows: those rows are compared as wholes.
    pub repeated_keys: usize,
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.only_left.is_empty() && self.only_right.is_empty() && self.cells.is_empty()
    }
}

/// A type without its parameters and spaces: `NUMERIC(10, 2)` and `numeric` are the same here.
fn plain_type(text: &str) -> String {
    let mut depth = 0;
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && !c.is_whitespace() => plain.extend(c.to_uppercase()),
            _ => {}
        }
    }
    plain
}

fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Columns that one side lacks, or that have another type.
pub fn columns(left: &[Column], right: &[Column]) -> Vec<(String, Option<String>, Option<String>)> {
    let mut found = Vec::new();
    for column in left {
        let other = right.iter().find(|other| same_name(&other.name, &column.name));
        if other.is_none_or(|other| plain_type(&other.data_type) != plain_type(&column.data_type)) {
            found.push((column.name.clone(), Some(column.data_type.clone()), other.map(|o| o.data_type.clone())));
        }
    }
    let extra = right.iter().filter(|column| !left.iter().any(|other| same_name(&other.name, &column.name)));
    found.extend(extra.map(|column| (column.name.clone(), None, Some(column.data_type.clone()))));
    found
}

/// A value as text that is equal for equal values: decimals without trailing zeros, floats with ten digits.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Float(number) => format!("{number:.9e}"),
        Value::Decimal(digits) if digits.contains('.') => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        Value::Decimal(digits) => digits.clone(),
        Value::List(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        Value::Struct(fields) => {
            let inner: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {}", text(value))).collect();
            format!("{{{}}}", inner.join(", "))
        }
        Value::Text(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn equal(left: &Value, right: &Value, tolerance: f64) -> bool {
    match (left, right) {
        (Value::Float(a), Value::Float(b)) => {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * a.abs().max(b.abs())
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b, tolerance)),
        (Value::Struct(a), Value::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((_, a), (_, b))| equal(a, b, tolerance))
        }
        (a, b) => text(a) == text(b),
    }
}

/// Rows of a side by key, with the cells of the columns that both sides have.
type Keyed<'t> = BTreeMap<String, Vec<Vec<&'t Value>>>;

fn keyed<'t>(table: &'t Table, keys: &[String], shared: &[&str]) -> Keyed<'t> {
    let position = |name: &str| table.columns.iter().position(|column| same_name(&column.name, name));
    let places: Vec<usize> = shared.iter().filter_map(|name| position(name)).collect();
    let key_places: Vec<usize> = match keys {
        // Two floats may be equal and yet differ in every digit that is shown: they never decide which rows meet.
        [] => places.iter().copied().filter(|at| !table.columns[*at].data_type.contains("FLOAT64")).collect(),
        keys => keys.iter().filter_map(|name| position(name)).collect(),
    };
    let mut rows = Keyed::new();
    for row in &table.rows {
        let key: Vec<String> = key_places.iter().map(|at| text(&row[*at])).collect();
        rows.entry(key.join(", ")).or_default().push(places.iter().map(|at| &row[*at]).collect());
    }
    rows
}

/// Compares two tables.
pub fn compare(left: &Table, right: &Table, rule: &Rule) -> Difference {
    let both = |name: &str| right.columns.iter().any(|column| same_name(&column.name, name));
    let shared: Vec<&str> = left.columns.iter().map(|c| c.name.as_str()).filter(|name| both(name)).collect();
    let keys =
        if rule.keys.iter().all(|key| shared.iter().any(|name| same_name(name, key))) { &rule.keys[..] } else { &[] };
    let (a, b) = (keyed(left, keys, &shared), keyed(right, keys, &shared));
    let mut found = Difference { columns: columns(&left.columns, &right.columns), ..Difference::default() };
    let nothing = Vec::new();
    let mut all: Vec<&String> = a.keys().chain(b.keys()).collect();
    all.sort();
    all.dedup();
    for key in all {
        let (ours, theirs) = (a.get(key).unwrap_or(&nothing), b.get(key).unwrap_or(&nothing));
        if let ([one], [other]) = (ours.as_slice(), theirs.as_slice()) {
            let pairs = shared.iter().zip(one.iter().zip(other));
            found.cells.extend(pairs.filter(|(_, (l, r))| !equal(l, r, rule.tolerance)).map(|(name, (l, r))| Cell {
                key: key.clone(),
                column: (*name).to_owned(),
                left: (*l).clone(),
                right: (*r).clone(),
            }));
            continue;
        }
        if !keys.is_empty() && (ours.len() > 1 || theirs.len() > 1) {
            found.repeated_keys += 1;
        }
        let (more_left, more_right) = unmatched(ours, theirs, rule.tolerance);
        found.only_left.extend(std::iter::repeat_n(key.clone(), more_left));
        found.only_right.extend(std::iter::repeat_n(key.clone(), more_right));
    }
    found
}

/// How many rows of each side have no equal on the other. Both sides are sorted, so that equals are near each other.
fn unmatched(left: &[Vec<&Value>], right: &[Vec<&Value>], tolerance: f64) -> (usize, usize) {
    let sorted = |rows: &[Vec<&'_ Value>]| -> Vec<usize> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|a, b| {
            let pairs = rows[*a].iter().zip(&rows[*b]);
            pairs.map(|(a, b)| in_order(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        order
    };
    let mut free: VecDeque<usize> = sorted(right).into();
    let mut alone = 0;
    for at in sorted(left) {
        let is_twin = |other: &usize| left[at].iter().zip(&right[*other]).all(|(a, b)| equal(a, b, tolerance));
        match free.iter().position(is_twin) {
            Some(twin) => _ = free.remove(twin),
            None => alone += 1,
        }
    }
    (alone, free.len())
}

/// An order in which nearly equal values are neighbours.
fn in_order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (a, b) => text(a).cmp(&text(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(types: &[(&str, &str)], rows: Vec<Vec<Value>>) -> Table {
        let column = |(name, data_type): &(&str, &str)| Column { name: (*name).into(), data_type: (*data_type).into() };
        Table { columns: types.iter().map(column).collect(), rows }
    }

    fn rule(keys: &[&str]) -> Rule {
        Rule { keys: keys.iter().map(|k| (*k).to_owned()).collect(), tolerance: 1e-9 }
    }

    #[test]
    fn order_and_the_last_digit_of_a_float_do_not_count() {
        let types = [("id", "INT64"), ("x", "FLOAT64")];
        let a = table(&types, vec![vec![Value::Int(1), Value::Float(0.1 + 0.2)], vec![Value::Int(2), Value::Null]]);
        let b = table(&types, vec![vec![Value::Int(2), Value::Null], vec![Value::Int(1), Value::Float(0.3)]]);
        assert!(compare(&a, &b, &rule(&["id"])).is_empty());
        assert!(compare(&a, &b, &rule(&[])).is_empty());
    }

    #[test]
    fn the_tolerance_holds_for_rows_without_a_key() {
        let types = [("name", "STRING"), ("x", "FLOAT64")];
        let row = |x: f64| vec![Value::Text("a".into()), Value::Float(x)];
        let (a, b) = (table(&types, vec![row(1.04), row(7.0)]), table(&types, vec![row(7.3), row(1.06)]));
        let near = Rule { keys: Vec::new(), tolerance: 0.05 };
        assert!(compare(&a, &b, &near).is_empty());
        let found = compare(&a, &b, &Rule { tolerance: 0.03, ..near });
        assert_eq!((found.only_left.len(), found.only_right.len()), (1, 1));
    }

    #[test]
    fn what_differs_is_named() {
        let a = table(
            &[("id", "INT64"), ("n", "NUMERIC(4, 2)")],
            vec![vec![Value::Int(1), Value::Decimal("1.50".into())], vec![Value::Int(2), Value::Decimal("2".into())]],
        );
        let b = table(
            &[("ID", "INT64"), ("n", "numeric"), ("more", "STRING")],
            vec![
                vec![Value::Int(1), Value::Decimal("1.5".into()), Value::Null],
                vec![Value::Int(3), Value::Decimal("2".into()), Value::Null],
            ],
        );
        let found = compare(&a, &b, &rule(&["id"]));
        assert_eq!(found.columns, [("more".to_owned(), None, Some("STRING".to_owned()))]);
        assert_eq!((found.only_left.len(), found.only_right.len(), found.cells.len()), (1, 1, 0));
    }

    #[test]
    fn rows_without_a_key_are_counted() {
        let types = [("x", "INT64")];
        let a = table(&types, vec![vec![Value::Int(1)], vec![Value::Int(1)], vec![Value::Int(2)]]);
        let b = table(&types, vec![vec![Value::Int(1)], vec![Value::Int(2)], vec![Value::Int(2)]]);
        let found = compare(&a, &b, &rule(&[]));
        assert_eq!((found.only_left.len(), found.only_right.len()), (1, 1));
    }
}
