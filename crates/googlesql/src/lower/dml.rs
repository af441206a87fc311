//! Statements: queries, INSERT, UPDATE, DELETE, MERGE, TRUNCATE and DROP.

use super::{Low, Lower, Refused, only, refuse, start};
use crate::ast::{Expr, Ident, InsertSource, MergeAction, MergeWhen, Path, StatementKind};
use sqlparser::ast::{
    self as theirs, Assignment, AssignmentTarget, FromTable, MergeClauseKind, MergeInsertExpr, MergeInsertKind,
    MergeUpdateExpr, MergeUpdateKind, ObjectType, SetExpr, Statement, TableFactor, TableObject, TableWithJoins,
    UpdateTableFromKind, Values,
};

impl Lower<'_> {
    pub(super) fn statement(&self, statement: &Statement) -> Low<StatementKind> {
        match statement {
            Statement::Query(query) => Ok(StatementKind::Query(Box::new(self.query(query)?))),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(merge) => self.merge(merge),
            Statement::CreateTable(create) => self.create_table(create),
            Statement::CreateView(create) => self.create_view(create),
            Statement::Drop { object_type, if_exists, names, cascade, restrict, purge, temporary, table } => {
                only(!cascade && !restrict && !purge && !temporary && table.is_none(), "DROP with additions")?;
                let [name] = names.as_slice() else { return refuse("DROP of several") };
                let (name, if_exists) = (self.path(name)?, *if_exists);
                match object_type {
                    ObjectType::Table => Ok(StatementKind::Drop { what: "TABLE", name, if_exists }),
                    ObjectType::View => Ok(StatementKind::Drop { what: "VIEW", name, if_exists }),
                    _ => refuse("DROP of something else"),
                }
            }
            _ => refuse("a statement"),
        }
    }

    fn insert(&self, insert: &theirs::Insert) -> Low<StatementKind> {
        let theirs::Insert {
            insert_token: _,
            optimizer_hints,
            or: None,
            ignore: false,
            into: _,
            table: TableObject::TableName(table),
            table_alias: None,
            columns,
            overwrite: false,
            source: Some(source),
            assignments,
            partitioned: None,
            after_columns,
            has_table_keyword: false,
            on: None,
            returning: None,
            output: None,
            replace_into: false,
            priority: None,
            insert_alias: None,
            settings: None,
            format_clause: None,
            multi_table_insert_type: None,
            multi_table_into_clauses,
            multi_table_when_clauses,
            multi_table_else_clause: None,
        } = insert
        else {
            return refuse("INSERT with additions");
        };
        let plain = optimizer_hints.is_empty() && assignments.is_empty() && after_columns.is_empty();
        only(
            plain && multi_table_into_clauses.is_empty() && multi_table_when_clauses.is_empty(),
            "INSERT with additions",
        )?;
        let source = match source.body.as_ref() {
            SetExpr::Values(values) => {
                only(source.to_string() == source.body.to_string(), "VALUES with additions")?;
                InsertSource::Values(self.values(values)?)
            }
            _ => InsertSource::Query(Box::new(self.query(source)?)),
        };
        let columns = columns.iter().map(|column| self.single(column)).collect::<Low<_>>()?;
        Ok(StatementKind::Insert { table: self.path(table)?, columns, source, assert_rows: None })
    }

    fn values(&self, values: &Values) -> Low<Vec<Vec<Expr>>> {
        let Values { explicit_row, value_keyword, rows } = values;
        only(!explicit_row && !value_keyword, "VALUES of another kind")?;
        rows.iter().map(|row| self.exprs(&row.content)).collect()
    }

    /// The table that a statement changes, with its alias.
    fn target(&self, factor: &TableFactor) -> Low<(Path, Option<Ident>)> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                Ok((self.path(name)?, self.table_alias(alias.as_ref())?))
            }
            _ => refuse("the table of a statement"),
        }
    }

    fn plain_target(&self, table: &TableWithJoins) -> Low<(Path, Option<Ident>)> {
        only(table.joins.is_empty(), "a join as the table of a statement")?;
        self.target(&table.relation)
    }

    fn assignments(&self, assignments: &[Assignment]) -> Low<Vec<(Vec<Ident>, Expr)>> {
        let pair = |assignment: &Assignment| {
            let Assignment { target: AssignmentTarget::ColumnName(name), value } = assignment else {
                return refuse("SET of a tuple");
            };
            let target = self.name_parts(name)?.into_iter().map(|ident| self.ident(ident)).collect::<Low<_>>()?;
            Ok((target, self.expr(value)?))
        };
        assignments.iter().map(pair).collect()
    }

    fn update(&self, update: &theirs::Update) -> Low<StatementKind> {
        let theirs::Update {
            update_token: _,
            optimizer_hints,
            table,
            assignments,
            from,
            selection: Some(condition),
            returning: None,
            output: None,
            or: None,
            order_by,
            limit: None,
        } = update
        else {
            return refuse("UPDATE with additions or without WHERE");
        };
        only(optimizer_hints.is_empty() && order_by.is_empty(), "UPDATE with additions")?;
        let (table, alias) = self.plain_target(table)?;
        let from = match from {
            None => None,
            Some(UpdateTableFromKind::AfterSet(tables)) => Some(self.from(tables)?),
            Some(UpdateTableFromKind::BeforeSet(_)) => return refuse("FROM before SET"),
        };
        let set = self.assignments(assignments)?;
        Ok(StatementKind::Update { table, alias, set, from, condition: self.expr(condition)?, assert_rows: None })
    }

    fn delete(&self, delete: &theirs::Delete) -> Low<StatementKind> {
        let theirs::Delete {
            delete_token: _,
            optimizer_hints,
            tables,
            from: FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from),
            using: None,
            selection: Some(condition),
            returning: None,
            output: None,
            order_by,
            limit: None,
        } = delete
        else {
            return refuse("DELETE with additions or without WHERE");
        };
        only(optimizer_hints.is_empty() && tables.is_empty() && order_by.is_empty(), "DELETE with additions")?;
        let [table] = from.as_slice() else { return refuse("DELETE from several") };
        let (table, alias) = self.plain_target(table)?;
        Ok(StatementKind::Delete { table, alias, condition: self.expr(condition)?, assert_rows: None })
    }

    fn merge(&self, merge: &theirs::Merge) -> Low<StatementKind> {
        let theirs::Merge { merge_token: _, optimizer_hints, into: _, table, source, on, clauses, output: None } =
            merge
        else {
            return refuse("MERGE with OUTPUT");
        };
        only(optimizer_hints.is_empty(), "hints")?;
        let (table, alias) = self.target(table)?;
        let whens = clauses.iter().map(|clause| self.merge_when(clause)).collect::<Low<_>>()?;
        Ok(StatementKind::Merge { table, alias, source: self.factor(source)?, on: self.expr(on)?, whens })
    }

    fn merge_when(&self, clause: &theirs::MergeClause) -> Low<MergeWhen> {
        let theirs::MergeClause { when_token, clause_kind, predicate, action } = clause;
        let (matched, by_source) = match clause_kind {
            MergeClauseKind::Matched => (true, false),
            MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => (false, false),
            MergeClauseKind::NotMatchedBySource => (false, true),
        };
        let action = match action {
            theirs::MergeAction::Delete { delete_token: _ } => MergeAction::Delete,
            theirs::MergeAction::DoNothing { .. } => return refuse("DO NOTHING"),
            theirs::MergeAction::Update(MergeUpdateExpr {
                update_token: _,
                kind: MergeUpdateKind::Set(set),
                update_predicate: None,
                delete_predicate: None,
            }) => MergeAction::Update(self.assignments(set)?),
            theirs::MergeAction::Update(_) => return refuse("UPDATE with additions"),
            theirs::MergeAction::Insert(insert) => self.merge_insert(insert)?,
        };
        let condition = predicate.as_ref().map(|value| self.expr(value)).transpose()?;
        Ok(MergeWhen { at: start(when_token.0.span), matched, by_source, condition, action })
    }

    fn merge_insert(&self, insert: &MergeInsertExpr) -> Low<MergeAction> {
        let MergeInsertExpr { insert_token: _, columns, kind_token: _, kind, insert_predicate } = insert;
        only(insert_predicate.is_none(), "INSERT .. WHERE")?;
        let columns = columns.iter().map(|column| self.single(column)).collect::<Low<_>>()?;
        let values = match kind {
            MergeInsertKind::Row => None,
            MergeInsertKind::Wildcard => return refuse("INSERT *"),
            MergeInsertKind::Values(values) => {
                let mut rows = self.values(values)?;
                only(rows.len() == 1, "INSERT of several rows")?;
                Some(rows.pop().ok_or(Refused("INSERT of no row"))?)
            }
        };
        Ok(MergeAction::Insert { columns, values })
    }
}
