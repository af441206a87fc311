//! A value of a column as DuckDB SQL over the number of the row (`__row`) and its moment (`__time`). Chance is a hash of the row
//! and the column, so that nothing depends on the order of work. Counts and lengths have heavy tails.

use super::plan::{Column, Key, Settings};
use crate::infer::shapes::Epoch;
use crate::lock::digest;
use rsdbt_duckdbsql::{duck, quote, text};
use rsdbt_googlesql::types::{Type, field_names};

/// What the values of one table are made in.
pub struct Maker<'m> {
    pub settings: &'m Settings,
    pub table: &'m str,
    pub rows: u64,
}

/// Where a value stands: the number of its row, how deep, and the key that names it in a list of pairs.
#[derive(Clone)]
struct Spot {
    row: String,
    depth: usize,
    named: Option<String>,
}

const HOURS: [u8; 24] = [3, 2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 9, 10, 10, 9, 9, 9, 10, 11, 11, 9, 7, 5];
const WORDS: &[&str] = &[
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "indigo", "juniper", "kelp", "lumen",
    "maple", "nimbus", "opal", "prairie", "quartz", "river", "saffron", "tundra",
];
/// What text of such a name looks like: words of the name, and values.
const TEXTS: &[(&[&str], &[&str])] = &[
    (&["country"], &["United States", "Germany", "Brazil", "India", "France", "Japan", "Canada", "Kenya"]),
    (&["city"], &["New York", "Berlin", "Sao Paulo", "Mumbai", "Paris", "Tokyo", "Toronto", "Nairobi"]),
    (&["region", "state"], &["California", "Bavaria", "Texas", "Ontario", "Kanto", "Bahia"]),
    (&["continent"], &["Americas", "Europe", "Asia", "Africa"]),
    (&["currency"], &["USD", "EUR", "GBP", "JPY"]),
    (&["language", "locale"], &["en-us", "de-de", "pt-br", "fr-fr", "ja-jp"]),
    (&["browser"], &["Chrome", "Safari", "Firefox", "Edge"]),
    (&["os", "operating"], &["Android", "iOS", "Windows", "Macintosh", "Linux"]),
    (&["platform"], &["WEB", "ANDROID", "IOS"]),
    (&["device", "category"], &["mobile", "desktop", "tablet"]),
    (&["medium"], &["organic", "cpc", "referral", "email", "(none)"]),
    (&["source"], &["google", "(direct)", "newsletter", "bing", "partner.example"]),
    (&["campaign"], &["(not set)", "spring_sale", "brand", "retargeting"]),
    (&["status", "stage"], &["active", "pending", "closed", "cancelled"]),
    (&["gender"], &["f", "m", "x"]),
    (&["first"], &["Ada", "Ben", "Chloe", "Deniz", "Emeka", "Fatima", "Goran", "Hana"]),
    (&["last", "surname"], &["Abbott", "Berg", "Costa", "Dubois", "Eze", "Fischer", "Garcia", "Haddad"]),
];

