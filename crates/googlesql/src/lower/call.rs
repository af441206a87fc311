//! Function calls with their clauses, windows and ORDER BY items.

use super::{Low, Lower, end, only, refuse, start};
use crate::ast::{Bound, Call, Expr, Frame, Kind, Order, Window};
use sqlparser::ast::{
    DuplicateTreatment, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, HavingBound, HavingBoundKind, NullTreatment, ObjectName, OrderByExpr,
    OrderByOptions, OrderBySort, Spanned, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

impl Lower<'_> {
    pub(super) fn function(&self, function: &Function) -> Low<Expr> {
        let Function { name, args, over, null_treatment, filter, within_group, .. } = function;
        let at = start(name.span());
        let bare = over.is_none() && null_treatment.is_none() && filter.is_none() && within_group.is_empty();
        let kind = match args {
            FunctionArguments::Subquery(query) if bare && name.to_string().eq_ignore_ascii_case("ARRAY") => {
                Kind::ArrayQuery(Box::new(self.query(query)?))
            }
            FunctionArguments::None if bare => Kind::Name(self.single(name)?),
            FunctionArguments::List(_) => Kind::Call(Box::new(self.call(function)?)),
            FunctionArguments::None | FunctionArguments::Subquery(_) => {
                return refuse("a call without a list of arguments");
            }
        };
        let arguments = end(function.span());
        let end = match over {
            None => arguments,
            Some(WindowType::NamedWindow(base)) => end(base.span),
            // sqlparser's span ends before OVER
            Some(WindowType::WindowSpec(_)) => self.closed(self.behind(arguments, "OVER")),
        };
        Ok(Expr { at, end, kind })
    }

    pub(super) fn call(&self, function: &Function) -> Low<Call> {
        let Function { name, uses_odbc_syntax, parameters, args, filter, null_treatment, over, within_group } =
            function;
        only(!uses_odbc_syntax && *parameters == FunctionArguments::None, "a call with parameters")?;
        only(filter.is_none() && within_group.is_empty(), "FILTER or WITHIN GROUP")?;
        // In `array_agg(f(x) ignore nulls)` sqlparser gives the words to `f`; GoogleSQL has them inside the parentheses only.
        only(null_treatment.is_none(), "IGNORE NULLS behind a call")?;
        let FunctionArguments::List(list) = args else { return refuse("a call without arguments") };
        let FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        let mut call = self.named_call(name)?;
        call.distinct = match duplicate_treatment {
            None => false,
            Some(DuplicateTreatment::Distinct) => true,
            Some(DuplicateTreatment::All) => return refuse("ALL in a call"),
        };
        call.args = args.iter().map(|arg| self.argument(arg, call.at)).collect::<Low<_>>()?;
        self.clauses(&mut call, clauses)?;
        call.over = match over {
            None => None,
            Some(WindowType::NamedWindow(base)) => Some(Window { base: Some(self.ident(base)?), ..Window::default() }),
            Some(WindowType::WindowSpec(spec)) => Some(self.window(spec)?),
        };
        Ok(call)
    }

    pub(super) fn named_call(&self, name: &ObjectName) -> Low<Call> {
        let parts: Vec<&str> = self.name_parts(name)?.into_iter().map(|ident| ident.value.as_str()).collect();
        let whole = parts.join(".");
        only(!whole.eq_ignore_ascii_case("WITH"), "a WITH expression")?;
        let (safe, text) = match whole.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case("SAFE.") => (true, whole[5..].to_owned()),
            _ => (false, whole),
        };
        Ok(Call { name: text, at: start(name.span()), safe, ..Call::default() })
    }

    pub(super) fn argument(&self, arg: &FunctionArg, near: usize) -> Low<Expr> {
        match arg {
            FunctionArg::Unnamed(value) => self.argument_value(value, near),
            FunctionArg::Named { name, arg, operator: FunctionArgOperator::RightArrow } => {
                let name = self.ident(name)?;
                let value = self.argument_value(arg, name.at)?;
                Ok(Expr { at: name.at, end: value.end, kind: Kind::Named(name, Box::new(value)) })
            }
            FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } => refuse("a named argument of another kind"),
        }
    }

    fn argument_value(&self, value: &FunctionArgExpr, near: usize) -> Low<Expr> {
        match value {
            FunctionArgExpr::Expr(value) => self.expr(value),
            FunctionArgExpr::Wildcard => Ok(Expr { at: near, end: near, kind: Kind::Star }),
            FunctionArgExpr::QualifiedWildcard(_) | FunctionArgExpr::WildcardWithOptions(_) => {
                refuse("a star as an argument")
            }
        }
    }

    /// The clauses of an aggregate call; each may stand once.
    fn clauses(&self, call: &mut Call, clauses: &[FunctionArgumentClause]) -> Low<()> {
        for clause in clauses {
            let again = match clause {
                FunctionArgumentClause::IgnoreOrRespectNulls(nulls) => {
                    call.ignore_nulls.replace(ignores(nulls)).is_some()
                }
                FunctionArgumentClause::Where(condition) => call.condition.replace(self.expr(condition)?).is_some(),
                FunctionArgumentClause::OrderBy(items) => {
                    !std::mem::replace(&mut call.order, self.orders(items)?).is_empty()
                }
                FunctionArgumentClause::Limit(count) => call.limit.replace(self.expr(count)?).is_some(),
                FunctionArgumentClause::Having(HavingBound(kind, value)) => {
                    call.having.replace((*kind == HavingBoundKind::Max, self.expr(value)?)).is_some()
                }
                FunctionArgumentClause::OnOverflow(_)
                | FunctionArgumentClause::Separator(_)
                | FunctionArgumentClause::JsonNullClause(_)
                | FunctionArgumentClause::JsonReturningClause(_) => return refuse("a clause of a call"),
            };
            only(!again, "a clause twice")?;
        }
        Ok(())
    }

    pub(super) fn orders(&self, items: &[OrderByExpr]) -> Low<Vec<Order>> {
        let order = |item: &OrderByExpr| {
            let OrderByExpr { expr, options: OrderByOptions { sort, nulls_first }, with_fill } = item;
            only(with_fill.is_none(), "WITH FILL")?;
            let descending = match sort {
                None | Some(OrderBySort::Asc) => false,
                Some(OrderBySort::Desc) => true,
                Some(OrderBySort::Using(_)) => return refuse("ORDER BY .. USING"),
            };
            Ok(Order { value: self.expr(expr)?, descending, nulls_first: *nulls_first, collate: None })
        };
        items.iter().map(order).collect()
    }

    pub(super) fn window(&self, spec: &WindowSpec) -> Low<Window> {
        let WindowSpec { window_name, partition_by, order_by, window_frame } = spec;
        Ok(Window {
            base: window_name.as_ref().map(|name| self.ident(name)).transpose()?,
            partition: self.exprs(partition_by)?,
            order: self.orders(order_by)?,
            frame: window_frame.as_ref().map(|frame| self.frame(frame)).transpose()?,
        })
    }

    fn frame(&self, frame: &WindowFrame) -> Low<Frame> {
        let WindowFrame { units, start_bound, end_bound } = frame;
        let rows = match units {
            WindowFrameUnits::Rows => true,
            WindowFrameUnits::Range => false,
            WindowFrameUnits::Groups => return refuse("GROUPS"),
        };
        let end = end_bound.as_ref().map(|bound| self.bound(bound)).transpose()?;
        Ok(Frame { rows, start: self.bound(start_bound)?, end })
    }

    fn bound(&self, bound: &WindowFrameBound) -> Low<Bound> {
        Ok(match bound {
            WindowFrameBound::CurrentRow => Bound::Current,
            WindowFrameBound::Preceding(None) => Bound::Unbounded(true),
            WindowFrameBound::Following(None) => Bound::Unbounded(false),
            WindowFrameBound::Preceding(Some(value)) => Bound::Offset(self.expr(value)?, true),
            WindowFrameBound::Following(Some(value)) => Bound::Offset(self.expr(value)?, false),
        })
    }

    /// `f(args)` in FROM, of which sqlparser keeps the name and the arguments.
    pub(super) fn table_call(&self, name: &ObjectName, args: &[FunctionArg]) -> Low<Call> {
        let mut call = self.named_call(name)?;
        call.args = args.iter().map(|arg| self.argument(arg, call.at)).collect::<Low<_>>()?;
        Ok(call)
    }
}

fn ignores(nulls: &NullTreatment) -> bool {
    matches!(nulls, NullTreatment::IgnoreNulls)
}
