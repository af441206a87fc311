//! Pipe queries: every operator is one more SELECT around what came before.

use super::scope::Scope;
use super::{Output, Result, SqlError, Translator};
use crate::sql::ast::{Body, Pipe, Query};

impl Translator<'_> {
    pub(super) fn pipe_query(&mut self, query: &Query, outer: &Scope) -> Result<Output> {
        if let Body::From(from) = &query.body
            && query.pipes.is_empty()
        {
            let (sql, scope) = self.from(from, outer)?;
            return Ok(self.select_star(&sql, &scope));
        }
        let at = query.pipes.first().map_or(query.at, |(_, at)| *at);
        let name = match query.pipes.first() {
            Some((Pipe::Select(_), _)) => "SELECT",
            _ => "",
        };
        Err(SqlError::unsupported(format!("pipe syntax {name}"), at))
    }
}
