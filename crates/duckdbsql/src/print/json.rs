//! Values as JSON text, by their types.

use super::Printer;
use crate::types::{quote, text};
use rsdbt_googlesql::query::Expr;
use rsdbt_googlesql::types::{Field, Type, field_names};

/// What becomes of numbers that a FLOAT64 does not hold.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Numbers {
    /// as near as JSON's numbers come
    Json,
    /// texts
    Wide,
    /// texts, and every NUMERIC that is not whole
    Text,
}

impl Printer<'_> {
    pub(super) fn json(&mut self, args: &[Expr], wide_as_text: Numbers) -> String {
        let Some(value) = args.first() else { return "'null'".into() };
        let plain = self.expr(value);
        self.json_text(&plain, &value.ty, wide_as_text)
    }

    /// A value as JSON text; a NULL gives `null`.
    fn json_text(&mut self, plain: &str, ty: &Type, wide: Numbers) -> String {
        let sql = match ty {
            Type::Null | Type::Unknown => return "'null'".into(),
            Type::Bool | Type::Json => format!("CAST({plain} AS VARCHAR)"),
            Type::Int64 if wide != Numbers::Json => format!("bq_json_wide_int({plain})"),
            Type::Int64 => format!("bq_json_int_text({plain})"),
            Type::Float64 => format!("bq_json_float_text({plain})"),
            Type::Numeric | Type::BigNumeric if wide == Numbers::Text => {
                format!("bq_json_decimal_text(CAST({plain} AS VARCHAR))")
            }
            Type::Numeric | Type::BigNumeric => {
                format!("bq_json_decimal(CAST({plain} AS VARCHAR), {})", wide == Numbers::Wide)
            }
            Type::String => format!("bq_json_quote({plain})"),
            Type::Bytes => format!("'\"' || base64({plain}) || '\"'"),
            Type::Timestamp => format!("bq_json_timestamp({plain})"),
            Type::DateTime => format!("'\"' || replace(bq_datetime_text({plain}), ' ', 'T') || '\"'"),
            Type::Date | Type::Time | Type::Interval | Type::Range(_) => {
                let zone = text(self.zone);
                format!("'\"' || {} || '\"'", self.cast_text(plain, ty, &Type::String, &zone))
            }
            Type::Geography => format!("bq_geo_json(({plain}).\"_wkt\")"),
            Type::Array(inner) => {
                let items = self.each(plain, |p, item| p.json_text(item, inner, wide));
                format!("'[' || array_to_string({items}, ',') || ']'")
            }
            Type::Struct(fields) => return self.once(plain, |p, value| p.json_struct(value, fields, wide)),
        };
        format!("COALESCE({sql}, 'null')")
    }

    fn json_struct(&mut self, value: &str, fields: &[Field], wide: Numbers) -> String {
        let mut parts = Vec::new();
        for (field, phys) in fields.iter().zip(field_names(fields)) {
            let key = serde_json::Value::from(field.name.as_deref().unwrap_or_default()).to_string();
            let item = self.json_text(&format!("({value}).{}", quote(&phys)), &field.ty, wide);
            parts.push(format!("{} || ':' || {item}", text(&key)));
        }
        format!("CASE WHEN ({value}) IS NULL THEN 'null' ELSE '{{' || {} || '}}' END", parts.join(" || ',' || "))
    }
}
