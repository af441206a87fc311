//! Filters over sequences. What Jinja2 gives as a generator is a list here.

use super::Row;
use crate::call::bad;
use crate::signature::Bound;
use crate::value::collections::List;
use crate::value::undefined::is_undefined;
use crate::value::{group, pairs, python, tuple};
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use std::cmp::Ordering;
use std::collections::HashSet;

pub const FILTERS: &[Row] = &[
    (&["list"], "list(value)", |_, args| Ok(List::value(python::items(&args.value(0))?))),
    (&["sort"], "sort(value, reverse=, case_sensitive=, attribute=)", sort),
    (&["unique"], "unique(value, case_sensitive=, attribute=)", unique),
    (&["join"], "join(value, d=, attribute=)", join),
    (&["map"], "map(value, *, **)", map),
    (&["select"], "select(value, *, **)", |state, args| choose(state, args, true, false)),
    (&["reject"], "reject(value, *, **)", |state, args| choose(state, args, false, false)),
    (&["selectattr"], "selectattr(value, *, **)", |state, args| choose(state, args, true, true)),
    (&["rejectattr"], "rejectattr(value, *, **)", |state, args| choose(state, args, false, true)),
    (&["groupby"], "groupby(value, attribute, default=, case_sensitive=)", group_by),
    (&["dictsort"], "dictsort(value, case_sensitive=, by=, reverse=)", dict_sort),
    (&["items"], "items(value)", items),
    (&["first"], "first(seq)", |_, args| Ok(python::items(&args.value(0))?.first().cloned().unwrap_or_default())),
    (&["last"], "last(seq)", |_, args| Ok(python::items(&args.value(0))?.last().cloned().unwrap_or_default())),
    (&["random"], "random(seq)", |_, args| Ok(python::items(&args.value(0))?.first().cloned().unwrap_or_default())),
    (&["length", "count"], "len(value)", |_, args| Ok(Value::from(python::length(&args.value(0))?))),
    (&["reverse"], "reverse(value)", reverse),
    (&["sum"], "sum(iterable, attribute=, start=)", sum),
    (&["min"], "min(value, case_sensitive=, attribute=)", |_, args| extreme(args, Ordering::Less)),
    (&["max"], "max(value, case_sensitive=, attribute=)", |_, args| extreme(args, Ordering::Greater)),
    (&["slice"], "slice(value, slices, fill_with=)", slice),
    (&["batch"], "batch(value, linecount, fill_with=)", batch),
    (&["default", "d"], "default(value, default_value=, boolean=)", default),
    (&["attr"], "attr(obj, name)", |state, args| {
        crate::value::method::only_attribute(state, &args.value(0), &args.text(1))
    }),
    (&["is_list"], "is_list(value)", |_, args| Ok(Value::from(python::type_name(&args.value(0)) == "list"))),
];

/// What stands at `a.b.0` of a value.
fn part(value: &Value, path: &str, default: Option<&Value>) -> Result<Value, Error> {
    let mut found = value.clone();
    for step in path.split('.') {
        let key = step.parse::<i64>().map_or_else(|_| Value::from(step), Value::from);
        found = python::known(&found)?.get_item(&key)?;
        if let Some(default) = default.filter(|_| is_undefined(&found)) {
            found = default.clone();
        }
    }
    Ok(found)
}

/// What a sequence is ordered or compared by: an attribute, several, or the item; text without its case unless it counts.
struct Key<'a> {
    attribute: Option<&'a Value>,
    case_sensitive: bool,
    default: Option<&'a Value>,
}

impl Key<'_> {
    fn of(&self, item: &Value) -> Result<Value, Error> {
        let Some(attribute) = self.attribute else { return Ok(self.folded(item.clone())) };
        let path = python::text(attribute);
        let mut parts = Vec::new();
        for path in path.split(',') {
            parts.push(self.folded(part(item, path, self.default)?));
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { List::value(parts) })
    }

    fn folded(&self, value: Value) -> Value {
        match value.as_str() {
            Some(text) if !self.case_sensitive => Value::from(text.to_lowercase()),
            _ => value,
        }
    }
}

