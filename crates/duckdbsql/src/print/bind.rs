//! Operands that are computed once. DuckDB has no `let`, but a lambda over a list of one: `list_transform([x], lambda b:
//! ... b ... b ...)[1]`. What a lambda cannot hold (subqueries, aggregates, windows) stands in its list, outside of it.

use super::Printer;
use rsdbt_googlesql::query::{Expr, Node};

impl Printer<'_> {
    /// `body` over the operands: each is itself where it is simple, its text otherwise, and a name where `once` says so
    /// of its place and text.
    pub(super) fn bound(
        &mut self,
        args: &[&Expr],
        once: impl Fn(usize, &str) -> bool,
        body: impl FnOnce(&mut Self, &[Expr]) -> String,
    ) -> String {
        let (mut operands, mut wanted) = (Vec::with_capacity(args.len()), Vec::new());
        for (i, arg) in args.iter().enumerate() {
            if arg.is_simple() {
                operands.push((*arg).clone());
                continue;
            }
            let text = self.expr(arg);
            if !self.inline && !matches!(arg.node, Node::Lambda(..)) && once(i, &text) {
                wanted.push(i);
            }
            operands.push(Expr::new(Node::Local(text), arg.ty.clone()));
        }
        if wanted.is_empty() {
            return body(self, &operands);
        }
        let outside =
            |i: &usize| !wanted.contains(i) && !matches!(args[*i].node, Node::Lambda(..)) && args[*i].is_heavy();
        let more: Vec<usize> = (0..args.len()).filter(outside).collect();
        wanted.extend(more);
        let name = format!("_bound{}", self.depth + 1);
        let given = self.name_operands(&name, &wanted, &mut operands);
        self.depth += 1;
        let text = body(self, &operands);
        self.depth -= 1;
        format!("list_transform([{given}], lambda {name}: {text})[1]")
    }

    /// Puts names in the place of operands, and gives the one value that holds them all.
    fn name_operands(&mut self, name: &str, wanted: &[usize], operands: &mut [Expr]) -> String {
        if let [only] = wanted {
            let ty = operands[*only].ty.clone();
            let operand = std::mem::replace(&mut operands[*only], Expr::new(Node::Local(name.to_owned()), ty));
            return self.expr(&operand);
        }
        let mut parts = Vec::new();
        for (n, i) in wanted.iter().enumerate() {
            let local = Node::Local(format!("struct_extract({name}, '_{}')", n + 1));
            let operand = std::mem::replace(&mut operands[*i].node, local);
            let operand = Expr::new(operand, operands[*i].ty.clone());
            parts.push(format!("_{} := {}", n + 1, self.settled(&operand)));
        }
        format!("struct_pack({})", parts.join(", "))
    }

    /// Named values around a body: by their texts where they are short, through a lambda otherwise.
    pub(super) fn with_values(&mut self, values: &[(String, Expr)], body: &Expr) -> String {
        let given: Vec<&Expr> = values.iter().map(|(_, value)| value).collect();
        self.bound(
            &given,
            |_, text| text.len() > super::LONG,
            |p, given| {
                let before = p.locals.len();
                for ((name, _), value) in values.iter().zip(given) {
                    let text = p.settled(value);
                    p.locals.push((name.clone(), text));
                }
                let text = p.expr(body);
                p.locals.truncate(before);
                text
            },
        )
    }

    /// What a name of a `Let` stands for; any other text is itself.
    pub(super) fn local(&self, name: &str) -> String {
        self.locals.iter().rev().find(|(known, _)| known == name).map_or(name, |(_, text)| text).to_owned()
    }

    /// `body` over a text that it repeats.
    pub(super) fn once(&mut self, text: &str, body: impl FnOnce(&mut Self, &str) -> String) -> String {
        if self.inline || text.len() <= super::LONG {
            return body(self, text);
        }
        let name = format!("_bound{}", self.depth + 1);
        self.depth += 1;
        let inner = body(self, &name);
        self.depth -= 1;
        format!("list_transform([{text}], lambda {name}: {inner})[1]")
    }

    /// `list_transform` of a list by a text over its item.
    pub(super) fn each(&mut self, list: &str, body: impl FnOnce(&mut Self, &str) -> String) -> String {
        let name = format!("_item{}", self.depth + 1);
        self.depth += 1;
        let inner = body(self, &name);
        self.depth -= 1;
        format!("list_transform({list}, lambda {name}: {inner})")
    }

    /// `body` over a value whose subqueries, aggregates and windows stand outside of it, since TRY refuses them.
    pub(super) fn hoisted(&mut self, value: &Expr, body: impl FnOnce(&mut Self, &Expr) -> String) -> String {
        let (mut inner, mut held) = (value.clone(), Vec::new());
        take_heavy(&mut inner, &mut held);
        if held.is_empty() {
            return body(self, value);
        }
        let name = format!("_bound{}", self.depth + 1);
        let parts: Vec<String> =
            held.iter().enumerate().map(|(i, part)| format!("_{} := {}", i + 1, self.settled(part))).collect();
        let before = self.locals.len();
        self.locals.extend((0..held.len()).map(|i| (held_name(i), format!("struct_extract({name}, '_{}')", i + 1))));
        self.depth += 1;
        let text = body(self, &inner);
        self.depth -= 1;
        self.locals.truncate(before);
        format!("list_transform([struct_pack({})], lambda {name}: {text})[1]", parts.join(", "))
    }

    /// NULL where the value cannot be had. Only the call itself may fail: its operands are computed before.
    pub(super) fn safe(&mut self, inner: &Expr) -> String {
        let operands: Vec<&Expr> = match &inner.node {
            Node::Call(_, args) => args.iter().collect(),
            Node::Cast(value, _) => vec![value],
            Node::Fit(cast, _) => match &cast.node {
                Node::Cast(value, _) => vec![value],
                _ => vec![cast],
            },
            Node::Aggregate(call) => return self.safe_aggregate(call, &inner.ty),
            _ => return self.hoisted(inner, |p, inner| format!("TRY({})", p.expr(inner))),
        };
        self.bound(&operands, |_, _| true, |p, given| format!("TRY({})", p.expr(&with_operands(inner, given))))
    }
}

/// Puts names in the place of what TRY refuses.
fn take_heavy(value: &mut Expr, held: &mut Vec<Expr>) {
    if matches!(value.node, Node::Subquery(..) | Node::InQuery(..) | Node::Aggregate(_)) {
        let name = Expr::new(Node::Local(held_name(held.len())), value.ty.clone());
        held.push(std::mem::replace(value, name));
        return;
    }
    value.parts_mut().into_iter().for_each(|part| take_heavy(part, held));
}

fn held_name(place: usize) -> String {
    format!("_held{place}")
}

/// The call over other operands.
fn with_operands(call: &Expr, given: &[Expr]) -> Expr {
    let first = || Box::new(given.first().cloned().unwrap_or_else(Expr::null));
    let node = match &call.node {
        Node::Call(function, _) => Node::Call(function, given.to_vec()),
        Node::Cast(_, casting) => Node::Cast(first(), casting.clone()),
        Node::Fit(cast, numbers) => match &cast.node {
            Node::Cast(_, casting) => {
                let cast = Expr::new(Node::Cast(first(), casting.clone()), cast.ty.clone());
                Node::Fit(Box::new(cast), numbers.clone())
            }
            _ => Node::Fit(first(), numbers.clone()),
        },
        other => other.clone(),
    };
    Expr::new(node, call.ty.clone())
}
