//! Arrays.

use super::clock::{date_add, stamp_add, unit};
use super::{Answer, Out, Row, Val, text};

const MOST: usize = 16_000_000;

pub(super) const TABLE: &[Row] = &[
    ("bq_array_text", "[ss>s", |a| {
        text(a[0].list().iter().flatten().map(Val::text).collect::<Vec<_>>().join(a[1].text()))
    }),
    ("bq_array_text_null", "[sss>s", |a| {
        text(
            a[0].list().iter().map(|v| v.as_ref().map_or(a[2].text(), Val::text)).collect::<Vec<_>>().join(a[1].text()),
        )
    }),
    ("bq_generate_ints", "iii>[i", |a| {
        let (from, to, step) = (a[0].int() as i128, a[1].int() as i128, a[2].int() as i128);
        series(from, to, step).map(|items| Out::List(items.into_iter().map(|v| Some(Out::Int(v as i64))).collect()))
    }),
    ("bq_generate_floats", "fff>[f", floats),
    ("bq_generate_dates", "ddis>[d", |a| dated(a, date_add)),
    ("bq_generate_timestamps", "TTis>[T", |a| {
        unit(a[3].text()).ok_or_else(|| format!("GENERATE_TIMESTAMP_ARRAY does not support {}", a[3].text()))?;
        dated(a, stamp_add)
    }),
    ("bq_percentile_cont", "[ff>f", percentile),
    ("bq_percentile_cont_numeric", "[nn>n", percentile_numeric),
    ("bq_numeric_spread", "[nis>f", spread),
    ("bq_euclidean_distance", "[f[f>f", |a| {
        pairs(a).map(|p| Out::Float(p.iter().map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()))
    }),
    ("bq_cosine_distance", "[f[f>f", |a| {
        let p = pairs(a)?;
        let size = |f: fn(&(f64, f64)) -> f64| p.iter().map(|v| f(v) * f(v)).sum::<f64>().sqrt();
        let (x, y) = (size(|v| v.0), size(|v| v.1));
        if x == 0.0 || y == 0.0 {
            return Err("Cannot compute cosine distance against zero vector".into());
        }
        Ok(Out::Float(1.0 - p.iter().map(|(a, b)| a * b).sum::<f64>() / (x * y)))
    }),
];

fn series(from: i128, to: i128, step: i128) -> Result<Vec<i128>, String> {
    if step == 0 {
        return Err("Sequence step cannot be 0.".into());
    }
    let count = if (to - from) * step.signum() < 0 { 0 } else { (to - from) / step + 1 };
    if count as usize > MOST {
        return Err("Cannot generate an array of more than 16000000 elements".into());
    }
    Ok((0..count).map(|i| from + i * step).collect())
}