/// Items with their keys, in the order of the keys; equal ones keep theirs.
pub fn ordered(keyed: &mut [(Value, Value)], reverse: bool) -> Result<(), Error> {
    let mut failed = None;
    keyed.sort_by(|(a, _), (b, _)| {
        let order = python::compare("<", a, b).unwrap_or_else(|error| {
            failed.get_or_insert(error);
            Ordering::Equal
        });
        if reverse { order.reverse() } else { order }
    });
    failed.map_or(Ok(()), Err)
}

fn keyed(args: &Bound, key: &Key) -> Result<Vec<(Value, Value)>, Error> {
    python::items(&args.value(0))?.into_iter().map(|item| Ok((key.of(&item)?, item))).collect()
}

fn sort(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let key = Key { attribute: args.some(3), case_sensitive: args.is_true(2), default: None };
    let mut keyed = keyed(args, &key)?;
    ordered(&mut keyed, args.is_true(1))?;
    Ok(List::value(keyed.into_iter().map(|(_, item)| item).collect()))
}

fn unique(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let key = Key { attribute: args.some(2), case_sensitive: args.is_true(1), default: None };
    let mut seen = HashSet::new();
    let keyed = keyed(args, &key)?.into_iter();
    Ok(List::value(keyed.filter_map(|(key, item)| seen.insert(key).then_some(item)).collect()))
}

fn join(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let mut parts = Vec::new();
    for item in python::items(&args.value(0))? {
        parts.push(match args.some(2) {
            Some(attribute) => python::text(&part(&item, &python::text(attribute), None)?),
            None => python::text(&item),
        });
    }
    Ok(Value::from(parts.join(&args.text(1))))
}

/// The arguments that a filter or test is handed on.
fn handed(item: Value, rest: &[Value], args: &Bound) -> Vec<Value> {
    let mut all = vec![item];
    all.extend_from_slice(rest);
    if !args.named.is_empty() {
        let named: Kwargs = args.named.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
        all.push(named.into());
    }
    all
}

/// minijinja does not say which filter or test it does not know.
fn known<T>(result: Result<T, Error>, name: &str) -> Result<T, Error> {
    result.map_err(|error| match error.kind() {
        ErrorKind::UnknownFilter => bad(format!("No filter named '{name}'.")),
        ErrorKind::UnknownTest => bad(format!("No test named '{name}'.")),
        _ => error,
    })
}

fn map(state: &mut State, args: &Bound) -> Result<Value, Error> {
    let items = python::items(&args.value(0))?;
    if let (Some(attribute), []) = (args.named.get("attribute"), args.rest.as_slice()) {
        if let Some((name, _)) = args.named.iter().find(|(name, _)| !["attribute", "default"].contains(&name.as_str()))
        {
            return Err(bad(format!("Unexpected keyword argument '{name}'")));
        }
        let (path, default) = (python::text(attribute), args.named.get("default"));
        let mapped: Result<Vec<Value>, Error> = items.iter().map(|item| part(item, &path, default)).collect();
        return mapped.map(List::value);
    }
    let Some((name, rest)) = args.rest.split_first() else {
        return Err(bad("map requires a filter argument"));
    };
    let name = python::text(name);
    let mapped: Result<Vec<Value>, Error> =
        items.into_iter().map(|item| known(state.apply_filter(&name, &handed(item, rest, args)), &name)).collect();
    mapped.map(List::value)
}

fn choose(state: &mut State, args: &Bound, wanted: bool, by_attribute: bool) -> Result<Value, Error> {
    let (path, rest) = match (by_attribute, args.rest.split_first()) {
        (false, _) => (None, args.rest.as_slice()),
        (true, Some((path, rest))) => (Some(python::text(path)), rest),
        (true, None) => return Err(bad("Missing parameter for attribute name")),
    };
    let mut chosen = Vec::new();
    for item in python::items(&args.value(0))? {
        let value = path.as_ref().map_or_else(|| Ok(item.clone()), |path| part(&item, path, None))?;
        let fits = match rest.split_first() {
            None => value.is_true(),
            Some((test, rest)) => {
                let name = python::text(test);
                known(state.perform_test(&name, &handed(value, rest, args)), &name)?
            }
        };
        if fits == wanted {
            chosen.push(item);
        }
    }
    Ok(List::value(chosen))
}

