//! What a column's name says of its values, where nothing else does.

use rsdbt_googlesql::types::Type;

/// The type that columns of such a name have as a rule.
pub fn type_by_name(name: &str) -> Option<Type> {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split('_').collect();
    let (first, last) = (words.first().copied()?, words.last().copied()?);
    let any = |list: &[&str]| words.iter().any(|word| list.contains(word));
    match (first, last) {
        ("int" | "integer", "value") => return Some(Type::Int64),
        ("string" | "str", "value") => return Some(Type::String),
        ("float" | "double", "value") => return Some(Type::Float64),
        ("bool" | "boolean", "value") => return Some(Type::Bool),
        _ => {}
    }
    Some(match last {
        "at" | "ts" | "timestamp" if words.len() > 1 || last != "at" => Type::Timestamp,
        "date" | "day" | "dt" => Type::Date,
        "time" => Type::Timestamp,
        "count" | "quantity" | "qty" | "num" | "number" | "index" | "position" | "rank" | "year" | "month" | "week"
        | "hour" | "minutes" | "seconds" | "micros" | "millis" | "msec" | "items" | "age" | "cents" => Type::Int64,
        "amount" | "price" | "revenue" | "cost" | "total" | "value" | "rate" | "ratio" | "score" | "latitude"
        | "longitude" | "lat" | "lon" | "lng" | "tax" | "discount" | "usd" | "weight" | "percent" => Type::Float64,
        _ if matches!(first, "is" | "has" | "was" | "can") && words.len() > 1 => Type::Bool,
        _ if any(&["price", "revenue", "amount"]) => Type::Float64,
        _ => return None,
    })
}