impl Maker<'_> {
    /// Numbers from 0 to 1, a sequence of its own for each name.
    fn chance(&self, what: &str, row: &str) -> String {
        let hex = &digest(format!("{}/{}/{what}", self.settings.seed, self.table).as_bytes())[..15];
        let salt = u64::from_str_radix(hex, 16).unwrap_or_default();
        format!("((hash({row} + {salt}::BIGINT) >> 11)::DOUBLE / 9007199254740992.0)")
    }

    /// The moment of a row: days follow the week, hours the day.
    pub fn time(&self, day: Option<chrono::NaiveDate>) -> String {
        use chrono::Datelike;
        let list = |numbers: Vec<String>| format!("[{}]", numbers.join(", "));
        let pick = |list: &str, count: usize, what: &str| {
            format!("{list}[1 + floor({} * {count})::BIGINT]", self.chance(what, "__row"))
        };
        let date = match day {
            Some(day) => format!("DATE '{day}'"),
            None => {
                let calendar = self.settings.calendar();
                let mut days = Vec::new();
                for (at, day) in calendar.iter().enumerate() {
                    let weight = match day.weekday().number_from_monday() {
                        6 => 6,
                        7 => 7,
                        _ => 10,
                    };
                    days.extend(std::iter::repeat_n(at.to_string(), weight));
                }
                let first = calendar.first().copied().unwrap_or(self.settings.until);
                let count = days.len();
                format!("(DATE '{first}' + {}::INTEGER)", pick(&list(days), count, "day"))
            }
        };
        let mut hours = Vec::new();
        for (hour, weight) in HOURS.iter().enumerate() {
            hours.extend(std::iter::repeat_n(hour.to_string(), usize::from(*weight)));
        }
        let count = hours.len();
        let hour = pick(&list(hours), count, "hour");
        let rest = self.chance("moment", "__row");
        format!("({date} + to_hours({hour}) + to_microseconds(floor({rest} * 3600000000)::BIGINT))")
    }

    /// A column of the table.
    pub fn column(&self, column: &Column) -> String {
        let spot = Spot { row: "__row".to_owned(), depth: 0, named: None };
        format!("cast({} as {})", self.value(column, &column.ty, &spot), duck(&column.ty))
    }

    fn value(&self, column: &Column, ty: &Type, spot: &Spot) -> String {
        let value = match ty {
            Type::Array(inner) => return self.list(column, inner, spot),
            Type::Struct(fields) => self.record(column, fields, spot, None),
            _ => self.scalar(column, ty, spot),
        };
        let nulls = match column.rule.nulls {
            Some(share) => share,
            None if column.hints.nullable && !column.rule.not_null && column.key.is_none() => 0.05,
            None => 0.0,
        };
        if nulls <= 0.0 || matches!(ty, Type::Struct(_)) {
            return value;
        }
        let chance = self.chance(&format!("{}/null", self.salt(column, spot)), &spot.row);
        format!("case when {chance} >= {nulls} then {value} end")
    }

    fn salt(&self, column: &Column, spot: &Spot) -> String {
        format!("{}/{}", column.path, spot.named.as_deref().unwrap_or_default())
    }

    fn record(
        &self,
        column: &Column,
        fields: &[rsdbt_googlesql::types::Field],
        spot: &Spot,
        key: Option<(&str, &str)>,
    ) -> String {
        let names = field_names(fields);
        let part = |(field, name): (&rsdbt_googlesql::types::Field, &String)| {
            let inner = column.fields.iter().find(|inner| inner.name.eq_ignore_ascii_case(name));
            let value = match (key, inner) {
                (Some((own, literal)), _) if own.eq_ignore_ascii_case(name) => text(literal),
                (_, Some(inner)) => self.value(inner, &field.ty, spot),
                (_, None) => "NULL".to_owned(),
            };
            format!("{} := cast({value} as {})", quote(name), duck(&field.ty))
        };
        let parts: Vec<String> = fields.iter().zip(&names).map(part).collect();
        if parts.is_empty() { "NULL".to_owned() } else { format!("struct_pack({})", parts.join(", ")) }
    }

    fn list(&self, column: &Column, inner: &Type, spot: &Spot) -> String {
        if let Type::Struct(fields) = inner
            && let Some(key) = column.fields.iter().find(|f| is_pair_key(f))
        {
            // Pairs of key and value: one of each key that models ask for.
            let pair = |literal: &String| {
                let spot = Spot { named: Some(literal.clone()), ..spot.clone() };
                self.record(column, fields, &spot, Some((&key.name, literal)))
            };
            let pairs: Vec<String> = key.hints.literals.iter().map(pair).collect();
            return format!("[{}]", pairs.join(", "));
        }
        let item = format!("__item{}", spot.depth);
        let below =
            Spot { row: format!("({} * 8 + {item})", spot.row), depth: spot.depth + 1, named: spot.named.clone() };
        let value = self.value(column, inner, &below);
        let chance = self.chance(&format!("{}/length", column.path), &spot.row);
        let least = u8::from(column.rule.not_null);
        format!(
            "list_transform(range(greatest({least}, least(8, floor(-ln(1 - {chance}) * 1.5)))::BIGINT), lambda {item}: cast({value} as {}))",
            duck(inner)
        )
    }

    fn scalar(&self, column: &Column, ty: &Type, spot: &Spot) -> String {
        let chance = self.chance(&self.salt(column, spot), &spot.row);
        if let Some(key) = column.key.filter(|_| column.rule.values.is_empty()) {
            return self.key(column, ty, key, &spot.row);
        }
        if !column.rule.values.is_empty() {
            return pick(&column.rule.values, &chance);
        }
        match ty {
            Type::Bool => format!("({chance} < 0.3)"),
            Type::Int64 => self.whole(column, spot, &chance),
            Type::Float64 | Type::Numeric | Type::BigNumeric => self.number(column, spot, &chance),
            Type::Date | Type::DateTime | Type::Timestamp | Type::Time => self.moment(column, spot, &chance),
            Type::Json => self.json(column, &chance),
            Type::Bytes => format!("encode({})", self.text(column, spot, &chance)),
            Type::Geography => {
                format!("struct_pack(\"_wkt\" := concat('POINT(', round({chance} * 360 - 180, 4), ' 0)'))")
            }
            Type::Interval => format!("to_days(floor({chance} * 30)::INTEGER)"),
            Type::String => self.text(column, spot, &chance),
            _ => "NULL".to_owned(),
        }
    }

    /// A key of a pool.
    fn key(&self, column: &Column, ty: &Type, key: Key, row: &str) -> String {
        let size = key.size;
        let chance = self.chance(&format!("{}/key", column.path), row);
        let usual = format!("least({size} - 1, floor({size} * pow({chance}, 2)))::BIGINT");
        let at = match (key.is_unique, key.is_parent) {
            (true, _) => format!("({row})"),
            (false, true) => format!("if({row} < {size}, {row}, {usual})"),
            (false, false) => usual,
        };
        match ty {
            Type::String if key.is_number => format!("cast({at} + 1 as VARCHAR)"),
            Type::String if column.path.contains("email") => format!("concat('user', {at} + 1, '@example.com')"),
            Type::String => format!("substr(md5(concat('{}/{}/', {at})), 1, 16)", self.settings.seed, key.pool),
            Type::Date => format!("(DATE '{}' - ({at})::INTEGER)", self.settings.until),
            Type::DateTime | Type::Timestamp => {
                format!("(TIMESTAMP '{} 00:00:00' + to_seconds({at}))", self.settings.until)
            }
            Type::Bytes => format!("encode(cast({at} + 1 as VARCHAR))"),
            Type::Bool => format!("({at} % 2 = 0)"),
            _ => format!("({at} + 1)"),
        }
    }

    fn name<'n>(&self, column: &'n Column, spot: &'n Spot) -> String {
        spot.named.as_deref().unwrap_or(&column.name).to_lowercase()
    }

    fn whole(&self, column: &Column, spot: &Spot, chance: &str) -> String {
        let name = self.name(column, spot);
        let rule = &column.rule;
        if rule.min.is_some() || rule.max.is_some() {
            return format!("floor({})::BIGINT", between(rule.min, rule.max.map(|max| max + 1.0), chance));
        }
        if let Some(epoch) = column.hints.epoch.or_else(|| epoch_by_name(&name)) {
            let moment = self.moment(column, spot, chance);
            let function = match epoch {
                Epoch::Seconds => return format!("epoch({moment})::BIGINT"),
                Epoch::Millis => "epoch_ms",
                Epoch::Micros => "epoch_us",
            };
            return format!("{function}({moment})");
        }
        let numbers: Vec<String> = column.hints.literals.iter().filter(|l| l.parse::<i64>().is_ok()).cloned().collect();
        if numbers.len() > 1 {
            return format!("{}::BIGINT", pick(&numbers, chance));
        }
        let words: Vec<&str> = name.split('_').collect();
        let is = |list: &[&str]| words.iter().any(|word| list.contains(word));
        if is(&["id", "key"]) {
            return format!("(1 + floor({} * pow({chance}, 2)))::BIGINT", (self.rows / 8).max(1));
        }
        if is(&["year"]) {
            return "year(__time)".to_owned();
        }
        if is(&["month"]) {
            return "month(__time)".to_owned();
        }
        if is(&["count", "quantity", "qty", "items", "number", "index", "position"]) {
            return format!("(1 + floor(-ln(1 - {chance}) * 1.5))::BIGINT");
        }
        format!("floor(exp(3 + 1.2 * {}))::BIGINT", self.normal(column, spot))
    }

    /// A number of the bell curve around 0.
    fn normal(&self, column: &Column, spot: &Spot) -> String {
        let salt = self.salt(column, spot);
        let (a, b) = (self.chance(&format!("{salt}/a"), &spot.row), self.chance(&format!("{salt}/b"), &spot.row));
        format!("(sqrt(-2 * ln(1 - {a})) * cos(2 * pi() * {b}))")
    }

    fn number(&self, column: &Column, spot: &Spot, chance: &str) -> String {
        let name = self.name(column, spot);
        let rule = &column.rule;
        if rule.min.is_some() || rule.max.is_some() {
            return format!("round({}, 4)", between(rule.min, rule.max, chance));
        }
        let is = |list: &[&str]| name.split('_').any(|word| list.contains(&word));
        if is(&["latitude", "lat"]) {
            return format!("round({chance} * 120 - 50, 6)");
        }
        if is(&["longitude", "lon", "lng"]) {
            return format!("round({chance} * 360 - 180, 6)");
        }
        if is(&["rate", "ratio", "percent", "share", "score", "probability"]) {
            return format!("round({chance}, 4)");
        }
        format!("round(exp(3.2 + 0.9 * {}), 2)", self.normal(column, spot))
    }

    fn moment(&self, column: &Column, spot: &Spot, chance: &str) -> String {
        let name = self.name(column, spot);
        let is = |list: &[&str]| name.split('_').any(|word| list.contains(&word));
        if is(&["birth", "born", "dob", "birthday", "birthdate"]) {
            return format!("(__time - to_days((7000 + floor({chance} * 15000))::INTEGER))");
        }
        if is(&["updated", "modified", "ended", "end", "finished", "shipped", "delivered", "closed", "completed"]) {
            return format!("(__time + to_seconds(floor(-ln(1 - {chance}) * 86400)::BIGINT))");
        }
        if is(&["first", "previous", "signup", "registered"]) {
            return format!("(__time - to_seconds(floor(-ln(1 - {chance}) * 432000)::BIGINT))");
        }
        "__time".to_owned()
    }

    fn json(&self, column: &Column, chance: &str) -> String {
        let names = column.hints.json.iter().filter_map(|path| {
            let name = path.trim_start_matches("$.").trim_matches(['[', ']', '\'', '"', '$']);
            (!name.is_empty() && !name.contains(['.', '['])).then_some(name)
        });
        let parts: Vec<String> = names.map(|name| format!("{}, {}", text(name), pick_words(chance))).collect();
        format!("json_object({})", parts.join(", "))
    }

    fn text(&self, column: &Column, spot: &Spot, chance: &str) -> String {
        let hints = &column.hints;
        if let Some(format) = &hints.format {
            return format!("strftime({}, {})", self.moment(column, spot, chance), text(format));
        }
        match &hints.cast {
            Some(Type::Int64) => return format!("cast({} as VARCHAR)", self.whole(column, spot, chance)),
            Some(Type::Float64 | Type::Numeric | Type::BigNumeric) => {
                return format!("cast({} as VARCHAR)", self.number(column, spot, chance));
            }
            Some(Type::Date) => return format!("strftime({}, '%Y-%m-%d')", self.moment(column, spot, chance)),
            Some(Type::DateTime | Type::Timestamp) => {
                return format!("strftime({}, '%Y-%m-%d %H:%M:%S')", self.moment(column, spot, chance));
            }
            Some(Type::Bool) => return format!("if({chance} < 0.3, 'true', 'false')"),
            _ => {}
        }
        if !hints.json.is_empty() {
            return format!("cast({} as VARCHAR)", self.json(column, chance));
        }
        let other = self.text_by_name(&self.name(column, spot), chance);
        let literals: Vec<String> = hints.literals.iter().cloned().collect();
        if literals.is_empty() {
            return other;
        }
        // What models look for must be there, and something else beside it.
        let share = if literals.len() == 1 { 0.6 } else { 0.9 };
        format!("if({chance} < {share}, {}, {other})", pick(&literals, &format!("({chance} / {share})")))
    }

    fn text_by_name(&self, name: &str, chance: &str) -> String {
        let words: Vec<&str> = name.split('_').collect();
        let is = |list: &[&str]| words.iter().any(|word| list.contains(word));
        let pool = (self.rows / 8).max(1);
        let number = format!("(1 + floor({pool} * pow({chance}, 2)))::BIGINT");
        if is(&["email", "mail"]) {
            return format!("concat('user', {number}, '@example.com')");
        }
        if is(&["url", "uri", "link", "location", "referrer", "referer", "page", "href"]) {
            return format!(
                "concat('https://www.example.com/', {}, '/', floor(20 * pow({chance}, 2))::BIGINT)",
                pick_words(chance)
            );
        }
        if is(&["hostname", "host", "domain"]) {
            return "'www.example.com'".to_owned();
        }
        if is(&["phone", "mobile"]) && is(&["number", "phone"]) {
            return format!("concat('+1555', lpad(cast({number} as VARCHAR), 7, '0'))");
        }
        if is(&["version"]) {
            return format!("concat(1 + floor({chance} * 4)::BIGINT, '.', floor({chance} * 100)::BIGINT % 10)");
        }
        if is(&["id", "key", "uuid", "guid", "token", "hash"]) {
            return format!("substr(md5(concat({}, {number})), 1, 16)", text(name));
        }
        if let Some((_, values)) = TEXTS.iter().find(|(names, _)| is(names)) {
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            return pick(&values, chance);
        }
        pick_words(chance)
    }
}