fn group_by(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let default = args.some(2);
    let key = Key { attribute: args.get(1), case_sensitive: args.is_true(3), default };
    let shown = Key { attribute: args.get(1), case_sensitive: true, default };
    let mut keyed = keyed(args, &key)?;
    ordered(&mut keyed, false)?;
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for (key, item) in keyed {
        match groups.last_mut() {
            Some((last, _, items)) if *last == key => items.push(item),
            _ => groups.push((key, shown.of(&item)?, vec![item])),
        }
    }
    Ok(List::value(groups.into_iter().map(|(_, name, items)| group::value(name, List::value(items))).collect()))
}

fn dict_sort(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let by = args.text_or(2, "key");
    if by != "key" && by != "value" {
        return Err(bad("You can only sort by either \"key\" or \"value\""));
    }
    let key = Key { attribute: None, case_sensitive: args.is_true(1), default: None };
    let entries = pairs(&args.value(0)).into_iter();
    let mut keyed: Vec<(Value, Value)> = entries
        .map(|(k, v)| Ok((key.of(if by == "key" { &k } else { &v })?, tuple(vec![k, v]))))
        .collect::<Result<_, Error>>()?;
    ordered(&mut keyed, args.is_true(3))?;
    Ok(List::value(keyed.into_iter().map(|(_, item)| item).collect()))
}

fn items(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let value = args.value(0);
    match value.kind() {
        _ if is_undefined(&value) => Ok(List::value(Vec::new())),
        ValueKind::Map => Ok(List::value(pairs(&value).into_iter().map(|(k, v)| tuple(vec![k, v])).collect())),
        _ => Err(bad("Can only get item pairs from a mapping.")),
    }
}

fn reverse(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let value = args.value(0);
    if let Some(text) = value.as_str() {
        return Ok(Value::from(text.chars().rev().collect::<String>()));
    }
    let mut items = python::items(&value).map_err(|_| bad("argument must be iterable"))?;
    items.reverse();
    Ok(List::value(items))
}

fn sum(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let mut total = args.get(2).cloned().unwrap_or_else(|| Value::from(0));
    for item in python::items(&args.value(0))? {
        let item = match args.some(1) {
            Some(attribute) => part(&item, &python::text(attribute), None)?,
            None => item,
        };
        total = crate::ops::add(&total, &item)?;
    }
    Ok(total)
}

fn extreme(args: &Bound, wanted: Ordering) -> Result<Value, Error> {
    let key = Key { attribute: args.some(2), case_sensitive: args.is_true(1), default: None };
    let operator = if wanted == Ordering::Less { "<" } else { ">" };
    let mut best: Option<(Value, Value)> = None;
    for (key, item) in keyed(args, &key)? {
        let better = match &best {
            Some((champion, _)) => python::compare(operator, &key, champion)? == wanted,
            None => true,
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map(|(_, item)| item).unwrap_or_default())
}

/// Columns of nearly equal length.
fn slice(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let items = python::items(&args.value(0))?;
    let Some(slices) = usize::try_from(args.int(1, 1)?).ok().filter(|n| *n > 0) else {
        return Err(bad("integer division or modulo by zero"));
    };
    let (each, longer) = (items.len() / slices, items.len() % slices);
    let mut from = 0;
    let mut all = Vec::new();
    for at in 0..slices {
        let to = from + each + usize::from(at < longer);
        let mut part = items[from..to].to_vec();
        part.extend(args.some(2).filter(|_| at >= longer && longer > 0).cloned());
        all.push(List::value(part));
        from = to;
    }
    Ok(List::value(all))
}

/// Rows of a given length.
fn batch(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let items = python::items(&args.value(0))?;
    let length = usize::try_from(args.int(1, 1)?).unwrap_or(0).max(1);
    let rows = items.chunks(length).map(|chunk| {
        let mut row = chunk.to_vec();
        if let Some(fill) = args.some(2) {
            row.resize(length, fill.clone());
        }
        List::value(row)
    });
    Ok(List::value(rows.collect()))
}

fn default(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let value = args.value(0);
    let missing = is_undefined(&value) || (args.is_true(2) && !value.is_true());
    Ok(if missing { args.get(1).cloned().unwrap_or_else(|| Value::from("")) } else { value })
}
