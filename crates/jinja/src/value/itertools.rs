//! Python's `itertools`. What is endless there is `Endless` here; everything else is a list.

use super::collections::List;
use super::python;
use super::zip::Endless;
use crate::call::bad;
use indexmap::IndexMap;
use minijinja::{Error, State, Value};

/// One of the module's functions.
pub fn call(state: &mut State, name: &str, args: &[Value], named: &IndexMap<String, Value>) -> Result<Value, Error> {
    let sequence =
        |at: usize| -> Result<Vec<Value>, Error> { args.get(at).map_or_else(|| Ok(Vec::new()), python::items) };
    let size = |at: usize| args.get(at).and_then(Value::as_usize);
    let tuples = |all: Vec<Vec<Value>>| List::value(all.into_iter().map(super::tuple).collect());
    match name {
        "chain" => {
            let all: Result<Vec<Vec<Value>>, Error> = (0..args.len()).map(sequence).collect();
            Ok(List::value(all?.concat()))
        }
        "product" => {
            let repeat = named.get("repeat").and_then(Value::as_usize).unwrap_or(1);
            let once: Result<Vec<Vec<Value>>, Error> = (0..args.len()).map(sequence).collect();
            let pools = std::iter::repeat_n(once?, repeat).flatten();
            let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
            for pool in pools {
                rows = rows
                    .iter()
                    .flat_map(|row| pool.iter().map(|v| [row.as_slice(), std::slice::from_ref(v)].concat()))
                    .collect();
            }
            Ok(tuples(rows))
        }
        "combinations" | "permutations" | "combinations_with_replacement" => {
            let pool = sequence(0)?;
            let length = size(1).unwrap_or(pool.len());
            Ok(tuples(choose(&pool, length, name)))
        }
        "count" => {
            let part = |at: usize, name: &str, default: i64| {
                args.get(at).or_else(|| named.get(name)).cloned().unwrap_or_else(|| Value::from(default))
            };
            Ok(Value::from_object(Endless::Count(part(0, "start", 0), part(1, "step", 1))))
        }
        "cycle" => Ok(Value::from_object(Endless::Cycle(sequence(0)?))),
        "repeat" if args.len() < 2 && !named.contains_key("times") => {
            Ok(Value::from_object(Endless::Cycle(vec![args.first().cloned().unwrap_or_default()])))
        }
        "compress" => {
            let kept = sequence(0)?.into_iter().zip(sequence(1)?).filter(|(_, keep)| keep.is_true());
            Ok(List::value(kept.map(|(item, _)| item).collect()))
        }
        "starmap" => {
            let function = args.first().cloned().unwrap_or_default();
            let called: Result<Vec<Value>, Error> =
                sequence(1)?.iter().map(|args| function.call(state, &python::items(args)?)).collect();
            called.map(List::value)
        }
        "repeat" => Ok(List::value(vec![
            args.first().cloned().unwrap_or_default();
            size(1).or_else(|| named.get("times").and_then(Value::as_usize)).unwrap_or(0)
        ])),
        "islice" => {
            let (start, stop) = if args.len() > 2 { (size(1).unwrap_or(0), size(2)) } else { (0, size(1)) };
            let step = size(3).unwrap_or(1).max(1);
            let items = match args.first().and_then(|v| v.downcast_object_ref::<Endless>()) {
                Some(endless) => endless.first(stop.unwrap_or(0))?,
                None => sequence(0)?,
            };
            let end = stop.unwrap_or(items.len()).min(items.len());
            Ok(List::value(items[start.min(end)..end].iter().step_by(step).cloned().collect()))
        }
        "zip_longest" => {
            let all: Result<Vec<Vec<Value>>, Error> = (0..args.len()).map(sequence).collect();
            let all = all?;
            let fill = named.get("fillvalue").cloned().unwrap_or_else(|| Value::from(()));
            let longest = all.iter().map(Vec::len).max().unwrap_or(0);
            let row = |i: usize| all.iter().map(|s| s.get(i).cloned().unwrap_or_else(|| fill.clone())).collect();
            Ok(tuples((0..longest).map(row).collect()))
        }
        "accumulate" => {
            let mut total: Option<Value> = None;
            let mut out = Vec::new();
            for item in sequence(0)? {
                let next = match total {
                    Some(sum) => crate::ops::add(&sum, &item)?,
                    None => item,
                };
                out.push(next.clone());
                total = Some(next);
            }
            Ok(List::value(out))
        }
        _ => Err(bad(format!("modules.itertools has no '{name}'"))),
    }
}

/// Python's order: by position in the pool.
fn choose(pool: &[Value], length: usize, how: &str) -> Vec<Vec<Value>> {
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..length {
        let mut longer = Vec::new();
        for row in &rows {
            let from = match how {
                "combinations" => row.last().map_or(0, |last| last + 1),
                "combinations_with_replacement" => row.last().copied().unwrap_or(0),
                _ => 0,
            };
            for at in from..pool.len() {
                if how != "permutations" || !row.contains(&at) {
                    longer.push([row.as_slice(), &[at]].concat());
                }
            }
        }
        rows = longer;
    }
    rows.into_iter().map(|row| row.into_iter().map(|at| pool[at].clone()).collect()).collect()
}
