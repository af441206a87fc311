//! CREATE TABLE and CREATE VIEW.

use super::{Low, Lower, only, refuse};
use crate::ast::{ColumnDef, CreateMode, Options, StatementKind, TableParts};
use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::ast::{
    self as theirs, ColumnOption, ColumnOptionDef, ColumnOptions, CreateTableOptions, HiveDistributionStyle, SqlOption,
    WrappedCollection,
};

impl Lower<'_> {
    pub(super) fn create_table(&self, create: &theirs::CreateTable) -> Low<StatementKind> {
        // one with only the parts that are lowered below: any other part makes the two differ
        let known = CreateTableBuilder::new(create.name.clone())
            .or_replace(create.or_replace)
            .temporary(create.temporary)
            .if_not_exists(create.if_not_exists)
            .columns(create.columns.clone())
            .partition_by(create.partition_by.clone())
            .cluster_by(create.cluster_by.clone())
            .table_options(create.table_options.clone())
            .hive_distribution(HiveDistributionStyle::NONE)
            .hive_formats(create.hive_formats.clone().filter(|formats| *formats == theirs::HiveFormat::default()))
            .query(create.query.clone())
            .build();
        only(known == *create, "CREATE TABLE with additions")?;
        let columns: Vec<ColumnDef> =
            create.columns.iter().map(|column| self.column_def(column)).collect::<Low<_>>()?;
        only(!columns.is_empty() || create.query.is_some(), "CREATE TABLE without columns")?;
        let cluster = match &create.cluster_by {
            None => Vec::new(),
            Some(WrappedCollection::NoWrapping(items)) => self.exprs(items)?,
            Some(WrappedCollection::Parentheses(_)) => return refuse("CLUSTER BY in brackets"),
        };
        let parts = TableParts {
            columns: (!columns.is_empty()).then_some(columns),
            partition: create.partition_by.as_ref().map(|value| self.expr(value)).transpose()?,
            cluster,
            options: self.table_options(&create.table_options)?,
        };
        let mode =
            CreateMode { or_replace: create.or_replace, if_not_exists: create.if_not_exists, temp: create.temporary };
        let query = create.query.as_ref().map(|query| self.query(query).map(Box::new)).transpose()?;
        Ok(StatementKind::CreateTable { mode, name: self.path(&create.name)?, parts, query, like: None, clone: None })
    }

    fn table_options(&self, options: &CreateTableOptions) -> Low<Options> {
        match options {
            CreateTableOptions::None => Ok(Vec::new()),
            CreateTableOptions::Options(options) => self.options(options),
            _ => refuse("options of another kind"),
        }
    }

    fn options(&self, options: &[SqlOption]) -> Low<Options> {
        let pair = |option: &SqlOption| match option {
            SqlOption::KeyValue { key, value } => Ok((self.ident(key)?, self.expr(value)?)),
            _ => refuse("an option of another kind"),
        };
        options.iter().map(pair).collect()
    }

    fn column_def(&self, column: &theirs::ColumnDef) -> Low<ColumnDef> {
        let theirs::ColumnDef { name, data_type, options } = column;
        let name = self.ident(name)?;
        let after = self.index(name.at) + 1;
        let at = self.tokens.get(after).map_or(name.at, |token| token.at);
        let ty = match data_type {
            theirs::DataType::Unspecified => None,
            typed => Some(self.type_name(typed, at)?),
        };
        let mut column = ColumnDef { name, ty, not_null: false, default: None, options: Vec::new() };
        for ColumnOptionDef { name, option } in options {
            only(name.is_none(), "a named constraint")?;
            match option {
                ColumnOption::NotNull => column.not_null = true,
                ColumnOption::Default(value) => column.default = Some(self.expr(value)?),
                ColumnOption::Options(options) => column.options = self.options(options)?,
                _ => return refuse("an addition to a column"),
            }
        }
        Ok(column)
    }

    pub(super) fn create_view(&self, create: &theirs::CreateView) -> Low<StatementKind> {
        let theirs::CreateView {
            or_alter: false,
            or_replace,
            materialized,
            secure: false,
            name,
            name_before_not_exists: false,
            columns,
            query,
            options,
            cluster_by,
            comment: None,
            with_no_schema_binding: false,
            if_not_exists,
            temporary,
            copy_grants: false,
            to: None,
            params: None,
        } = create
        else {
            return refuse("CREATE VIEW with additions");
        };
        only(cluster_by.is_empty(), "CREATE VIEW .. CLUSTER BY")?;
        let column = |column: &theirs::ViewColumnDef| {
            let theirs::ViewColumnDef { name, data_type, options } = column;
            only(data_type.is_none(), "the type of a view's column")?;
            let options = match options {
                None => Vec::new(),
                Some(ColumnOptions::CommaSeparated(list) | ColumnOptions::SpaceSeparated(list)) => {
                    match list.as_slice() {
                        [ColumnOption::Options(options)] => self.options(options)?,
                        _ => return refuse("an addition to a column"),
                    }
                }
            };
            Ok(ColumnDef { name: self.ident(name)?, ty: None, not_null: false, default: None, options })
        };
        Ok(StatementKind::CreateView {
            mode: CreateMode { or_replace: *or_replace, if_not_exists: *if_not_exists, temp: *temporary },
            name: self.path(name)?,
            columns: columns.iter().map(column).collect::<Low<_>>()?,
            options: self.table_options(options)?,
            query: Box::new(self.query(query)?),
            materialized: *materialized,
        })
    }
}
