//! One SELECT: its list, grouping, HAVING, QUALIFY, DISTINCT and the ORDER BY that belongs to it.

use super::Analyzer;
use super::scope::{Col, Scope};
use crate::ast::{self, Group, GroupItem, Ident, Item, Kind, Order};
use crate::query::{Column, Expr, From, GroupKey, Node, OutCol, Query, Select};
use crate::types::{Field, Type, field_names, known};
use crate::{Result, SqlError};

/// A column of the select list before it has a physical name.
#[derive(Clone)]
pub(super) struct Picked {
    pub name: Option<String>,
    pub value: Expr,
    /// whether the name was written as an alias
    pub alias: bool,
    pub at: usize,
}

/// A physical name that no earlier column has.
pub(super) fn unique(cols: &[OutCol], name: Option<&str>) -> String {
    match name.filter(|n| !n.is_empty() && !cols.iter().any(|c| c.phys.eq_ignore_ascii_case(n))) {
        Some(name) => name.to_owned(),
        None => format!("_f{}_", cols.len()),
    }
}

impl Analyzer<'_> {
    pub(super) fn select(&mut self, select: &ast::Select, order: &[Order], outer: &Scope) -> Result<Query> {
        let (from, mut scope) = match &select.from {
            Some(from) => {
                let (from, scope) = self.from(from, outer)?;
                (Some(from), scope)
            }
            None => (None, Scope::child(outer)),
        };
        scope.windows = select.windows.iter().map(|(name, window)| (name.text.clone(), window.clone())).collect();
        let mut picked = Vec::new();
        for item in &select.items {
            self.pick(item, &scope, &mut picked)?;
        }
        let mut out = Select { distinct: select.distinct, from, ..Select::default() };
        if select.from.is_none() {
            without_from(select, order)?;
        }
        if let Some(condition) = &select.condition {
            self.only_rows(condition, "WHERE clause")?;
            let found = self.condition(condition, "WHERE clause", &scope);
            out.filter = Some(self.recover(found)?);
        }
        if let Some(group) = &select.group {
            out.group = self.group(group, &picked, &scope, &select.items)?;
        }
        let mut late = scope.clone();
        late.first.extend(aliases(&picked));
        if let Some(condition) = &select.having {
            let found = self.condition(condition, "HAVING clause", &late);
            out.having = Some(self.recover(found)?);
        }
        if let Some(condition) = &select.qualify {
            let found = self.bool(condition, &late);
            let found = self.recover(found)?;
            if !has_window(&found) && !picked.iter().any(|p| has_window(&p.value)) && found.ty != Type::Unknown {
                const NEEDED: &str = "The QUALIFY clause requires analytic function to be present in the QUALIFY clause or the SELECT list";
                return Err(SqlError::semantic(NEEDED, condition.at));
            }
            out.qualify = Some(found);
        }
        if let Some(having) = &select.having
            && select.group.is_none()
            && !picked.iter().any(|p| has_aggregate(&p.value))
            && !out.having.as_ref().is_some_and(has_aggregate)
        {
            const NEEDED: &str = "The HAVING clause requires GROUP BY or aggregation to be present";
            return Err(SqlError::semantic(NEEDED, having.at));
        }
        let grouping = Grouping::of(&out, select.group.is_some(), &picked).map(|grouping| grouping.named(&scope));
        self.check_grouping(&grouping, &picked, select, &out)?;
        let (list, columns) = self.shape(select, &picked)?;
        out.list = list;
        if select.distinct
            && let Some(bad) = columns.iter().find(|c| !c.ty.groupable())
        {
            return Err(SqlError::semantic(format!("SELECT DISTINCT on a column of type {}", bad.ty), select.at));
        }
        let mut out = Query::select(out, columns);
        out.is_value = select.shape.is_some();
        if order.is_empty() {
            return Ok(out);
        }
        if select.distinct {
            return self.order_distinct(out, order, &picked, &scope, outer);
        }
        out.order = self.order_select(order, &picked, &scope)?;
        for (key, item) in out.order.iter().zip(order) {
            self.check_grouped(&grouping, &key.value, "ORDER BY clause", item.value.at)?;
        }
        Ok(out)
    }

    /// The output's columns with their expressions, after AS STRUCT / AS VALUE.
    pub(super) fn shape(&mut self, select: &ast::Select, picked: &[Picked]) -> Result<(Vec<Expr>, Vec<OutCol>)> {
        match select.shape {
            Some("STRUCT") => {
                let fields: Vec<Field> =
                    picked.iter().map(|p| Field { name: p.name.clone(), ty: known(&p.value.ty) }).collect();
                let parts = field_names(&fields).into_iter().zip(picked).map(|(n, p)| (n, self.plain(p.value.clone())));
                let row = Expr::new(Node::Struct(parts.collect()), Type::Struct(fields));
                let column = OutCol { name: None, phys: "_v".into(), ty: row.ty.clone() };
                Ok((vec![row], vec![column]))
            }
            Some(_) => match picked {
                [only] => {
                    let value = self.plain(only.value.clone());
                    let column = OutCol { name: None, phys: "_v".into(), ty: value.ty.clone() };
                    Ok((vec![value], vec![column]))
                }
                _ => Err(SqlError::semantic("SELECT AS VALUE needs exactly one column", select.at)),
            },
            None => {
                let mut columns = Vec::new();
                for p in picked {
                    let phys = unique(&columns, p.name.as_deref());
                    columns.push(OutCol { name: p.name.clone(), phys, ty: known(&p.value.ty) });
                }
                Ok((picked.iter().map(|p| self.plain(p.value.clone())).collect(), columns))
            }
        }
    }

    pub(super) fn pick(&mut self, item: &Item, scope: &Scope, picked: &mut Vec<Picked>) -> Result<()> {
        match item {
            Item::Value(value, alias) => {
                let found = self.expr(value, scope);
                let found = self.recover(found)?;
                let name = alias.as_ref().map(|a| a.text.clone()).or_else(|| implied(value));
                picked.push(Picked { name, value: found, alias: alias.is_some(), at: value.at });
                Ok(())
            }
            Item::Star { of, except, replace, at } => {
                let cols = self.star(of.as_ref(), scope, *at)?;
                self.pick_star(cols, (except, replace), scope, *at, picked)
            }
        }
    }

    fn star(&mut self, of: Option<&ast::Expr>, scope: &Scope, at: usize) -> Result<Vec<Col>> {
        let Some(of) = of else {
            if scope.star.is_empty() && !scope.unknown {
                return Err(SqlError::semantic("SELECT * must have a FROM clause", at));
            }
            return Ok(scope.star.clone());
        };
        if let Kind::Name(name) = &of.kind
            && let Some(range) = scope.find_range(name)
            && !range.value.as_ref().is_some_and(|value| matches!(value.ty, Type::Struct(_)))
        {
            return Ok(range.cols.clone());
        }
        let value = self.expr(of, scope)?;
        match value.ty.clone() {
            Type::Struct(fields) => Ok(struct_cols(&value, &fields)),
            Type::Unknown => Ok(Vec::new()),
            ty => Err(SqlError::semantic(format!("Dot-star is not supported for type {ty}"), at)),
        }
    }

    fn pick_star(
        &mut self,
        cols: Vec<Col>,
        (except, replace): (&[Ident], &[(ast::Expr, Ident)]),
        scope: &Scope,
        at: usize,
        picked: &mut Vec<Picked>,
    ) -> Result<()> {
        for name in except.iter().chain(replace.iter().map(|(_, name)| name)) {
            if !cols.iter().any(|col| col.is(&name.text)) && !scope.unknown {
                let word = if except.iter().any(|e| e.at == name.at) { "EXCEPT" } else { "REPLACE" };
                let message = format!("Column {} in SELECT * {word} list does not exist", name.text);
                return Err(SqlError::semantic(message, name.at));
            }
        }
        if !except.is_empty() && cols.iter().all(|col| except.iter().any(|name| col.is(&name.text))) && !scope.unknown {
            return Err(SqlError::semantic("SELECT * expands to zero columns after applying EXCEPT", at));
        }
        for col in cols {
            if except.iter().any(|name| col.is(&name.text)) {
                continue;
            }
            let value = match replace.iter().find(|(_, name)| col.is(&name.text)) {
                Some((value, _)) => self.expr(value, scope)?,
                None => col.value,
            };
            picked.push(Picked { name: col.name, value, alias: false, at });
        }
        Ok(())
    }

    fn group(&mut self, group: &Group, picked: &[Picked], scope: &Scope, items: &[Item]) -> Result<Vec<GroupKey>> {
        match group {
            Group::All => {
                let mut keys = Vec::new();
                let mut index = 0;
                for item in items {
                    let mut one = Vec::new();
                    self.pick(item, scope, &mut one)?;
                    let aggregated = matches!(item, Item::Value(value, _) if self.aggregates(value));
                    let constant = matches!(item, Item::Value(value, _) if is_constant(value));
                    if !aggregated && !constant {
                        keys.extend(picked[index..index + one.len()].iter().map(|p| GroupKey::Value(p.value.clone())));
                    }
                    index += one.len();
                }
                Ok(keys)
            }
            Group::Items(list) => list.iter().map(|item| self.group_item(item, picked, scope)).collect(),
        }
    }

    pub(super) fn group_item(&mut self, item: &GroupItem, picked: &[Picked], scope: &Scope) -> Result<GroupKey> {
        match item {
            GroupItem::Empty => Ok(GroupKey::Empty),
            GroupItem::Value(value, _) => {
                self.only_rows(value, "GROUP BY")?;
                let found = self.group_key(value, picked, scope);
                let key = self.recover(found)?;
                if !key.ty.groupable() {
                    return Err(SqlError::semantic(
                        format!("Grouping by expressions of type {} is not allowed", key.ty),
                        value.at,
                    ));
                }
                Ok(GroupKey::Value(self.plain(key)))
            }
            GroupItem::Nested(kind, sets) => {
                let mut parts = Vec::new();
                for set in sets {
                    let keys = set.iter().map(|i| self.group_item(i, picked, scope)).collect::<Result<Vec<_>>>()?;
                    parts.push(keys);
                }
                Ok(GroupKey::Nested(kind, parts))
            }
        }
    }

    fn group_key(&mut self, value: &ast::Expr, picked: &[Picked], scope: &Scope) -> Result<Expr> {
        if let Kind::Int(text) = &value.kind {
            let index = text.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            let found = index.and_then(|i| picked.get(i)).ok_or_else(|| {
                SqlError::semantic(format!("GROUP BY is out of SELECT column number range: {text}"), value.at)
            })?;
            return grouped(found, text, value.at);
        }
        if let Kind::Name(name) = &value.kind {
            let alias = picked
                .iter()
                .find(|p| p.alias && p.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&name.text)));
            if let Some(found) = alias {
                return grouped(found, &name.text, value.at);
            }
        }
        self.expr(value, scope)
    }

    fn check_grouping(
        &mut self,
        grouping: &Option<Grouping>,
        picked: &[Picked],
        select: &ast::Select,
        out: &Select,
    ) -> Result<()> {
        for p in picked {
            self.check_grouped(grouping, &p.value, "SELECT list", p.at)?;
        }
        for (clause, value, written) in
            [("HAVING clause", &out.having, &select.having), ("QUALIFY clause", &out.qualify, &select.qualify)]
        {
            if let (Some(value), Some(written)) = (value, written) {
                self.check_grouped(grouping, value, clause, written.at)?;
            }
        }
        Ok(())
    }

    fn check_grouped(&mut self, grouping: &Option<Grouping>, value: &Expr, clause: &str, at: usize) -> Result<()> {
        let Some(bad) = grouping.as_ref().and_then(|grouping| grouping.stray(value)) else { return Ok(()) };
        let shown = grouping.as_ref().map(|grouping| grouping.shown(bad)).unwrap_or_default();
        let message = format!("{clause} expression references {shown} which is neither grouped nor aggregated");
        let error = SqlError::semantic(message, at);
        self.recover(Err(error)).map(drop)
    }
}

