//! The FROM clause.

use super::{Low, Lower, Refused, only, refuse, start};
use crate::ast::{From, FromKind, Ident, JoinOn, Pivot, Unpivot};
use crate::lex::Tok;
use sqlparser::ast::{
    self as theirs, Join, JoinConstraint, JoinOperator, NullInclusion, PivotValueSource, Spanned, TableFactor,
    TableSample, TableSampleKind, TableSampleMethod, TableSampleModifier, TableSampleQuantity, TableSampleUnit,
    TableVersion, TableWithJoins,
};

const JOIN_WORDS: &[&str] = &["JOIN", "CROSS", "INNER", "LEFT", "RIGHT", "FULL", "OUTER"];

impl Lower<'_> {
    /// The comma list of a FROM clause.
    pub(super) fn from(&self, tables: &[TableWithJoins]) -> Low<From> {
        let mut tables = tables.iter().map(|table| self.joined(table));
        let mut left = tables.next().ok_or(Refused("an empty FROM"))??;
        for right in tables {
            let right = right?;
            let at = right.at;
            let kind = FromKind::Join { kind: "CROSS", left: Box::new(left), right: Box::new(right), on: JoinOn::None };
            left = From { at, kind };
        }
        Ok(left)
    }

    fn joined(&self, table: &TableWithJoins) -> Low<From> {
        let TableWithJoins { relation, joins } = table;
        let mut left = self.factor(relation)?;
        for join in joins {
            let Join { relation, global, join_operator } = join;
            only(!global, "GLOBAL JOIN")?;
            let right = self.factor(relation)?;
            let (kind, constraint) = match join_operator {
                JoinOperator::Join(on) | JoinOperator::Inner(on) => ("INNER", on),
                JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => ("LEFT", on),
                JoinOperator::Right(on) | JoinOperator::RightOuter(on) => ("RIGHT", on),
                JoinOperator::FullOuter(on) => ("FULL", on),
                JoinOperator::CrossJoin(on @ JoinConstraint::None) => ("CROSS", on),
                _ => return refuse("a join of another kind"),
            };
            let on = self.constraint(constraint)?;
            // a join without condition is one with an array; others may get theirs later: `a JOIN b JOIN c ON .. ON ..`
            let array = matches!(right.kind, FromKind::Unnest { .. });
            only(kind == "CROSS" || array || on != JoinOn::None, "a join without condition")?;
            let at = self.join_at(right.at);
            left = From { at, kind: FromKind::Join { kind, left: Box::new(left), right: Box::new(right), on } };
        }
        Ok(left)
    }

    fn constraint(&self, constraint: &JoinConstraint) -> Low<JoinOn> {
        Ok(match constraint {
            JoinConstraint::On(condition) => JoinOn::On(self.expr(condition)?),
            JoinConstraint::Using(names) => {
                JoinOn::Using(names.iter().map(|name| self.single(name)).collect::<Low<_>>()?)
            }
            JoinConstraint::None => JoinOn::None,
            JoinConstraint::Natural => return refuse("NATURAL JOIN"),
        })
    }

    /// Where the words of a join begin that stand before its right side.
    fn join_at(&self, right: usize) -> usize {
        let word = |n: usize| matches!(&self.tokens[n].tok, Tok::Word(w, false) if JOIN_WORDS.iter().any(|j| j.eq_ignore_ascii_case(w)));
        let mut n = self.index(right);
        while n > 0 && word(n - 1) {
            n -= 1;
        }
        self.tokens[n].at
    }

    pub(super) fn factor(&self, factor: &TableFactor) -> Low<From> {
        match factor {
            TableFactor::Table { .. } => self.table(factor),
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                let query = Box::new(self.query(subquery)?);
                let at = self.back(query.at, &["("]);
                let alias = self.table_alias(alias.as_ref())?;
                self.sampled(From { at, kind: FromKind::Query { query, alias, lateral: *lateral } }, sample.as_ref())
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } => {
                only(!with_ordinality, "WITH ORDINALITY")?;
                let values = self.exprs(array_exprs)?;
                let at = self.back(values.first().map_or(0, |value| value.at), &["UNNEST"]);
                let alias = self.table_alias(alias.as_ref())?;
                let offset = match (with_offset, with_offset_alias) {
                    (false, None) => None,
                    (true, alias) => Some(self.maybe_alias(alias.as_ref())?),
                    (false, Some(_)) => return refuse("an offset's alias without offset"),
                };
                Ok(From { at, kind: FromKind::Unnest { values, alias, offset } })
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.joined(table_with_joins),
            TableFactor::Pivot { .. } => self.pivot(factor),
            TableFactor::Unpivot { .. } => self.unpivot(factor),
            _ => refuse("a table of another kind"),
        }
    }

    fn table(&self, factor: &TableFactor) -> Low<From> {
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } = factor
        else {
            return refuse("a table");
        };
        only(with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty(), "hints")?;
        only(!with_ordinality && json_path.is_none(), "an addition to a table")?;
        let alias = self.table_alias(alias.as_ref())?;
        let as_of = match version {
            None => None,
            Some(TableVersion::ForSystemTimeAsOf(time)) => Some(self.expr(time)?),
            Some(_) => return refuse("a version of a table"),
        };
        let path = self.path(name)?;
        let at = path.at;
        let kind = match args {
            Some(theirs::TableFunctionArgs { args, settings: None }) => {
                only(as_of.is_none(), "a version of a call")?;
                FromKind::Call { call: Box::new(self.table_call(name, args)?), alias }
            }
            Some(_) => return refuse("SETTINGS"),
            None => FromKind::Table { path, names: self.words_at(at), alias, offset: None, as_of },
        };
        self.sampled(From { at, kind }, sample.as_ref())
    }

    fn sampled(&self, source: From, sample: Option<&TableSampleKind>) -> Low<From> {
        let sample = match sample {
            None => return Ok(source),
            Some(TableSampleKind::AfterTableAlias(sample)) => sample,
            Some(TableSampleKind::BeforeTableAlias(_)) => return refuse("TABLESAMPLE before the alias"),
        };
        match sample.as_ref() {
            TableSample {
                modifier: TableSampleModifier::TableSample,
                name: Some(TableSampleMethod::System),
                quantity: Some(TableSampleQuantity { parenthesized: true, value, unit: Some(TableSampleUnit::Percent) }),
                seed: None,
                bucket: None,
                offset: None,
            } => {
                let percent = self.expr(value)?;
                let at = self.back(percent.at, &["TABLESAMPLE"]);
                Ok(From { at, kind: FromKind::Sample { source: Box::new(source), percent } })
            }
            _ => refuse("a sample of another kind"),
        }
    }

    fn pairs(&self, items: &[theirs::ExprWithAlias]) -> Low<Vec<(crate::ast::Expr, Option<Ident>)>> {
        items.iter().map(|item| Ok((self.expr(&item.expr)?, self.maybe_alias(item.alias.as_ref())?))).collect()
    }

    fn pivot(&self, factor: &TableFactor) -> Low<From> {
        let TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } =
            factor
        else {
            return refuse("a table");
        };
        only(default_on_null.is_none(), "DEFAULT ON NULL")?;
        let [column] = value_column.as_slice() else { return refuse("a pivot over several columns") };
        let PivotValueSource::List(values) = value_source else { return refuse("a pivot over ANY") };
        let source = Box::new(self.factor(table)?);
        let pivot = Pivot {
            aggregates: self.pairs(aggregate_functions)?,
            column: self.expr(column)?,
            values: self.pairs(values)?,
        };
        let first = pivot.aggregates.first().map_or(source.at, |(value, _)| value.at);
        let alias = self.table_alias(alias.as_ref())?;
        Ok(From { at: self.back(first, &["PIVOT"]), kind: FromKind::Pivot { source, pivot, alias } })
    }

    fn unpivot(&self, factor: &TableFactor) -> Low<From> {
        let TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } = factor else {
            return refuse("a table");
        };
        let source = Box::new(self.factor(table)?);
        let values = self.names(value)?;
        let column = |column: &theirs::ExprWithAlias| {
            only(column.alias.is_none(), "an alias in UNPIVOT")?;
            Ok((self.names(&column.expr)?, None))
        };
        let unpivot = Unpivot {
            include_nulls: matches!(null_inclusion, Some(NullInclusion::IncludeNulls)),
            values,
            name: self.ident(name)?,
            columns: columns.iter().map(column).collect::<Low<_>>()?,
        };
        let at = self.back(start(value.span()), &["UNPIVOT"]);
        let alias = self.table_alias(alias.as_ref())?;
        Ok(From { at, kind: FromKind::Unpivot { source, unpivot, alias } })
    }

    /// `a` or `(a, b)`.
    fn names(&self, value: &theirs::Expr) -> Low<Vec<Ident>> {
        match value {
            theirs::Expr::Identifier(ident) => Ok(vec![self.ident(ident)?]),
            theirs::Expr::Nested(inner) => self.names(inner),
            theirs::Expr::Tuple(items) => {
                let one = |item: &theirs::Expr| match item {
                    theirs::Expr::Identifier(ident) => self.ident(ident),
                    _ => refuse("a column of UNPIVOT"),
                };
                items.iter().map(one).collect()
            }
            _ => refuse("a column of UNPIVOT"),
        }
    }
}
