//! Aggregates and window functions.

use super::Printer;
use super::template::expand;
use rsdbt_googlesql::query::{Aggregate, Bound, Frame, Window};
use rsdbt_googlesql::types::Type;

impl Printer<'_> {
    /// The row's text: `$d` DISTINCT, `$o` ORDER BY, `$n` IGNORE NULLS, `$f` FILTER and OVER, `$l` the LIMIT as a slice.
    pub(super) fn aggregate(&mut self, call: &Aggregate, ty: &Type) -> String {
        let tail = self.tail(call);
        let order = match call.order.as_slice() {
            [] => String::new(),
            keys => format!(" ORDER BY {}", self.sort_keys(keys)),
        };
        let limit = call.limit.as_ref().map(|limit| format!("[1:{}]", self.expr(limit))).unwrap_or_default();
        let word = |wanted: bool, word: &str| if wanted { word.to_owned() } else { String::new() };
        expand(call.function.text, |slot| match slot {
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
        if !window.order.is_empty() {
            parts.push(format!("ORDER BY {}", self.sort_keys(&window.order)));
        }
        if let Some(frame) = &window.frame {
            parts.push(self.frame(frame));
        }
        parts.join(" ")
    }

    fn frame(&mut self, frame: &Frame) -> String {
        let unit = if frame.rows { "ROWS" } else { "RANGE" };
        let start = self.bound_of(&frame.start);
        match &frame.end {
            Some(end) => format!("{unit} BETWEEN {start} AND {}", self.bound_of(end)),
            None => format!("{unit} {start}"),
        }
    }

    fn bound_of(&mut self, bound: &Bound) -> String {
        let side = |preceding: bool| if preceding { "PRECEDING" } else { "FOLLOWING" };
        match bound {
            Bound::Unbounded(preceding) => format!("UNBOUNDED {}", side(*preceding)),
            Bound::Current => "CURRENT ROW".into(),
            Bound::Offset(value, preceding) => format!("{} {}", self.expr(value), side(*preceding)),
        }
    }
}
