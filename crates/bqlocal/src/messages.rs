//! What DuckDB says of a value that cannot be had, in BigQuery's words.

/// A part of DuckDB's message, and BigQuery's beginning of the same; what DuckDB says stands behind it.
const WORDS: &[(&str, &str)] = &[
    ("Overflow in addition of INT64", "int64 overflow"),
    ("Overflow in subtraction of INT64", "int64 overflow"),
    ("Overflow in multiplication of INT64", "int64 overflow"),
    ("Overflow in negation of integer", "int64 overflow"),
    ("Overflow on abs(", "int64 overflow"),
    ("out of range for the destination type INT64", "int64 overflow"),
    ("Overflow in addition of DECIMAL", "numeric overflow"),
    ("Overflow in subtract of DECIMAL", "numeric overflow"),
    ("Overflow in HUGEINT addition", "numeric overflow"),
    ("More than one row returned by a subquery", "Scalar subquery produced more than one element"),
    ("CHECK constraint failed", "the value is longer than its type allows"),
];

/// The message in BigQuery's words, where it is known.
pub(super) fn reworded(message: &str) -> Option<String> {
    let (_, words) = WORDS.iter().find(|(part, _)| message.contains(part))?;
    let rest = message.split_once(": ").map_or(message, |(_, rest)| rest);
    Some(format!("{words}: {rest}"))
}

#[cfg(test)]
mod tests {
    use super::reworded;

    #[test]
    fn overflows_are_bigquery_s() {
        let said = reworded("Out of Range Error: Overflow in addition of INT64 (1 + 2)!");
        assert_eq!(said.as_deref(), Some("int64 overflow: Overflow in addition of INT64 (1 + 2)!"));
        assert_eq!(reworded("Binder Error: something"), None);
    }
}