/// A field that says what its neighbour in a list of pairs is about.
fn is_pair_key(field: &Column) -> bool {
    matches!(field.name.to_lowercase().as_str(), "key" | "name") && !field.hints.literals.is_empty()
}

fn epoch_by_name(name: &str) -> Option<Epoch> {
    let last = name.rsplit('_').next().unwrap_or_default();
    (last == "timestamp" || last == "micros").then_some(Epoch::Micros)
}

/// One of the values; the first ones more often.
fn pick(values: &[String], chance: &str) -> String {
    let list: Vec<String> = values.iter().map(|value| text(value)).collect();
    format!("[{}][1 + floor({} * pow({chance}, 1.5))::BIGINT]", list.join(", "), list.len())
}

fn pick_words(chance: &str) -> String {
    let words: Vec<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
    pick(&words, chance)
}

fn between(min: Option<f64>, max: Option<f64>, chance: &str) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("least({max} - 1e-9, {min} + ({max} - {min}) * pow({chance}, 1.5))"),
        (Some(min), None) => format!("({min} - ln(1 - {chance}) * greatest(10, abs({min})))"),
        (None, Some(max)) => format!("({max} - 1e-9 + ln(1 - {chance}) * greatest(10, abs({max})))"),
        (None, None) => chance.to_owned(),
    }
}
