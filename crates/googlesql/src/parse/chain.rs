//! Chains of one operator: `a AND b AND c`. The grammar has them lean to the left; a long one becomes a balanced tree
//! instead, which means the same and is no taller than the logarithm of its length. Both grammars build chains here.

use crate::ast::{Body, Expr, Kind, SetOp};

/// Longer chains are balanced; shorter ones stay as everybody draws them.
const LONG: usize = 32;

/// AND, OR or || between terms.
pub(crate) fn exprs(op: &'static str, mut terms: Vec<Expr>) -> Option<Expr> {
    let both = |left: Expr, right: Expr| {
        let (at, end) = (left.at, right.end);
        Expr { at, end, kind: Kind::Binary(op, Box::new(left), Box::new(right)) }
    };
    if terms.len() <= LONG {
        return terms.into_iter().reduce(both);
    }
    let right = terms.split_off(terms.len() / 2);
    Some(both(exprs(op, terms)?, exprs(op, right)?))
}

/// Whether a chain of this set operation may be balanced.
pub(crate) fn is_associative(op: &SetOp) -> bool {
    let SetOp { at: _, kind, all: _, mode, strict, by_name } = op;
    *kind == "UNION" && mode.is_none() && !strict && by_name.is_none()
}

/// Whether two set operations make one chain.
pub(crate) fn is_same(a: &SetOp, b: &SetOp) -> bool {
    is_associative(a) && is_associative(b) && a.all == b.all
}

/// A UNION of queries: the first one, and the others with the operator before them.
pub(crate) fn bodies(first: Body, mut rest: Vec<(SetOp, Body)>) -> Body {
    let both = |left, (op, right): (SetOp, Body)| Body::Set { op, left: Box::new(left), right: Box::new(right) };
    if rest.len() < LONG {
        return rest.into_iter().fold(first, both);
    }
    let mut right = rest.split_off(rest.len() / 2).into_iter();
    let left = bodies(first, rest);
    match right.next() {
        Some((op, middle)) => both(left, (op, bodies(middle, right.collect()))),
        None => left,
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::query;

    /// The tree without its positions.
    fn tree(text: &str) -> String {
        let positions = regex::Regex::new(r"\b(at|end): \d+(, )?").expect("a regular expression");
        positions.replace_all(&format!("{:?}", query(text).expect("reads")), "").into_owned()
    }

    #[test]
    fn a_short_chain_leans_to_the_left() {
        assert_eq!(tree("select a and b and c"), tree("select (a and b) and c"));
        assert_ne!(tree("select a and b and c"), tree("select a and (b and c)"));
    }

    #[test]
    fn a_long_chain_is_cut_in_halves() {
        let half = |word: &str| vec!["a"; 20].join(word);
        for word in [" and ", " or ", " || "] {
            let whole = format!("select {}{word}{}", half(word), half(word));
            assert_eq!(tree(&whole), tree(&format!("select ({}){word}({})", half(word), half(word))));
        }
        assert_ne!(
            tree(&format!("select {} + {}", half(" + "), half(" + "))),
            tree(&format!("select ({}) + ({})", half(" + "), half(" + ")))
        );
    }
}
