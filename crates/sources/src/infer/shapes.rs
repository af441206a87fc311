//! What is known about a value: a slot for every column and expression, with its shape, the types that its uses ask for, and
//! what its values are compared with. A column that is only renamed keeps its slot, from the source to the last model.

use rsdbt_googlesql::types::{Field, Type};
use std::collections::{BTreeMap, BTreeSet};

/// A slot.
pub type Var = usize;

#[derive(Debug, Clone, PartialEq, Default)]
pub enum Shape {
    #[default]
    Unknown,
    Scalar(Type),
    List(Var),
    Record(Record),
}

/// A row or a struct. `open`: it has more fields than are known. `bases`: records whose fields it passes on, but for `without`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    pub fields: Vec<(String, Var)>,
    pub open: bool,
    pub bases: Vec<Var>,
    pub without: Vec<String>,
}

/// How a number stands for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Epoch {
    Seconds,
    Millis,
    Micros,
}

/// What the uses of a value say beside its type.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hints {
    /// a type that fits, if nothing better is known
    pub weak: Option<Type>,
    /// it is cast to this
    pub cast: Option<Type>,
    /// constants that it is compared with
    pub literals: BTreeSet<String>,
    /// it is text in this format of PARSE_DATE and the like
    pub format: Option<String>,
    pub epoch: Option<Epoch>,
    /// paths that are read out of its JSON
    pub json: BTreeSet<String>,
    pub number: bool,
    /// models expect NULL here
    pub nullable: bool,
}

#[derive(Debug, Default)]
pub struct Shapes {
    shapes: Vec<Shape>,
    pub hints: Vec<Hints>,
    /// pairs of one type
    links: Vec<(Var, Var)>,
    /// pairs that joins hold equal
    pub equal: BTreeSet<(Var, Var)>,
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

impl Shapes {
    pub fn add(&mut self, shape: Shape) -> Var {
        self.shapes.push(shape);
        self.hints.push(Hints::default());
        self.shapes.len() - 1
    }

    pub fn unknown(&mut self) -> Var {
        self.add(Shape::Unknown)
    }

    pub fn scalar(&mut self, ty: Type) -> Var {
        self.add(Shape::Scalar(ty))
    }

    pub fn shape(&self, var: Var) -> &Shape {
        &self.shapes[var]
    }

    /// A slot of a type that is declared.
    pub fn of_type(&mut self, ty: &Type) -> Var {
        match ty {
            Type::Array(inner) => {
                let inner = self.of_type(inner);
                self.add(Shape::List(inner))
            }
            Type::Struct(fields) => {
                let fields = fields.iter().map(|f| (f.name.clone().unwrap_or_default(), self.of_type(&f.ty))).collect();
                self.add(Shape::Record(Record { fields, ..Record::default() }))
            }
            plain => self.scalar(plain.clone()),
        }
    }

    /// The value has this type, if nothing else was known.
    pub fn ask(&mut self, var: Var, ty: &Type) {
        if self.shapes[var] == Shape::Unknown {
            let other = self.of_type(ty);
            self.shapes[var] = self.shapes[other].clone();
        }
    }

    pub fn ask_weakly(&mut self, var: Var, ty: Type) {
        self.hints[var].weak.get_or_insert(ty);
    }

    pub fn link(&mut self, a: Var, b: Var) {
        if a != b {
            self.links.push((a, b));
        }
    }

    /// The element of a value that is used as a list.
    pub fn element(&mut self, var: Var) -> Var {
        match self.shapes[var] {
            Shape::List(inner) => inner,
            Shape::Unknown => {
                let inner = self.unknown();
                self.shapes[var] = Shape::List(inner);
                inner
            }
            _ => self.unknown(),
        }
    }

    /// Whether a field that is not known may be there.
    pub fn is_open(&self, var: Var) -> bool {
        match &self.shapes[var] {
            Shape::Unknown => true,
            Shape::Record(record) => record.open || record.bases.iter().any(|base| self.is_open(*base)),
            _ => false,
        }
    }

    /// A field that is known.
    pub fn known(&self, var: Var, name: &str) -> Option<Var> {
        let Shape::Record(record) = &self.shapes[var] else { return None };
        if let Some((_, found)) = record.fields.iter().find(|(own, _)| same(own, name)) {
            return Some(*found);
        }
        if record.without.iter().any(|other| same(other, name)) {
            return None;
        }
        record.bases.iter().find_map(|base| self.known(*base, name))
    }

    /// A field, which is added where the record is open.
    pub fn field(&mut self, var: Var, name: &str) -> Option<Var> {
        if let Some(found) = self.known(var, name) {
            return Some(found);
        }
        if self.shapes[var] == Shape::Unknown {
            self.shapes[var] = Shape::Record(Record { open: true, ..Record::default() });
        }
        let Shape::Record(record) = &self.shapes[var] else { return None };
        if let Some(base) = record.bases.iter().copied().find(|base| self.is_open(*base))
            && !record.without.iter().any(|other| same(other, name))
        {
            return self.field(base, name);
        }
        if !record.open {
            return None;
        }
        let added = self.unknown();
        if let Shape::Record(record) = &mut self.shapes[var] {
            record.fields.push((name.to_owned(), added));
        }
        Some(added)
    }

