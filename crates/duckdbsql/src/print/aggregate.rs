//! Aggregates and window functions.

use super::Printer;
use super::template::expand;
use rsdbt_googlesql::query::{Aggregate, Bound, Expr, Frame, Window};
use rsdbt_googlesql::types::Type;

/// Signatures of aggregates that can fail, with the text that gives NULL instead.
const SAFE: &[(&str, &str)] = &[
    ("SUM(INT64) -> INT64", "TRY_CAST(sum($d$1)$f AS BIGINT)"),
    ("SUM(FLOAT64) -> FLOAT64", "CASE WHEN bool_or(isinf($1))$f OR NOT isinf(sum($d$1)$f) THEN sum($d$1)$f END"),
    (
        "SUM(NUMERIC) -> NUMERIC",
        "CASE WHEN abs(sum($d$1)$f) <= 99999999999999999999999999999.999999999 THEN sum($d$1)$f END",
    ),
];

/// A distance that with any NUMERIC's digits stays within a HUGEINT.
const FAR: &str = "70000000000000000000000000000000000000";

impl Printer<'_> {
    /// SAFE before an aggregate: NULL where its sum is out of range. The others fail at nothing that SAFE would catch.
    pub(super) fn safe_aggregate(&mut self, call: &Aggregate, ty: &Type) -> String {
        let twin = SAFE.iter().find(|(signature, _)| *signature == call.function.signature);
        self.aggregate_text(call, twin.map_or(call.function.text, |(_, text)| text), ty)
    }

    pub(super) fn aggregate(&mut self, call: &Aggregate, ty: &Type) -> String {
        let text = self.aggregate_text(call, call.function.text, ty);
        let frame = call.over.as_ref().and_then(|over| over.frame.as_ref());
        // DuckDB counts less than nothing in a frame that ends before it begins
        let inverted = frame.is_some_and(Frame::has_offset) && call.function.text.starts_with("count(");
        if inverted { format!("greatest({text}, 0)") } else { text }
    }

    /// The row's text: `$d` DISTINCT, `$o` ORDER BY, `$n` IGNORE NULLS, `$f` FILTER and OVER, `$l` the LIMIT as a slice.
    fn aggregate_text(&mut self, call: &Aggregate, template: &str, ty: &Type) -> String {
        let tail = self.tail(call);
        let order = match call.order.as_slice() {
            [] => String::new(),
            keys => format!(" ORDER BY {}", self.sort_keys(keys)),
        };
        let limit = call.limit.as_ref().map(|limit| format!("[1:{}]", self.expr(limit))).unwrap_or_default();
        let word = |wanted: bool, word: &str| if wanted { word.to_owned() } else { String::new() };
        expand(template, |slot| match slot {
            'd' => Some(word(call.distinct, "DISTINCT ")),
            'n' => Some(word(call.ignore_nulls, " IGNORE NULLS")),
            'o' => Some(order.clone()),
            'l' => Some(limit.clone()),
            'f' => Some(tail.clone()),
            _ => self.slot(slot, &call.args, ty),
        })
    }

    fn tail(&mut self, call: &Aggregate) -> String {
        let mut sql = String::new();
        if !call.filter.is_empty() {
            let conditions: Vec<String> = call.filter.iter().map(|condition| self.expr(condition)).collect();
            sql.push_str(&format!(" FILTER (WHERE {})", conditions.join(" AND ")));
        }
        if let Some(over) = &call.over {
            sql.push_str(&format!(" OVER ({})", self.window(over)));
        }
        sql
    }

    fn window(&mut self, window: &Window) -> String {
        let mut parts = Vec::new();
        if !window.partition.is_empty() {
            parts.push(format!("PARTITION BY {}", self.list(&window.partition)));
        }
        let distant = window.frame.as_ref().is_some_and(|frame| !frame.rows && frame.has_offset());
        match window.order.as_slice() {
            [] => {}
            [key] if distant => {
                let value = self.wide(&key.value);
                let direction = if key.descending { "DESC" } else { "ASC" };
                let nulls = if key.nulls_first { "NULLS FIRST" } else { "NULLS LAST" };
                parts.push(format!("ORDER BY {value} {direction} {nulls}"));
            }
            keys => parts.push(format!("ORDER BY {}", self.sort_keys(keys))),
        }
        if let Some(frame) = &window.frame {
            parts.push(self.frame(frame, distant));
        }
        parts.join(" ")
    }

    /// The key of a RANGE by distance, and the distance: as HUGEINT, where adding the two cannot overflow. A NUMERIC is
    /// taken by its digits.
    fn wide(&mut self, value: &Expr) -> String {
        let text = self.expr(value);
        match value.ty {
            Type::Int64 => format!("CAST({text} AS HUGEINT)"),
            Type::Numeric | Type::BigNumeric => format!("CAST(replace(CAST({text} AS VARCHAR), '.', '') AS HUGEINT)"),
            _ => text,
        }
    }

    fn frame(&mut self, frame: &Frame, wide: bool) -> String {
        let unit = if frame.rows { "ROWS" } else { "RANGE" };
        let start = self.bound_of(&frame.start, wide);
        match &frame.end {
            Some(end) => format!("{unit} BETWEEN {start} AND {}", self.bound_of(end, wide)),
            None => format!("{unit} {start}"),
        }
    }

    fn bound_of(&mut self, bound: &Bound, wide: bool) -> String {
        let side = |preceding: bool| if preceding { "PRECEDING" } else { "FOLLOWING" };
        match bound {
            Bound::Unbounded(preceding) => format!("UNBOUNDED {}", side(*preceding)),
            Bound::Current => "CURRENT ROW".into(),
            Bound::Offset(value, preceding) => {
                let distance = if wide { self.wide(value) } else { self.expr(value) };
                match value.ty.is_exact() && wide {
                    // 38 digits and 38 more would overflow even so: what is farther than all there is needs no digits
                    true => format!("least({distance}, {FAR}) {}", side(*preceding)),
                    false => format!("{distance} {}", side(*preceding)),
                }
            }
        }
    }
}
