//! Readers of text: GoogleSQL, from its grammar to DuckDB SQL; YAML; seeds.

use super::Target;
use indexmap::IndexMap;
use rsdbt_base::Dialect;
use rsdbt_bqlocal::LocalBigQuery;

/// The grammar alone, thousands of texts a second.
pub fn parse() -> Result<Target, String> {
    Ok(Box::new(|input| drop(rsdbt_googlesql::parse::script(&String::from_utf8_lossy(input)))))
}

/// From text to DuckDB SQL, which a DuckDB in memory is asked about; a session of its own for each.
pub fn sql() -> Result<Target, String> {
    let warehouse = LocalBigQuery::open(None, "lab", "shop").map_err(|why| why.to_string())?;
    Ok(Box::new(move |input| {
        if let Ok(mut session) = warehouse.connect() {
            drop(session.explain(&String::from_utf8_lossy(input)));
        }
    }))
}

pub fn yaml() -> Result<Target, String> {
    Ok(Box::new(|input| drop(rsdbt_project::config::yaml::parse("fuzz.yml", &String::from_utf8_lossy(input)))))
}

/// The first byte chooses the delimiter now and then.
pub fn csv() -> Result<Target, String> {
    Ok(Box::new(|input| {
        let delimiter = input.first().copied().filter(u8::is_ascii_punctuation).unwrap_or(b',');
        for dialect in [Dialect::DuckDb, Dialect::GoogleSql] {
            drop(rsdbt_exec::seed::read(input, delimiter, &IndexMap::new(), dialect));
        }
    }))
}