    /// All fields that are known, those of bases included.
    pub fn fields(&self, var: Var) -> Vec<(String, Var)> {
        let Shape::Record(record) = &self.shapes[var] else { return Vec::new() };
        let mut all = record.fields.clone();
        for base in &record.bases {
            for (name, field) in self.fields(*base) {
                let hidden = record.without.iter().any(|other| same(other, &name));
                if !hidden && !all.iter().any(|(own, _)| same(own, &name)) {
                    all.push((name, field));
                }
            }
        }
        all
    }

    /// Carries what is known over all links, until nothing changes.
    pub fn settle(&mut self) {
        for _ in 0..20 {
            let links = self.links.clone();
            let changed =
                links.into_iter().fold(false, |changed, (a, b)| self.carry(a, b, 0) | self.carry(b, a, 0) | changed);
            if !changed {
                return;
            }
        }
    }

    fn carry(&mut self, from: Var, to: Var, depth: usize) -> bool {
        let weak = self.hints[from].weak.clone();
        let mut changed = false;
        if let (Some(weak), None) = (weak, &self.hints[to].weak) {
            self.hints[to].weak = Some(weak);
            changed = true;
        }
        match (self.shapes[from].clone(), self.shapes[to].clone()) {
            (Shape::Unknown, _) => changed,
            (Shape::List(inner), Shape::Unknown) if inner == to => changed,
            (Shape::Record(_), Shape::Unknown) => {
                // Without bases, so that no record is made of itself.
                let (fields, open) = (self.fields(from), self.is_open(from));
                self.shapes[to] = Shape::Record(Record { fields, open, ..Record::default() });
                true
            }
            (known, Shape::Unknown) => {
                self.shapes[to] = known;
                true
            }
            (Shape::List(a), Shape::List(b)) if a != b && depth < 15 => {
                self.carry(a, b, depth + 1) | self.carry(b, a, depth + 1) | changed
            }
            (Shape::Record(_), Shape::Record(own)) if own.open => {
                let missing: Vec<_> =
                    self.fields(from).into_iter().filter(|(n, _)| self.known(to, n).is_none()).collect();
                let Shape::Record(record) = &mut self.shapes[to] else { return changed };
                record.fields.extend(missing.iter().cloned());
                changed || !missing.is_empty()
            }
            _ => changed,
        }
    }

    /// The type that a value has in the end; `name` decides where its uses say nothing.
    pub fn ty(&self, var: Var, name: &str) -> Type {
        self.type_at(var, name, 0)
    }

    fn type_at(&self, var: Var, name: &str, depth: usize) -> Type {
        match &self.shapes[var] {
            // BigQuery nests no deeper; what seems to is made of itself.
            _ if depth > 15 => Type::String,
            Shape::Scalar(ty) => ty.clone(),
            Shape::List(inner) => match self.type_at(*inner, name, depth + 1) {
                Type::Array(inner) => Type::Array(inner),
                inner => Type::Array(Box::new(inner)),
            },
            Shape::Record(_) => {
                let fields = self.fields(var).into_iter();
                Type::Struct(
                    fields
                        .map(|(name, var)| Field { ty: self.type_at(var, &name, depth + 1), name: Some(name) })
                        .collect(),
                )
            }
            Shape::Unknown => self.guess(var, name),
        }
    }

    fn guess(&self, var: Var, name: &str) -> Type {
        let hints = &self.hints[var];
        let by_name = super::names::type_by_name(name);
        match (&hints.weak, by_name) {
            (Some(Type::String), Some(named @ (Type::Date | Type::Timestamp))) => named,
            (Some(Type::Int64), Some(Type::Float64)) => Type::Float64,
            (Some(weak), _) => weak.clone(),
            (None, Some(named)) if !hints.number || named == Type::Int64 || named == Type::Float64 => named,
            _ if hints.number => Type::Float64,
            _ if !hints.literals.is_empty() => Type::String,
            _ => hints.cast.clone().unwrap_or(Type::String),
        }
    }

    /// The values that are nested in a table, by their paths.
    pub fn places(&self, var: Var) -> BTreeMap<String, Var> {
        let mut all = BTreeMap::new();
        self.collect(var, "", 0, &mut all);
        all
    }

    fn collect(&self, var: Var, path: &str, depth: usize, all: &mut BTreeMap<String, Var>) {
        if depth > 15 {
            return;
        }
        match &self.shapes[var] {
            Shape::List(inner) => self.collect(*inner, path, depth + 1, all),
            Shape::Record(_) => {
                for (name, field) in self.fields(var) {
                    let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                    all.insert(path.to_lowercase(), field);
                    self.collect(field, &path, depth + 1, all);
                }
            }
            _ => {}
        }
    }
}