fn floats(a: &[Val<'_>]) -> Answer {
    let (from, to, step) = (a[0].float(), a[1].float(), a[2].float());
    if step == 0.0 || !(from.is_finite() && to.is_finite() && step.is_finite()) {
        return Err("GENERATE_ARRAY needs finite bounds and a step other than 0".into());
    }
    let count = ((to - from) / step).floor();
    if count >= MOST as f64 {
        return Err("Cannot generate an array of more than 16000000 elements".into());
    }
    let items = (0..=count.max(-1.0) as i64).map(|i| Some(Out::Float(from + i as f64 * step)));
    Ok(Out::List(if count < 0.0 { Vec::new() } else { items.collect() }))
}

fn dated(a: &[Val<'_>], add: fn(i64, i64, &str) -> Option<i64>) -> Answer {
    let (from, to, step, part) = (a[0].int(), a[1].int(), a[2].int(), a[3].text());
    if step == 0 {
        return Err("Sequence step cannot be 0.".into());
    }
    let mut items = Vec::new();
    for n in 0.. {
        let Some(next) = step.checked_mul(n).and_then(|shift| add(from, shift, part)) else { break };
        if (step > 0 && next > to) || (step < 0 && next < to) {
            break;
        }
        if items.len() >= MOST {
            return Err("Cannot generate an array of more than 16000000 elements".into());
        }
        items.push(Some(Out::Int(next)));
    }
    Ok(Out::List(items))
}

/// The interpolated percentile; NULLs sort first where they are in the list.
fn percentile(a: &[Val<'_>]) -> Answer {
    let fraction = a[1].float();
    if !(0.0..=1.0).contains(&fraction) {
        return Err("Argument 2 to PERCENTILE_CONT must be between 0 and 1".into());
    }
    let mut items: Vec<Option<f64>> = a[0].list().iter().map(|v| v.as_ref().map(Val::float)).collect();
    let rank = |v: &Option<f64>| v.map_or(0, |f| if f.is_nan() { 1 } else { 2 });
    items.sort_by(|x, y| rank(x).cmp(&rank(y)).then(x.partial_cmp(y).unwrap_or(std::cmp::Ordering::Equal)));
    if items.is_empty() {
        return Ok(Out::Null);
    }
    let place = fraction * (items.len() - 1) as f64;
    let (low, high) = (items[place.floor() as usize], items[place.ceil() as usize]);
    let weight = place - place.floor();
    Ok(match (low, high) {
        (Some(low), Some(high)) if weight > 0.0 => {
            Out::Float(if low == high { low } else { low * (1.0 - weight) + high * weight })
        }
        (Some(low), _) if weight == 0.0 => Out::Float(low),
        (low, high) => low.or(high).map_or(Out::Null, Out::Float),
    })
}

/// The same of NUMERIC values, exact to the ninth decimal.
fn percentile_numeric(a: &[Val<'_>]) -> Answer {
    const ONE: i128 = 1_000_000_000;
    let fraction = a[1].decimal();
    if !(0..=ONE).contains(&fraction) {
        return Err("Argument 2 to PERCENTILE_CONT must be between 0 and 1".into());
    }
    let mut items: Vec<Option<i128>> = a[0].list().iter().map(|v| v.as_ref().map(Val::decimal)).collect();
    items.sort_unstable();
    let Some(last) = items.len().checked_sub(1) else { return Ok(Out::Null) };
    let place = fraction * last as i128;
    let (index, weight) = ((place / ONE) as usize, place % ONE);
    let (low, high) = (items[index], items[(index + 1).min(last)]);
    Ok(match (low, high) {
        (low, _) if weight == 0 => low.map_or(Out::Null, Out::Decimal),
        (Some(low), Some(high)) => {
            // 38 digits times 9 do not fit: whole units and the rest apart
            let rest = low % ONE * (ONE - weight) + high % ONE * weight;
            let rounded = (rest + rest.signum() * (ONE / 2)) / ONE;
            Out::Decimal(low / ONE * (ONE - weight) + high / ONE * weight + rounded)
        }
        (low, high) => low.or(high).map_or(Out::Null, Out::Decimal),
    })
}

/// Variance and standard deviation of NUMERIC values. Their distances from the first one are exact, so that no digit is lost.
fn spread(a: &[Val<'_>]) -> Answer {
    let items: Vec<i128> = a[0].list().iter().flatten().map(Val::decimal).collect();
    let divisor = items.len() as f64 - a[1].int() as f64;
    if items.is_empty() || divisor <= 0.0 {
        return Ok(Out::Null);
    }
    let distance = |v: &i128| v.saturating_sub(items[0]) as f64 / 1e9;
    let mean = items.iter().map(distance).sum::<f64>() / items.len() as f64;
    let variance = items.iter().map(|v| (distance(v) - mean).powi(2)).sum::<f64>() / divisor;
    Ok(Out::Float(if a[2].text() == "var" { variance } else { variance.sqrt() }))
}

fn pairs(a: &[Val<'_>]) -> Result<Vec<(f64, f64)>, String> {
    let (x, y) = (a[0].list(), a[1].list());
    if x.len() != y.len() {
        return Err("the arrays have different lengths".into());
    }
    x.iter()
        .zip(y)
        .map(|(p, q)| Some((p.as_ref()?.float(), q.as_ref()?.float())))
        .collect::<Option<_>>()
        .ok_or_else(|| "the arrays must not hold NULL".into())
}
