//! Which block tags are open: a tag in the wrong place is told with what was open and where. It never decides what a tag means.

use super::lex::{SyntaxError, fail};

#[derive(Default)]
pub struct Structure(Vec<Open>);

/// How deep blocks may lie in each other; the branches of an `if` are such blocks for what compiles them.
const DEEPEST: usize = 500;

struct Open {
    word: String,
    /// How many `elif` it has.
    branches: usize,
    offset: usize,
    /// The tags that may come next for this block.
    next: &'static [&'static str],
}

/// What may follow a tag that opens a block.
fn followers(word: &str) -> &'static [&'static str] {
    match word {
        "if" | "elif" => &["elif", "else", "endif"],
        "for" => &["endfor", "else"],
        "set" => &["endset"],
        "with" => &["endwith"],
        "filter" => &["endfilter"],
        "call" => &["endcall"],
        "macro" => &["endmacro"],
        "test" => &["endtest"],
        "data_test" => &["enddata_test"],
        "materialization" => &["endmaterialization"],
        "snapshot" => &["endsnapshot"],
        "autoescape" => &["endautoescape"],
        _ => &[],
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" or ")
}

impl Structure {
    /// Notes a tag; `opens` is false for a `set` with a value.
    pub fn tag(&mut self, word: &str, opens: bool, offset: usize) -> Result<(), SyntaxError> {
        if word == "else" || word == "elif" || word.starts_with("end") {
            return self.goes_on(word, offset);
        }
        if ["break", "continue"].contains(&word) && !self.0.iter().any(|open| open.word == "for") {
            return fail(format!("'{word}' outside loop"), offset);
        }
        let next = followers(word);
        if opens && !next.is_empty() {
            self.0.push(Open { word: word.to_owned(), branches: 0, offset, next });
            self.check_depth(offset)?;
        }
        Ok(())
    }

    fn goes_on(&mut self, word: &str, offset: usize) -> Result<(), SyntaxError> {
        let Some(open) = self.0.last_mut() else {
            return fail(format!("Encountered unknown tag '{word}'."), offset);
        };
        if !open.next.contains(&word) {
            let wanted = listed(open.next);
            return fail(
                format!("Encountered unknown tag '{word}'. The '{}' before it goes on with {wanted}.", open.word),
                offset,
            );
        }
        match word {
            "else" => open.next = if open.word == "for" { &["endfor"] } else { &["endif"] },
            "elif" => {
                open.branches += 1;
                self.check_depth(offset)?;
            }
            _ => {
                self.0.pop();
            }
        }
        Ok(())
    }

    fn check_depth(&self, offset: usize) -> Result<(), SyntaxError> {
        if self.0.iter().map(|open| 1 + open.branches).sum::<usize>() <= DEEPEST {
            return Ok(());
        }
        fail(
            format!(
                "more than {DEEPEST} blocks and branches lie in each other here; a macro or a dict makes them fewer"
            ),
            offset,
        )
    }

    /// At the end of the file nothing may be open.
    pub fn finish(&self) -> Result<(), SyntaxError> {
        match self.0.last() {
            None => Ok(()),
            Some(open) => {
                let wanted = listed(open.next);
                fail(format!("Unexpected end of template. This '{}' goes on with {wanted}.", open.word), open.offset)
            }
        }
    }
}