/// What a SELECT with GROUP BY or aggregates may refer to outside of them.
struct Grouping {
    keys: Vec<Expr>,
    /// the FROM items of this SELECT, whose columns must be grouped
    own: Vec<String>,
    /// items of arrays go by the names of their FROM items
    items: Vec<(Column, String)>,
}

impl Grouping {
    fn of(select: &Select, written: bool, picked: &[Picked]) -> Option<Grouping> {
        let aggregated = picked.iter().any(|p| has_aggregate(&p.value))
            || select.having.as_ref().is_some_and(has_aggregate)
            || select.having.is_some();
        let mut own = Vec::new();
        if let Some(from) = &select.from {
            aliases_of(from, &mut own);
        }
        let mut keys = Vec::new();
        select.group.iter().for_each(|key| key_values(key, &mut keys));
        (written || aggregated).then_some(Grouping { keys, own, items: Vec::new() })
    }

    /// The same, with what the columns are called.
    fn named(mut self, scope: &Scope) -> Grouping {
        for range in &scope.ranges {
            if let Some(Expr { node: Node::Column(column), .. }) = &range.value {
                self.items.push((column.clone(), range.alias.clone()));
            }
        }
        self
    }

    fn shown(&self, column: &Column) -> String {
        match self.items.iter().find(|(item, _)| item == column) {
            Some((_, alias)) => format!("table alias {alias}"),
            None => format!("column {}", column.name),
        }
    }

