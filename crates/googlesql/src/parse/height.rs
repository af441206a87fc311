//! How tall the tree of a text can get, told from its tokens before either grammar reads them. A tree may grow in two ways:
//! by brackets, and by chains, whose every operator or join stands on all before it. What walks a tree recurses, so a text
//! of which the tree would be too tall is refused here, with the place where it gets so.

use crate::lex::{Tok, Token};
use crate::{Result, SqlError};

/// The tallest tree: `base::roomy` has room for it.
const TALLEST: usize = 2_000;

/// What stands between two brackets, or between CASE and END.
#[derive(Default)]
struct Level {
    is_case: bool,
    in_from: bool,
    /// the tallest part that is complete
    best: usize,
    /// the part that is being read: its chain, and the tallest bracket in it
    links: usize,
    inner: usize,
    /// those that wait for their AND
    betweens: usize,
    /// joins of this FROM, of the longest one
    joins: usize,
    most_joins: usize,
    /// set operations and pipe operators
    stages: usize,
    /// a chain of `||` or UNION is balanced: only its first operator counts
    in_concat: bool,
    union: Option<bool>,
}

impl Level {
    fn part_ends(&mut self) {
        self.best = self.best.max(self.links + self.inner);
        (self.links, self.inner, self.betweens, self.in_concat) = (0, 0, 0, false);
    }

    fn select_begins(&mut self) {
        self.part_ends();
        self.most_joins = self.most_joins.max(self.joins);
        (self.joins, self.in_from) = (0, false);
    }

    fn height(&self) -> usize {
        self.best.max(self.links + self.inner) + self.most_joins.max(self.joins) + self.stages
    }
}

/// Refuses a text whose tree would be too tall.
pub(super) fn check(tokens: &[Token]) -> Result<()> {
    let mut open: Vec<Level> = Vec::new();
    let mut level = Level::default();
    for (n, token) in tokens.iter().enumerate() {
        match &token.tok {
            Tok::Sym(symbol) => by_symbol(symbol, &mut level, &mut open),
            Tok::Word(word, false) => by_word(&word.to_ascii_uppercase(), (tokens, n), &mut level, &mut open),
            _ => {}
        }
        if level.height() > TALLEST {
            let message = format!("more than {TALLEST} operators, brackets or joins build on each other here");
            let help =
                "split it with WITH clauses or models of their own; AND, OR, || and UNION may have any number of parts";
            return Err(SqlError::syntax(message, token.at).help(help));
        }
    }
    Ok(())
}

fn by_symbol(symbol: &str, level: &mut Level, open: &mut Vec<Level>) {
    match symbol {
        "(" | "[" => {
            level.links += usize::from(symbol == "[");
            open.push(std::mem::take(level));
        }
        ")" | "]" => {
            while level.is_case && close(level, open) {}
            close(level, open);
        }
        "," => {
            level.part_ends();
            level.joins += usize::from(level.in_from);
        }
        ";" => *level = Level { is_case: level.is_case, ..Level::default() },
        "|>" => {
            level.select_begins();
            level.stages += 1;
        }
        "||" => {
            level.links += usize::from(!level.in_concat);
            level.in_concat = true;
        }
        _ => {
            level.links += 1;
            level.in_concat = false;
        }
    }
}

fn by_word(word: &str, (tokens, n): (&[Token], usize), level: &mut Level, open: &mut Vec<Level>) {
    let is = |at: Option<usize>, words: &[&str]| {
        let tok = at.and_then(|at| tokens.get(at)).map(|token| &token.tok);
        matches!(tok, Some(Tok::Word(found, false)) if words.iter().any(|word| word.eq_ignore_ascii_case(found)))
    };
    match word {
        // this AND belongs to a BETWEEN, of which there may be a chain
        "AND" if level.betweens > 0 => level.betweens -= 1,
        "AND" | "OR" | "WHEN" | "THEN" | "ELSE" | "ON" | "USING" => level.part_ends(),
        "NOT" | "IS" | "IN" | "LIKE" | "INTERVAL" => level.links += 1,
        "BETWEEN" => {
            level.links += 1;
            level.betweens += 1;
        }
        "CASE" if !is(n.checked_sub(1), &["END"]) => {
            open.push(std::mem::replace(level, Level { is_case: true, ..Level::default() }));
        }
        "END" if level.is_case => {
            close(level, open);
        }
        "SELECT" | "WHERE" | "GROUP" | "HAVING" | "QUALIFY" | "WINDOW" | "ORDER" | "LIMIT" => level.select_begins(),
        "FROM" if !is(n.checked_sub(1), &["DISTINCT"]) => {
            level.select_begins();
            level.in_from = true;
        }
        "JOIN" => {
            level.part_ends();
            level.joins += 1;
        }
        "UNION" | "INTERSECT" | "EXCEPT" if is(Some(n + 1), &["ALL", "DISTINCT"]) => {
            level.select_begins();
            let plain = word == "UNION"
                && !is(n.checked_sub(1), &["FULL", "LEFT", "INNER", "OUTER"])
                && !is(Some(n + 2), &["STRICT", "BY", "CORRESPONDING"]);
            let union = plain.then(|| is(Some(n + 1), &["ALL"]));
            level.stages += usize::from(union.is_none() || union != level.union);
            level.union = union;
        }
        _ => {}
    }
}

