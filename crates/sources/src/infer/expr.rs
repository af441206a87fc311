//! Expressions: which slot a value has, and what its use says of the columns in it.

use super::query::{Level, Walker};
use super::shapes::{Epoch, Record, Shape, Var};
use rsdbt_googlesql::ast::{Call, Expr, Ident, Kind, Set};
use rsdbt_googlesql::library::Pattern;
use rsdbt_googlesql::types::Type;

/// Functions whose result is their first argument, seen from far enough.
const SAME: &[&str] =
    &["LOWER", "UPPER", "TRIM", "LTRIM", "RTRIM", "REPLACE", "LEFT", "RIGHT", "NORMALIZE", "REGEXP_REPLACE", "INITCAP"];
/// Functions that give one of their values.
const ONE_OF: &[&str] = &["COALESCE", "IFNULL", "NULLIF", "GREATEST", "LEAST"];
const PASSING: &[&str] =
    &["MIN", "MAX", "ANY_VALUE", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", "LAG", "LEAD", "MAX_BY", "MIN_BY"];
const PARSERS: &[(&str, Type)] = &[
    ("PARSE_DATE", Type::Date),
    ("PARSE_DATETIME", Type::DateTime),
    ("PARSE_TIMESTAMP", Type::Timestamp),
    ("PARSE_TIME", Type::Time),
];
const EPOCHS: &[(&str, Epoch)] =
    &[("TIMESTAMP_SECONDS", Epoch::Seconds), ("TIMESTAMP_MILLIS", Epoch::Millis), ("TIMESTAMP_MICROS", Epoch::Micros)];
const JSON: &[&str] = &["JSON_VALUE", "JSON_EXTRACT_SCALAR", "JSON_QUERY", "JSON_EXTRACT", "JSON_VALUE_ARRAY"];

impl Walker<'_> {
    /// The row or value that a name of the FROM clause stands for.
    pub(super) fn range(&self, name: &str) -> Option<Var> {
        let named =
            |level: &Level| level.ranges.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, v)| *v);
        self.levels.iter().rev().find_map(named)
    }

    pub(super) fn name(&mut self, name: &Ident) -> Var {
        let wanted = name.text.as_str();
        for level in self.levels.iter().rev() {
            let found = level.ranges.iter().find_map(|(_, row)| self.shapes.known(*row, wanted));
            let bound = level.bound.iter().rev().find(|(own, _)| own.eq_ignore_ascii_case(wanted)).map(|(_, var)| *var);
            if let Some(found) = found.or(bound) {
                return found;
            }
        }
        if let Some(row) = self.range(wanted).filter(|_| !wanted.is_empty()) {
            return row;
        }
        if wanted.eq_ignore_ascii_case("_TABLE_SUFFIX") {
            return self.shapes.scalar(Type::String);
        }
        let rows: Vec<Var> = self.levels.iter().rev().flat_map(|level| level.ranges.iter().map(|(_, v)| *v)).collect();
        match rows.into_iter().find(|row| self.shapes.is_open(*row)) {
            Some(row) => self.shapes.field(row, wanted).unwrap_or_else(|| self.shapes.unknown()),
            None => self.shapes.unknown(),
        }
    }

    pub(super) fn expr(&mut self, value: &Expr) -> Var {
        match &value.kind {
            Kind::Null | Kind::Default | Kind::Param(_) | Kind::System(_) | Kind::Star | Kind::Object(..) => {
                self.shapes.unknown()
            }
            Kind::Bool(_) => self.shapes.scalar(Type::Bool),
            Kind::Int(_) => self.weak(Type::Int64),
            Kind::Float(_) => self.weak(Type::Float64),
            Kind::Text(_) => self.weak(Type::String),
            Kind::Bytes(_) => self.shapes.scalar(Type::Bytes),
            Kind::Typed(ty, _) => self.typed(ty),
            Kind::Interval { value, .. } => {
                let var = self.expr(value);
                self.shapes.ask_weakly(var, Type::Int64);
                self.shapes.scalar(Type::Interval)
            }
            Kind::Name(name) => self.name(name),
            Kind::Field(inner, name) => self.field(inner, name),
            Kind::Index(array, index) => {
                self.expr(index);
                let array = self.expr(array);
                self.shapes.element(array)
            }
            Kind::Unary(op, inner) => self.unary(op, inner),
            Kind::Binary(op, a, b) => self.binary(op, a, b),
            Kind::Is { value, what, .. } => {
                let var = self.expr(value);
                match *what {
                    "NULL" => self.shapes.hints[var].nullable = true,
                    _ => self.shapes.ask(var, &Type::Bool),
                }
                self.shapes.scalar(Type::Bool)
            }
            Kind::IsDistinct { left, right, .. } => self.compare("=", left, right),
            Kind::Between { value, low, high, .. } => {
                self.compare("<", value, low);
                self.compare("<", value, high)
            }
            Kind::In { value, set, .. } => self.among(value, set, false),
            Kind::Like { value, set, .. } => self.among(value, set, true),
            Kind::Case { operand, whens, otherwise } => self.case(operand.as_deref(), whens, otherwise.as_deref()),
            Kind::Cast { value, to, .. } => {
                let inner = self.expr(value);
                let out = self.typed(to);
                if let Shape::Scalar(ty) = self.shapes.shape(out).clone() {
                    self.shapes.hints[inner].cast.get_or_insert(ty);
                }
                out
            }
            Kind::Extract { from, .. } => {
                let var = self.expr(from);
                self.shapes.ask_weakly(var, Type::Timestamp);
                self.shapes.scalar(Type::Int64)
            }
            Kind::Call(call) => self.call(call),
            Kind::Array { items, .. } => {
                let element = self.shapes.unknown();
                for item in items {
                    let item = self.expr(item);
                    self.shapes.link(element, item);
                }
                self.shapes.add(Shape::List(element))
            }
            Kind::ArrayQuery(query) => {
                let row = self.query(query);
                let element = self.only(row);
                self.shapes.add(Shape::List(element))
            }
            Kind::Struct { items, .. } => {
                let fields = items.iter().map(|(value, name)| {
                    let name = name.as_ref().map(|n| n.text.clone()).or_else(|| match &value.kind {
                        Kind::Name(name) | Kind::Field(_, name) => Some(name.text.clone()),
                        _ => None,
                    });
                    (name.unwrap_or_default(), self.expr(value))
                });
                let fields = fields.collect();
                self.shapes.add(Shape::Record(Record { fields, ..Record::default() }))
            }
            Kind::Query(query) => {
                let row = self.query(query);
                self.only(row)
            }
            Kind::Exists(query) => {
                self.query(query);
                self.shapes.scalar(Type::Bool)
            }
            Kind::With { bindings, body } => {
                self.levels.push(Level::default());
                for (name, value) in bindings {
                    let var = self.expr(value);
                    self.bind(&name.text, var);
                }
                let out = self.expr(body);
                self.levels.pop();
                out
            }
            Kind::Lambda { params, body } => {
                self.levels.push(Level::default());
                for param in params {
                    let var = self.shapes.unknown();
                    self.bind(&param.text, var);
                }
                let out = self.expr(body);
                self.levels.pop();
                out
            }
            Kind::Named(_, inner) => self.expr(inner),
        }
    }

    fn bind(&mut self, name: &str, var: Var) {
        if let Some(level) = self.levels.last_mut() {
            level.bound.push((name.to_owned(), var));
        }
    }

    fn weak(&mut self, ty: Type) -> Var {
        let var = self.shapes.unknown();
        self.shapes.ask_weakly(var, ty);
        var
    }

    fn typed(&mut self, name: &rsdbt_googlesql::ast::TypeName) -> Var {
        match Type::of_name(name) {
            Ok(ty) => self.shapes.of_type(&ty),
            Err(_) => self.shapes.unknown(),
        }
    }

    /// The only column of a query.
    fn only(&mut self, row: Var) -> Var {
        let fields = self.shapes.fields(row);
        fields.first().map_or(row, |(_, var)| *var)
    }

    fn field(&mut self, inner: &Expr, name: &Ident) -> Var {
        let base = match &inner.kind {
            Kind::Name(range) => match self.range(&range.text) {
                Some(row) => row,
                None => self.name(range),
            },
            _ => self.expr(inner),
        };
        self.shapes.field(base, &name.text).unwrap_or_else(|| self.shapes.unknown())
    }

    fn unary(&mut self, op: &str, inner: &Expr) -> Var {
        let var = self.expr(inner);
        if op == "NOT" {
            self.shapes.ask(var, &Type::Bool);
        } else {
            self.shapes.hints[var].number = true;
        }
        var
    }

    fn binary(&mut self, op: &'static str, a: &Expr, b: &Expr) -> Var {
        match op {
            "AND" | "OR" => {
                for side in [a, b] {
                    let var = self.expr(side);
                    self.shapes.ask(var, &Type::Bool);
                }
                self.shapes.scalar(Type::Bool)
            }
            "||" => {
                for side in [a, b] {
                    let var = self.expr(side);
                    self.shapes.ask_weakly(var, Type::String);
                }
                self.weak(Type::String)
            }
            "=" | "!=" | "<>" | "<" | ">" | "<=" | ">=" => self.compare(op, a, b),
            "/" => {
                for side in [a, b] {
                    let var = self.expr(side);
                    self.shapes.hints[var].number = true;
                }
                self.weak(Type::Float64)
            }
            _ => {
                let (a, b) = (self.expr(a), self.expr(b));
                let moment = |shape: &Shape| {
                    matches!(shape, Shape::Scalar(Type::Interval | Type::Date | Type::Timestamp | Type::DateTime))
                };
                if !moment(self.shapes.shape(a)) && !moment(self.shapes.shape(b)) {
                    self.shapes.hints[a].number = true;
                    self.shapes.hints[b].number = true;
                }
                let out = self.shapes.unknown();
                self.shapes.hints[out].number = true;
                self.shapes.link(out, a);
                out
            }
        }
    }

    fn compare(&mut self, op: &str, a: &Expr, b: &Expr) -> Var {
        let (left, right) = (self.expr(a), self.expr(b));
        self.shapes.link(left, right);
        if op == "=" && self.joining {
            self.shapes.equal.insert((left.min(right), left.max(right)));
        }
        if matches!(op, "=" | "!=" | "<>") {
            self.literal(left, b);
            self.literal(right, a);
        }
        self.shapes.scalar(Type::Bool)
    }

    /// Notes that a value is compared with a constant.
    pub(super) fn literal(&mut self, var: Var, constant: &Expr) {
        let text = match &constant.kind {
            Kind::Text(text) => text.clone(),
            Kind::Int(text) => text.clone(),
            _ => return,
        };
        if !text.is_empty() {
            self.shapes.hints[var].literals.insert(text);
        }
    }

    fn among(&mut self, value: &Expr, set: &Set, like: bool) -> Var {
        let var = self.expr(value);
        if like {
            self.shapes.ask(var, &Type::String);
        }
        match set {
            Set::Items(items) => {
                for item in items {
                    let other = self.expr(item);
                    self.shapes.link(var, other);
                    if !like {
                        self.literal(var, item);
                    }
                }
            }
            Set::Query(query) => {
                let row = self.query(query);
                let other = self.only(row);
                self.shapes.link(var, other);
                self.shapes.equal.insert((var.min(other), var.max(other)));
            }
            Set::Unnest(array) => {
                let array = self.expr(array);
                let other = self.shapes.element(array);
                self.shapes.link(var, other);
            }
        }
        self.shapes.scalar(Type::Bool)
    }

    fn case(&mut self, operand: Option<&Expr>, whens: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Var {
        let operand = operand.map(|value| self.expr(value));
        let out = self.shapes.unknown();
        for (when, then) in whens {
            let condition = self.expr(when);
            match operand {
                Some(operand) => {
                    self.shapes.link(operand, condition);
                    self.literal(operand, when);
                }
                None => self.shapes.ask(condition, &Type::Bool),
            }
            let then = self.expr(then);
            self.shapes.link(out, then);
        }
        if let Some(otherwise) = otherwise {
            let otherwise = self.expr(otherwise);
            self.shapes.link(out, otherwise);
        }
        out
    }

    fn call(&mut self, call: &Call) -> Var {
        let name = call.name.to_uppercase();
        let name = name.strip_prefix("SAFE.").unwrap_or(&name).to_owned();
        // `hour` in `TIMESTAMP_TRUNC(x, hour)` is a word of the language, no column
        let is_part = |at: usize| at > 0 && ["_TRUNC", "_DIFF", "LAST_DAY"].iter().any(|end| name.ends_with(end));
        let is_last = |at: usize| at + 1 == call.args.len() || name.ends_with("_TRUNC");
        let mut vars = Vec::with_capacity(call.args.len());
        for (at, argument) in call.args.iter().enumerate() {
            let skips = is_part(at) && is_last(at) && matches!(argument.kind, Kind::Name(_) | Kind::Call(_));
            vars.push(if skips { self.shapes.unknown() } else { self.expr(argument) });
        }
        if let Some(window) = &call.over {
            self.window(window);
        }
        self.order(&call.order);
        let first = vars.first().copied();
        if let Some(found) = self.moment_call(&name, call, &vars) {
            return found;
        }
        match (name.as_str(), first) {
            (same, Some(first)) if SAME.contains(&same) => {
                self.shapes.ask(first, &Type::String);
                first
            }
            (one, Some(first)) if ONE_OF.contains(&one) => {
                self.shapes.hints[first].nullable |= matches!(one, "COALESCE" | "IFNULL");
                vars[1..].iter().for_each(|other| self.shapes.link(first, *other));
                first
            }
            ("IF", Some(first)) => {
                self.shapes.ask(first, &Type::Bool);
                let out = self.shapes.unknown();
                vars[1..].iter().for_each(|other| self.shapes.link(out, *other));
                out
            }
            (passing, Some(first)) if PASSING.contains(&passing) => {
                let out = self.shapes.unknown();
                self.shapes.link(out, first);
                out
            }
            ("SUM" | "AVG" | "ROUND" | "ABS" | "CEIL" | "FLOOR", Some(first)) => {
                self.shapes.hints[first].number = true;
                let out = self.shapes.unknown();
                self.shapes.hints[out].number = true;
                self.shapes.link(out, first);
                out
            }
            ("ARRAY_AGG", Some(first)) => self.shapes.add(Shape::List(first)),
            ("ARRAY_LENGTH", Some(first)) => {
                self.shapes.element(first);
                self.shapes.scalar(Type::Int64)
            }
            ("COUNTIF" | "LOGICAL_OR" | "LOGICAL_AND", Some(first)) => {
                self.shapes.ask(first, &Type::Bool);
                self.by_library(&name, &vars)
            }
            (json, Some(first)) if JSON.contains(&json) => {
                self.shapes.ask_weakly(first, Type::String);
                if let Some(Kind::Text(path)) = call.args.get(1).map(|path| &path.kind) {
                    self.shapes.hints[first].json.insert(path.clone());
                }
                self.by_library(&name, &[])
            }
            _ => self.by_library(&name, &vars),
        }
    }

    /// Functions that say how a moment is written.
    fn moment_call(&mut self, name: &str, call: &Call, vars: &[Var]) -> Option<Var> {
        if let Some((_, ty)) = PARSERS.iter().find(|(parser, _)| *parser == name) {
            let text = *vars.get(1)?;
            self.shapes.ask(text, &Type::String);
            if let Kind::Text(format) = &call.args.first()?.kind {
                self.shapes.hints[text].format = Some(format.clone());
            }
            return Some(self.shapes.scalar(ty.clone()));
        }
        if let Some((_, epoch)) = EPOCHS.iter().find(|(function, _)| *function == name) {
            let number = *vars.first()?;
            self.shapes.ask(number, &Type::Int64);
            self.shapes.hints[number].epoch = Some(*epoch);
            return Some(self.shapes.scalar(Type::Timestamp));
        }
        let family = [("TIMESTAMP_", Type::Timestamp), ("DATETIME_", Type::DateTime), ("DATE_", Type::Date)];
        let family = family.into_iter().find(|(start, _)| name.starts_with(start));
        match (name, family) {
            ("DATE", _) if vars.len() < 3 => {
                self.shapes.ask_weakly(*vars.first()?, Type::Timestamp);
                Some(self.shapes.scalar(Type::Date))
            }
            ("TIMESTAMP", _) => {
                self.shapes.ask_weakly(*vars.first()?, Type::Timestamp);
                Some(self.shapes.scalar(Type::Timestamp))
            }
            (_, Some((start, ty))) => {
                let what = &name[start.len()..];
                if !["ADD", "SUB", "DIFF", "TRUNC"].contains(&what) {
                    return None;
                }
                let count = if what == "DIFF" { 2 } else { 1 };
                vars.iter().take(count).for_each(|var| self.shapes.ask_weakly(*var, ty.clone()));
                let out = if what == "DIFF" { Type::Int64 } else { ty };
                Some(self.shapes.scalar(out))
            }
            _ => None,
        }
    }

    /// What the signatures of a function agree on.
    fn by_library(&mut self, name: &str, vars: &[Var]) -> Var {
        let library = self.library;
        let fitting: Vec<_> =
            library.overloads(name).iter().filter_map(|s| Some((s, s.params_for(vars.len())?))).collect();
        for (at, var) in vars.iter().enumerate() {
            let mut asked = fitting.iter().filter_map(|(_, params)| params.get(at));
            match asked.next() {
                Some(Pattern::Exact(ty)) if asked.all(|other| **other == Pattern::Exact(ty.clone())) => {
                    self.shapes.ask(*var, ty);
                }
                Some(Pattern::Exact(ty)) => self.shapes.ask_weakly(*var, ty.clone()),
                Some(Pattern::Array(_)) => _ = self.shapes.element(*var),
                _ => {}
            }
        }
        let mut results = library.overloads(name).iter().map(|signature| &signature.result);
        match results.next() {
            Some(Pattern::Exact(ty)) if results.all(|other| *other == Pattern::Exact(ty.clone())) => {
                self.shapes.of_type(ty)
            }
            _ => self.shapes.unknown(),
        }
    }
}