    /// The first column that is neither grouped nor inside an aggregate.
    fn stray<'e>(&self, value: &'e Expr) -> Option<&'e Column> {
        if self.keys.iter().any(|key| key == value || settled(key) == value) {
            return None;
        }
        match &value.node {
            Node::Column(column) => self.own.contains(&column.range).then_some(column),
            Node::Aggregate(call) if call.over.is_none() => None,
            _ => value.parts().into_iter().find_map(|child| self.stray(child)),
        }
    }
}

/// A key without the cast that settled its type.
fn settled(key: &Expr) -> &Expr {
    match &key.node {
        Node::Cast(inner, casting) if casting.implicit => inner,
        _ => key,
    }
}

fn key_values(key: &GroupKey, keys: &mut Vec<Expr>) {
    match key {
        GroupKey::Value(value) => keys.push(value.clone()),
        GroupKey::Empty => {}
        GroupKey::Nested(_, sets) => sets.iter().flatten().for_each(|key| key_values(key, keys)),
    }
}

fn aliases_of(from: &From, own: &mut Vec<String>) {
    match from {
        From::Table(_, alias) | From::Cte(_, alias) => own.push(alias.clone()),
        From::Query { alias, .. } | From::Unnest { alias, .. } => own.push(alias.clone()),
        From::Join { left, right, .. } => {
            aliases_of(left, own);
            aliases_of(right, own);
        }
        From::Sample { source, .. } => aliases_of(source, own),
    }
}

