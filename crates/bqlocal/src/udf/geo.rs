//! GEOGRAPHY as WKT: points, lengths and distances on the sphere. Polygons are kept, not computed with.

use super::{Out, Row, Val, text};

const RADIUS: f64 = 6_371_010.0;

pub(super) const TABLE: &[Row] = &[
    ("bq_geo_point", "ff>g", |a| {
        let (x, y) = (a[0].float(), a[1].float());
        if !(-90.0..=90.0).contains(&y) || !x.is_finite() {
            return Err("Latitude must be between -90 and 90 degrees".into());
        }
        text(format!("POINT({} {})", number(wrap(x)), number(y)))
    }),
    ("bq_geo_parse", "s>g", |a| parse(a[0].text()).map(|shape| Out::Text(shape.show()))),
    ("bq_geo_x", "s>f", |a| single(a).map(|p| p.map_or(Out::Null, |p| Out::Float(p.0)))),
    ("bq_geo_y", "s>f", |a| single(a).map(|p| p.map_or(Out::Null, |p| Out::Float(p.1)))),
    ("bq_geo_distance", "ss>f", |a| {
        match (parse(a[0].text())?.points.as_slice(), parse(a[1].text())?.points.as_slice()) {
            ([x], [y]) => Ok(Out::Float(distance(*x, *y))),
            ([], _) | (_, []) => Ok(Out::Null),
            _ => Err("ST_DISTANCE of anything but points is not supported by `method: local`".into()),
        }
    }),
    ("bq_geo_type", "s>s", |a| parse(a[0].text()).and_then(|s| text(s.kind()))),
    ("bq_geo_count", "s>i", |a| parse(a[0].text()).map(|s| Out::Int(s.points.len() as i64 - s.rings))),
    ("bq_geo_empty", "s>b", |a| Ok(Out::Bool(parse(a[0].text())?.points.is_empty()))),
    ("bq_geo_is_collection", "s>b", |a| {
        Ok(Out::Bool(parse(a[0].text()).map(|s| s.name.starts_with("MULTI") || s.name.contains("COLLECTION"))?))
    }),
    ("bq_geo_length", "s>f", |a| {
        let shape = parse(a[0].text())?;
        match shape.name.as_str() {
            "LINESTRING" => Ok(Out::Float(shape.points.windows(2).map(|w| distance(w[0], w[1])).sum())),
            "POINT" | "MULTIPOINT" | "POLYGON" => Ok(Out::Float(0.0)),
            other => Err(format!("ST_LENGTH of {other} is not supported by `method: local`")),
        }
    }),
    ("bq_geo_json", "s>s", |a| {
        let shape = parse(a[0].text())?;
        match (shape.name.as_str(), shape.points.as_slice()) {
            ("POINT", [p]) => {
                text(format!("{{\"type\": \"Point\", \"coordinates\": [{}, {}]}}", number(p.0), number(p.1)))
            }
            _ => Err("GeoJSON of anything but points is not supported by `method: local`".into()),
        }
    }),
];

struct Shape {
    name: String,
    points: Vec<(f64, f64)>,
    /// closed rings, whose last point repeats the first
    rings: i64,
    body: String,
}

impl Shape {
    fn show(&self) -> String {
        if self.points.is_empty() { format!("{} EMPTY", self.name) } else { format!("{}{}", self.name, self.body) }
    }

    fn kind(&self) -> String {
        const NAMES: [&str; 7] =
            ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"];
        let found = NAMES.iter().find(|n| n.eq_ignore_ascii_case(&self.name)).unwrap_or(&"GeometryCollection");
        format!("ST_{found}")
    }
}

fn number(value: f64) -> String {
    format!("{}", if value == 0.0 { 0.0 } else { value })
}

fn wrap(x: f64) -> f64 {
    if (-180.0..=180.0).contains(&x) { x } else { (x + 180.0).rem_euclid(360.0) - 180.0 }
}

fn parse(wkt: &str) -> Result<Shape, String> {
    let bad = || format!("ST_GeogFromText failed: invalid WKT '{wkt}'");
    let trimmed = wkt.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
    let name = trimmed[..split].to_uppercase();
    if !["POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"]
        .contains(&name.as_str())
    {
        return Err(bad());
    }
    let rest = trimmed[split..].trim();
    if rest.eq_ignore_ascii_case("EMPTY") {
        return Ok(Shape { name, points: Vec::new(), rings: 0, body: String::new() });
    }
    if !rest.starts_with('(') || !rest.ends_with(')') {
        return Err(bad());
    }
    let (mut points, mut body, mut depth) = (Vec::new(), String::new(), 0i32);
    let mut token = String::new();
    let mut coordinates: Vec<f64> = Vec::new();
    for c in rest.chars() {
        match c {
            '(' | ')' | ',' => {
                if !token.is_empty() {
                    coordinates.push(token.parse().map_err(|_| bad())?);
                    token.clear();
                }
                match coordinates.as_slice() {
                    [x, y] => {
                        if !(-90.0..=90.0).contains(y) {
                            return Err("Latitude must be between -90 and 90 degrees".into());
                        }
                        points.push((wrap(*x), *y));
                        body.push_str(&format!("{} {}", number(wrap(*x)), number(*y)));
                    }
                    [] => {}
                    _ => return Err(bad()),
                }
                coordinates.clear();
                depth += i32::from(c == '(') - i32::from(c == ')');
                body.push(c);
                if c == ',' {
                    body.push(' ');
                }
            }
            c if c.is_whitespace() => {
                if !token.is_empty() {
                    coordinates.push(token.parse().map_err(|_| bad())?);
                    token.clear();
                }
            }
            c if name == "GEOMETRYCOLLECTION" && c.is_ascii_alphabetic() => body.push(c.to_ascii_uppercase()),
            c => token.push(c),
        }
        if depth < 0 {
            return Err(bad());
        }
    }
    if depth != 0 || points.is_empty() {
        return Err(bad());
    }
    let rings = if name.ends_with("POLYGON") { rest.matches("),").count() as i64 + 1 } else { 0 };
    Ok(Shape { name, points, rings, body })
}

fn single(a: &[Val<'_>]) -> Result<Option<(f64, f64)>, String> {
    let shape = parse(a[0].text())?;
    match (shape.name.as_str(), shape.points.as_slice()) {
        ("POINT", [p]) => Ok(Some(*p)),
        (_, []) => Ok(None),
        _ => Err("ST_X and ST_Y need a point".into()),
    }
}

fn distance((x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> f64 {
    let (p, q) = (y1.to_radians(), y2.to_radians());
    let h = ((q - p) / 2.0).sin().powi(2) + p.cos() * q.cos() * ((x2 - x1).to_radians() / 2.0).sin().powi(2);
    2.0 * RADIUS * h.sqrt().min(1.0).asin()
}