/// Leaves a level; whether there is one around it.
fn close(level: &mut Level, open: &mut Vec<Level>) -> bool {
    let Some(outer) = open.pop() else { return false };
    let height = level.height() + 1;
    *level = outer;
    level.inner = level.inner.max(height);
    true
}

#[cfg(test)]
mod tests {
    use crate::parse::{query, script};

    fn many(part: &str, n: usize) -> String {
        format!("select {}1", part.repeat(n))
    }

    #[test]
    fn what_is_long_but_not_tall_is_read() {
        for part in [
            "a and ",
            "a = 1 or ",
            "'a' || ",
            "a + 1, ",
            "a is distinct from b, ",
            "1 union all select ",
            "1 union distinct select ",
        ] {
            assert!(query(&many(part, 5_000)).is_ok(), "{part}");
        }
        let whens = format!("select case {} end", "when a = 1 then 'x' ".repeat(5_000));
        assert!(query(&whens).is_ok());
        assert!(script(&"begin select 1 + 1; end; ".repeat(3_000)).is_ok());
    }

    #[test]
    fn what_is_too_tall_is_refused_with_its_place() {
        let joined = |part: &str| format!("select 1 from t {}", part.repeat(5_000));
        let nested = |open: &str, close: &str| format!("select {}1{}", open.repeat(5_000), close.repeat(5_000));
        let texts = [
            many("1 + ", 5_000),
            many("1 * 'a' || ", 5_000),
            many("- ", 5_000),
            many("not ", 5_000),
            format!("select a{}", ".b".repeat(5_000)),
            format!("select a{}", "[0]".repeat(5_000)),
            format!("select a{}", " is null".repeat(5_000)),
            format!("select a{}", " between 1 and 2".repeat(5_000)),
            joined("join t using (a) "),
            joined("cross join t "),
            joined(", t"),
            joined("|> where a "),
            many("1 except distinct select ", 5_000),
            many("1 union all by name select ", 5_000),
            nested("(", ")"),
            nested("[", "]"),
            nested("f(", ")"),
            nested("(select ", ")"),
            nested("case when ", " then 1 end"),
            nested("interval ", " day"),
            nested("a -> ", ""),
            nested("cast(null as array<", ">)"),
            nested("struct<a struct<", ">>(1)"),
            format!("select 1 from {}t{}", "(".repeat(5_000), ")".repeat(5_000)),
            format!("select 1 from {}t{}", "(select 1 from ".repeat(5_000), ")".repeat(5_000)),
            format!("{}select 1;{}", "begin ".repeat(5_000), " end;".repeat(5_000)),
            format!("{}select 1;{}", "if true then ".repeat(5_000), " end if;".repeat(5_000)),
            // brackets multiply chains
            format!("select {}1{}", "(".repeat(100), format!("{})", " + 1".repeat(100)).repeat(100)),
        ];
        for text in texts {
            let Err(error) = script(&text) else { panic!("this was read: {}", &text[..60]) };
            assert!(error.at > 100 && error.at <= text.len(), "{}: {error:?}", &text[..60]);
        }
    }

    #[test]
    fn what_real_projects_have_is_read() {
        let nested =
            |open: &str, close: &str, n: usize| format!("select 1 from {}t{}", open.repeat(n), close.repeat(n));
        assert!(query(&nested("(select * from ", ")", 200)).is_ok());
        assert!(query(&nested("(", ")", 200)).is_ok());
        assert!(query(&format!("select 1 from t {}", "join t using (a) ".repeat(1_000))).is_ok());
        assert!(script(&format!("{}select 1;{}", "begin ".repeat(300), " end;".repeat(300))).is_ok());
    }
}
