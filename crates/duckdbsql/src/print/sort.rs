//! Sort keys with BigQuery's rules: NULL where the key says, NaN the smallest number.

use super::Printer;
use rsdbt_googlesql::query::SortKey;
use rsdbt_googlesql::types::Type;

impl Printer<'_> {
    pub(super) fn sort_keys(&mut self, keys: &[SortKey]) -> String {
        let keys: Vec<String> = keys.iter().map(|key| self.sort_key(key)).collect();
        keys.join(", ")
    }

    /// One key; a float gets a second one before it, a range one for each of its ends.
    fn sort_key(&mut self, key: &SortKey) -> String {
        let value = self.settled(&key.value);
        let direction = if key.descending { "DESC" } else { "ASC" };
        let nulls = if key.nulls_first { "NULLS FIRST" } else { "NULLS LAST" };
        match key.value.ty {
            Type::Float64 if !key.plain => {
                let nan = if key.descending { "ASC" } else { "DESC" };
                format!("isnan({value}) {nan} {nulls}, {value} {direction} {nulls}")
            }
            Type::Range(_) if !key.plain => {
                // an open start is the earliest, an open end the latest
                let (open_start, open_end) =
                    if key.descending { ("NULLS LAST", "NULLS FIRST") } else { ("NULLS FIRST", "NULLS LAST") };
                let nulls = if key.nulls_first { "DESC" } else { "ASC" };
                format!(
                    "(({value}) IS NULL) {nulls}, ({value})._start {direction} {open_start}, ({value})._end {direction} {open_end}"
                )
            }
            _ => format!("{value} {direction} {nulls}"),
        }
    }
}
