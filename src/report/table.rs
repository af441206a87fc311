//! Query results as text tables, CSV and JSON.

use rsdbt_base::{Table, Value};

/// A value as text, NULL as nothing.
pub fn value_text(value: &Value) -> String {
    if *value == Value::Null { String::new() } else { value.text() }
}

fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// A table with borders, as `show` prints it.
pub fn text_table(table: &Table) -> String {
    let cells: Vec<Vec<String>> = table.rows.iter().map(|row| row.iter().map(value_text).collect()).collect();
    let names: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
    let widths: Vec<usize> = (0..names.len())
        .map(|at| cells.iter().map(|row| width(&row[at])).chain([width(&names[at])]).max().unwrap_or(0))
        .collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(c, w)| format!("{c}{}", " ".repeat(w.saturating_sub(width(c))))).collect();
        format!("| {} |", padded.join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|w| "-".repeat(*w)).collect();
    let mut lines = vec![line(&names), format!("| {} |", rule.join(" | "))];
    lines.extend(cells.iter().map(|row| line(row)));
    lines.join("\n")
}

pub fn csv_text(table: &Table) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_record(table.columns.iter().map(|c| c.name.as_str()));
    for row in &table.rows {
        let _ = writer.write_record(row.iter().map(value_text));
    }
    writer.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
