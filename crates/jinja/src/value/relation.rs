//! dbt's Relation and Column as templates see them.

use crate::call::{arguments, bad};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use rsdbt_base::{Column, Dialect, Relation};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

#[derive(Debug)]
pub struct RelationObject(pub Relation);

pub fn value(relation: Relation) -> Value {
    Value::from_object(RelationObject(relation))
}

fn optional(text: &Option<String>) -> Value {
    text.as_ref().map_or_else(|| Value::from(()), |text| Value::from(text.clone()))
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Sets the parts that keyword arguments name: `database`, `schema`, `identifier`, `type`.
pub fn with_parts(mut relation: Relation, named: &indexmap::IndexMap<String, Value>) -> Relation {
    for (key, value) in named {
        match key.as_str() {
            "database" | "project" => relation.database = text_of(value),
            "schema" | "dataset" => relation.schema = text_of(value),
            "identifier" => relation.identifier = text_of(value),
            "type" => relation.kind = text_of(value),
            "path" => relation = with_parts(relation, &map_of(value)),
            _ => {}
        }
    }
    relation
}

fn map_of(value: &Value) -> indexmap::IndexMap<String, Value> {
    super::pairs(value).into_iter().filter_map(|(k, v)| Some((text_of(&k)?, v))).collect()
}

impl RelationObject {
    fn is(&self, kind: &str) -> Value {
        Value::from(self.0.kind.as_deref() == Some(kind))
    }

    /// `include(database=false)`: keeps or drops parts.
    fn include(&self, named: &indexmap::IndexMap<String, Value>) -> Relation {
        let mut relation = self.0.clone();
        let drops = |key: &str| named.get(key).is_some_and(|v| !v.is_true());
        if drops("database") {
            relation.database = None;
        }
        if drops("schema") {
            relation.schema = None;
        }
        if drops("identifier") {
            relation.identifier = None;
        }
        relation
    }

    fn quote(&self, named: &indexmap::IndexMap<String, Value>) -> Relation {
        let mut relation = self.0.clone();
        for (at, key) in ["database", "schema", "identifier"].iter().enumerate() {
            if let Some(flag) = named.get(*key) {
                relation.quoted[at] = flag.is_true();
            }
        }
        relation
    }

    fn information_schema(&self, view: Option<&str>) -> Relation {
        let mut relation = self.0.clone();
        relation.quoted = [true, true, false];
        relation.kind = None;
        let name = view.map_or("INFORMATION_SCHEMA".to_owned(), |view| format!("INFORMATION_SCHEMA.{view}"));
        if relation.dialect == Dialect::DuckDb {
            relation.schema = None;
        }
        relation.identifier = Some(name);
        relation
    }

    fn matches(&self, named: &indexmap::IndexMap<String, Value>) -> bool {
        let same = |key: &str, own: &Option<String>| match named.get(key).and_then(text_of) {
            Some(wanted) => own.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(&wanted)),
            None => true,
        };
        same("database", &self.0.database) && same("schema", &self.0.schema) && same("identifier", &self.0.identifier)
    }
}

