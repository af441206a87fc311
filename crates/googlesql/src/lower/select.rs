//! SELECT with its clauses.

use super::{Low, Lower, Refused, only, refuse, start};
use crate::ast::{From, Group, GroupItem, Ident, Item, Select, Window};
use sqlparser::ast::{
    self as theirs, Distinct, GroupByExpr, NamedWindowDefinition, NamedWindowExpr, SelectFlavor, SelectItem,
    SelectItemQualifiedWildcardKind, ValueTableMode, WildcardAdditionalOptions,
};

impl Lower<'_> {
    pub(super) fn select(&self, select: &theirs::Select) -> Low<Select> {
        no_foreign_parts(select)?;
        let mut distinct = match &select.distinct {
            None | Some(Distinct::All) => false,
            Some(Distinct::Distinct) => true,
            Some(Distinct::On(_)) => return refuse("DISTINCT ON"),
        };
        let shape = match &select.value_table_mode {
            None => None,
            Some(ValueTableMode::AsStruct) => Some("STRUCT"),
            Some(ValueTableMode::AsValue) => Some("VALUE"),
            Some(ValueTableMode::DistinctAsStruct) => {
                distinct = true;
                Some("STRUCT")
            }
            Some(ValueTableMode::DistinctAsValue) => {
                distinct = true;
                Some("VALUE")
            }
        };
        let head = self.index(start(select.select_token.0.span)) + 1;
        let at = self.tokens.get(head).map_or(0, |token| token.at);
        let from = if select.from.is_empty() { None } else { Some(self.from(&select.from)?) };
        let maybe = |value: &Option<theirs::Expr>| value.as_ref().map(|value| self.expr(value)).transpose();
        Ok(Select {
            at,
            distinct,
            shape,
            items: self.items(&select.projection)?,
            from,
            condition: maybe(&select.selection)?,
            group: self.group(&select.group_by)?,
            having: maybe(&select.having)?,
            qualify: maybe(&select.qualify)?,
            windows: select.named_window.iter().map(|window| self.named_window(window)).collect::<Low<_>>()?,
        })
    }

    /// `FROM ...` that starts a pipe query: a select of which nothing else is there.
    pub(super) fn leading_from(&self, select: &theirs::Select) -> Low<From> {
        no_foreign_parts(select)?;
        let plain = select.flavor == SelectFlavor::FromFirstNoSelect
            && select.distinct.is_none()
            && select.value_table_mode.is_none()
            && select.selection.is_none()
            && matches!(&select.group_by, GroupByExpr::Expressions(items, modifiers) if items.is_empty() && modifiers.is_empty())
            && select.having.is_none()
            && select.qualify.is_none()
            && select.named_window.is_empty();
        only(plain, "FROM before SELECT")?;
        self.from(&select.from)
    }

    pub(super) fn items(&self, items: &[SelectItem]) -> Low<Vec<Item>> {
        items.iter().map(|item| self.item(item)).collect()
    }

    fn item(&self, item: &SelectItem) -> Low<Item> {
        match item {
            SelectItem::UnnamedExpr(value) => Ok(Item::Value(self.expr(value)?, None)),
            SelectItem::ExprWithAlias { expr, alias } => Ok(Item::Value(self.expr(expr)?, Some(self.alias(alias)?))),
            SelectItem::ExprWithAliases { .. } => refuse("several aliases"),
            SelectItem::Wildcard(options) => self.star(None, options),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(value), options) => {
                self.star(Some(self.expr(value)?), options)
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                let idents = self.name_parts(name)?.into_iter().cloned().collect();
                self.star(Some(self.expr(&theirs::Expr::CompoundIdentifier(idents))?), options)
            }
        }
    }

    fn star(&self, of: Option<crate::ast::Expr>, options: &WildcardAdditionalOptions) -> Low<Item> {
        let WildcardAdditionalOptions {
            wildcard_token,
            opt_ilike,
            opt_exclude,
            opt_except,
            opt_replace,
            opt_rename,
            opt_alias,
        } = options;
        only(
            opt_ilike.is_none() && opt_exclude.is_none() && opt_rename.is_none() && opt_alias.is_none(),
            "a star of another kind",
        )?;
        let mut except = Vec::new();
        if let Some(theirs::ExceptSelectItem { first_element, additional_elements }) = opt_except {
            except.push(self.ident(first_element)?);
            except.extend(self.idents(additional_elements)?);
        }
        let mut replace = Vec::new();
        for item in opt_replace.iter().flat_map(|list| &list.items) {
            only(item.as_keyword, "REPLACE without AS")?;
            replace.push((self.expr(&item.expr)?, self.ident(&item.column_name)?));
        }
        let at = of.as_ref().map_or_else(|| start(wildcard_token.0.span), |value| value.at);
        Ok(Item::Star { of, except, replace, at })
    }

    fn group(&self, group: &GroupByExpr) -> Low<Option<Group>> {
        match group {
            GroupByExpr::All(modifiers) if modifiers.is_empty() => Ok(Some(Group::All)),
            GroupByExpr::Expressions(items, modifiers) if modifiers.is_empty() => {
                if items.is_empty() {
                    return Ok(None);
                }
                items.iter().map(|item| self.group_item(item)).collect::<Low<_>>().map(Group::Items).map(Some)
            }
            GroupByExpr::All(_) | GroupByExpr::Expressions(..) => refuse("GROUP BY .. WITH"),
        }
    }

    fn group_item(&self, item: &theirs::Expr) -> Low<GroupItem> {
        let (name, sets) = match item {
            theirs::Expr::Rollup(sets) => ("ROLLUP", sets),
            theirs::Expr::Cube(sets) => ("CUBE", sets),
            theirs::Expr::GroupingSets(sets) => ("GROUPING SETS", sets),
            theirs::Expr::Tuple(items) if items.is_empty() => return Ok(GroupItem::Empty),
            // inside GROUPING SETS sqlparser takes `ROLLUP (a)` for a call
            theirs::Expr::Function(call) if is_grouping(&call.name.to_string()) => return refuse("nested grouping"),
            value => return Ok(GroupItem::Value(self.expr(value)?, None)),
        };
        let one = |value: &theirs::Expr| self.group_item(value);
        let set = |set: &Vec<theirs::Expr>| match set.as_slice() {
            [theirs::Expr::Tuple(items)] => items.iter().map(one).collect(),
            items => items.iter().map(one).collect::<Low<Vec<GroupItem>>>(),
        };
        Ok(GroupItem::Nested(name, sets.iter().map(set).collect::<Low<_>>()?))
    }

    fn named_window(&self, window: &NamedWindowDefinition) -> Low<(Ident, Window)> {
        let NamedWindowDefinition(name, definition) = window;
        let window = match definition {
            NamedWindowExpr::NamedWindow(base) => Window { base: Some(self.ident(base)?), ..Window::default() },
            NamedWindowExpr::WindowSpec(spec) => self.window(spec)?,
        };
        Ok((self.ident(name)?, window))
    }
}

/// Refuses every clause that GoogleSQL has not.
fn no_foreign_parts(select: &theirs::Select) -> Low<()> {
    let theirs::Select {
        select_token: _,
        optimizer_hints,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify: _,
        window_before_qualify,
        value_table_mode: _,
        flavor: _,
    } = select;
    let lists = optimizer_hints.is_empty()
        && lateral_views.is_empty()
        && connect_by.is_empty()
        && cluster_by.is_empty()
        && distribute_by.is_empty()
        && sort_by.is_empty();
    let parts =
        top.is_none() && exclude.is_none() && into.is_none() && prewhere.is_none() && select_modifiers.is_none();
    // QUALIFY stands before WINDOW
    if lists && parts && !top_before_distinct && (!window_before_qualify || select.qualify.is_none()) {
        Ok(())
    } else {
        Err(Refused("a clause of SELECT"))
    }
}

fn is_grouping(name: &str) -> bool {
    ["ROLLUP", "CUBE"].iter().any(|word| word.eq_ignore_ascii_case(name))
}