pub(super) fn has_aggregate(value: &Expr) -> bool {
    match &value.node {
        Node::Aggregate(call) if call.over.is_none() => true,
        _ => value.parts().into_iter().any(has_aggregate),
    }
}

fn is_constant(value: &ast::Expr) -> bool {
    matches!(value.kind, Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Text(_) | Kind::Typed(..))
}

pub(super) fn has_window(value: &Expr) -> bool {
    matches!(&value.node, Node::Aggregate(call) if call.over.is_some()) || value.parts().into_iter().any(has_window)
}

/// What a selected column is grouped by. Errors: it is an aggregate or a window itself.
fn grouped(found: &Picked, name: &str, at: usize) -> Result<Expr> {
    if has_aggregate(&found.value) {
        let message = format!("Column {name} contains an aggregation function, which is not allowed in GROUP BY");
        return Err(SqlError::semantic(message, at));
    }
    if has_window(&found.value) {
        let message = format!("Column {name} contains an analytic function, which is not allowed in GROUP BY");
        return Err(SqlError::semantic(message, at));
    }
    Ok(found.value.clone())
}

/// Clauses that stand for nothing where there is no FROM.
fn without_from(select: &ast::Select, order: &[Order]) -> Result<()> {
    let clauses = [
        (select.condition.is_some(), "have a WHERE clause"),
        (select.group.is_some(), "have a GROUP BY clause"),
        (select.having.is_some(), "have a HAVING clause"),
        (select.qualify.is_some(), "have a QUALIFY clause"),
        (!order.is_empty(), "have an ORDER BY clause"),
        (select.distinct, "use SELECT DISTINCT"),
    ];
    match clauses.iter().find(|(there, _)| *there) {
        Some((_, what)) => Err(SqlError::semantic(format!("Query without FROM clause cannot {what}"), select.at)),
        None => Ok(()),
    }
}

/// The name a column has without an alias.
pub(super) fn implied(value: &ast::Expr) -> Option<String> {
    match &value.kind {
        Kind::Name(name) | Kind::Field(_, name) => Some(name.text.clone()),
        _ => None,
    }
}

pub(super) fn aliases(picked: &[Picked]) -> Vec<(String, Expr)> {
    picked.iter().filter_map(|p| p.name.clone().map(|n| (n, p.value.clone()))).collect()
}

/// The fields of a struct value as columns.
pub(super) fn struct_cols(value: &Expr, fields: &[Field]) -> Vec<Col> {
    field_names(fields)
        .into_iter()
        .zip(fields)
        .map(|(phys, field)| Col { name: field.name.clone(), value: value.clone().field(&phys, field.ty.clone()) })
        .collect()
}