impl Object for RelationObject {
    /// Packages ask `relation is mapping` to tell relations from text.
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let relation = &self.0;
        Some(match key.as_str()? {
            "database" | "project" => optional(&relation.database),
            "schema" | "dataset" => optional(&relation.schema),
            "identifier" | "name" | "table" => optional(&relation.identifier),
            "type" => optional(&relation.kind),
            "is_table" => self.is("table"),
            "is_view" => self.is("view"),
            "is_cte" => self.is("cte"),
            "is_materialized_view" => self.is("materialized_view"),
            "is_model" => self.is("model"),
            "is_function" => self.is("function"),
            "is_pointer" => Value::from(false),
            "can_be_renamed" | "can_be_replaced" => {
                Value::from(matches!(relation.kind.as_deref(), Some("table" | "view")))
            }
            "path" => super::from_data(super::super::host::Data::Map(indexmap::indexmap! {
                "database".to_owned() => relation.database.clone().map_or_else(Default::default, super::super::host::Data::Text),
                "schema".to_owned() => relation.schema.clone().map_or_else(Default::default, super::super::host::Data::Text),
                "identifier".to_owned() => relation.identifier.clone().map_or_else(Default::default, super::super::host::Data::Text),
            })),
            "metadata" => {
                let kind = if relation.dialect == Dialect::GoogleSql { "BigQueryRelation" } else { "DuckDBRelation" };
                Value::from_pairs([("type", kind)])
            }
            // dbt's relation types by name: `api.Relation.View`.
            "Table" => Value::from("table"),
            "View" => Value::from("view"),
            "CTE" => Value::from("cte"),
            "External" => Value::from("external"),
            "MaterializedView" => Value::from("materialized_view"),
            _ => return None,
        })
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (args, named) = arguments(args);
        Ok(match method {
            "render" => Value::from(self.0.render()),
            "create" => {
                let base = Relation { dialect: self.0.dialect, quoted: [true; 3], ..Relation::default() };
                let mut made = with_parts(base, &named);
                made.quoted = [true; 3];
                if let Some(policy) = named.get("quote_policy") {
                    made = RelationObject(made).quote(&map_of(policy));
                }
                value(made)
            }
            "create_from" | "create_from_node" | "create_from_source" => {
                return Err(bad(format!("api.Relation.{method} is not supported")));
            }
            "incorporate" | "replace_path" | "replace" => value(with_parts(self.0.clone(), &named)),
            "include" => value(self.include(&named)),
            "quote" => value(self.quote(&named)),
            "without_identifier" => value(Relation { identifier: None, ..self.0.clone() }),
            "information_schema" => value(self.information_schema(args.first().and_then(Value::as_str))),
            "information_schema_only" => value(self.information_schema(None)),
            "matches" => Value::from(self.matches(&named)),
            "add_ephemeral_prefix" => {
                Value::from(format!("__dbt__cte__{}", args.first().and_then(Value::as_str).unwrap_or_default()))
            }
            "get" => {
                let key = args.first().cloned().unwrap_or_default();
                self.get_value(&key).unwrap_or_else(|| args.get(1).cloned().unwrap_or_else(|| Value::from(())))
            }
            "scd_args" => Value::from(()),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &minijinja::value::DynObject) -> Option<Ordering> {
        other.downcast_ref::<RelationObject>().map(|other| self.0.render().cmp(&other.0.render()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.print())
    }
}

#[derive(Debug)]
pub struct ColumnObject {
    pub column: Column,
    pub dialect: Dialect,
}

const STRING_TYPES: &[&str] = &["text", "character varying", "character", "varchar", "string"];
const INTEGER_TYPES: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "int2",
    "int4",
    "int8",
    "int",
    "int64",
    "tinyint",
    "hugeint",
    "uinteger",
    "ubigint",
    "usmallint",
    "utinyint",
    "serial",
    "bigserial",
];
const FLOAT_TYPES: &[&str] = &["real", "float4", "float", "double precision", "float8", "double", "float64"];
const NUMERIC_TYPES: &[&str] = &["numeric", "decimal", "bignumeric", "bigdecimal"];

impl ColumnObject {
    fn base_type(&self) -> String {
        self.column.data_type.split('(').next().unwrap_or_default().trim().to_lowercase()
    }

    fn is_any(&self, types: &[&str]) -> bool {
        types.contains(&self.base_type().as_str())
    }

    fn is_string(&self) -> bool {
        self.is_any(STRING_TYPES)
    }
}

impl Object for ColumnObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let column = &self.column;
        Some(match key.as_str()? {
            "name" | "column" => Value::from(column.name.clone()),
            "dtype" => Value::from(column.data_type.split('(').next().unwrap_or_default().to_owned()),
            "data_type" => Value::from(column.data_type.clone()),
            "quoted" => Value::from(self.dialect.quote(&column.name)),
            "fields" => super::collections::List::value(Vec::new()),
            "mode" => Value::from(if column.data_type.starts_with("ARRAY<") { "REPEATED" } else { "NULLABLE" }),
            "char_size" | "numeric_precision" | "numeric_scale" => Value::from(()),
            _ => return None,
        })
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            "is_string" => Value::from(self.is_string()),
            "is_integer" => Value::from(self.is_any(INTEGER_TYPES)),
            "is_float" => Value::from(self.is_any(FLOAT_TYPES)),
            "is_numeric" => Value::from(self.is_any(NUMERIC_TYPES)),
            "is_number" => {
                Value::from(self.is_any(INTEGER_TYPES) || self.is_any(FLOAT_TYPES) || self.is_any(NUMERIC_TYPES))
            }
            "string_size" if !self.is_string() => return Err(bad("Called string_size() on non-string field!")),
            "string_size" => Value::from(256),
            "string_type" => Value::from(format!("character varying({})", args.first().cloned().unwrap_or_default())),
            "can_expand_to" => Value::from(false),
            "literal" => {
                Value::from(format!("{}::{}", args.first().cloned().unwrap_or_default(), self.column.data_type))
            }
            "translate_type" => args.first().cloned().unwrap_or_default(),
            "flatten" => super::collections::List::value(vec![Value::from_dyn_object(self.clone())]),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &minijinja::value::DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<ColumnObject>()?;
        Some((&self.column.name, &self.column.data_type).cmp(&(&other.column.name, &other.column.data_type)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Column {} ({})>", self.column.name, self.column.data_type)
    }
}
