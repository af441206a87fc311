//! What the tables that models read must look like: columns from the names that models use, types from what they do with them.
//! It reads syntax trees, and goes on where it understands nothing.

mod expr;
mod from;
pub mod names;
mod query;
pub mod shapes;

pub use query::{Output, Walker};

#[cfg(test)]
mod tests {
    use super::shapes::{Record, Shape};
    use super::*;
    use rsdbt_googlesql::parse;

    /// The type of a table `t` as these statements use it; each is known to later ones as `m0`, `m1`.
    fn inferred(statements: &[&str]) -> String {
        let mut walker = Walker::new(rsdbt_duckdbsql::library());
        let row = walker.shapes.add(Shape::Record(Record { open: true, ..Record::default() }));
        walker.tables.insert("t".to_owned(), Output { row, grouped: false });
        for (at, sql) in statements.iter().enumerate() {
            let output = walker.statement(&parse::query(sql).expect("SQL"));
            walker.tables.insert(format!("m{at}"), output);
        }
        walker.shapes.settle();
        walker.shapes.ty(row, "t").to_string()
    }

    #[test]
    fn columns_and_types_come_from_use() {
        let sql =
            "select id, lower(status) as s, amount * 2 as d, timestamp_trunc(seen, hour) as h, x = true as y from t";
        assert_eq!(inferred(&[sql]), "STRUCT<id STRING, status STRING, amount FLOAT64, seen TIMESTAMP, x BOOL>");
    }

    #[test]
    fn later_models_say_what_a_column_is() {
        let statements = [
            "with s as (select * from t) select a as b, c from s",
            "select b + 1 as n from m0 where c > date '2024-01-01'",
        ];
        assert_eq!(inferred(&statements), "STRUCT<a FLOAT64, c DATE>");
        assert_eq!(inferred(&["select k from t", "select 1 from m0 where k in (1, 2)"]), "STRUCT<k INT64>");
    }

    #[test]
    fn nested_columns_get_their_fields() {
        let sql = "select (select value.int_value from unnest(params) where key = 'a') as a, device.web.browser, i.price \
                   from t, unnest(items) as i where array_length(tags) > 0";
        assert_eq!(
            inferred(&[sql]),
            "STRUCT<items ARRAY<STRUCT<price FLOAT64>>, tags ARRAY<STRING>, params ARRAY<STRUCT<key STRING, value STRUCT<int_value INT64>>>, \
             device STRUCT<web STRUCT<browser STRING>>>"
        );
    }
}
