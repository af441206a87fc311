//! From a byte of compiled SQL back to the template that it came from.
//!
//! Jinja keeps no map of its output. Lines without tags come through as they were, so both texts are aligned by their equal
//! lines; what lies between two such lines came from the lines between them. There the same word is looked for.

use std::collections::HashMap;

/// Beyond so many pairs of lines only the equal beginnings and ends are aligned.
const MOST_PAIRS: usize = 4_000_000;

struct Line<'t> {
    start: usize,
    text: &'t str,
}

impl Line<'_> {
    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }
}

/// The byte of `source` that the byte `at` of `compiled` came from, as near as can be told.
pub fn locate(source: &str, compiled: &str, at: usize) -> usize {
    let (from, to) = (lines(compiled), lines(source));
    let row = from.partition_point(|line| line.start <= at).saturating_sub(1);
    let Some(line) = from.get(row) else { return 0 };
    let pairs = align(&from, &to);
    let offset = at - line.start;
    if let Some(found) = pairs[row] {
        let inside = (offset + to[found].indent()).saturating_sub(line.indent());
        return to[found].start + inside.min(to[found].text.len());
    }
    let first = pairs[..row].iter().rev().flatten().next().map_or(0, |before| before + 1);
    let last = pairs[row..].iter().flatten().next().copied().unwrap_or(to.len());
    let gap = &to[first.min(last)..last];
    // a line that is equal up to this byte, as far as its first tag
    let begins = |line: &&Line, wanted: &str| line.text.trim_start().starts_with(wanted);
    let before = line.text.get(..offset).unwrap_or_default().trim_start();
    if !before.is_empty()
        && let Some(line) = gap.iter().find(|line| begins(line, before))
    {
        return line.start + line.indent() + before.len();
    }
    let word = word_at(line.text, offset);
    let same = gap.iter().find_map(|line| Some(line.start + find_word(line.text, word)?));
    let tagged = || gap.iter().find(|line| line.text.contains("{{") || line.text.contains("{%"));
    same.or_else(|| tagged().or(gap.first()).map(|line| line.start + line.indent()))
        .unwrap_or_else(|| to.get(first.saturating_sub(1)).map_or(0, |line| line.start + line.indent()))
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    text.split('\n')
        .map(|text| {
            let line = Line { start, text };
            start += text.len() + 1;
            line
        })
        .collect()
}

/// For each line of `from` the equal line of `to`, in order: the longest common subsequence.
fn align(from: &[Line], to: &[Line]) -> Vec<Option<usize>> {
    let mut numbers = HashMap::new();
    let mut number = |line: &Line| {
        let next = numbers.len() + 1;
        let text = line.text.trim().to_owned();
        // blank lines fit everywhere, which says nothing
        if text.is_empty() { 0 } else { *numbers.entry(text).or_insert(next) }
    };
    let a: Vec<usize> = from.iter().map(&mut number).collect();
    let b: Vec<usize> = to.iter().map(&mut number).collect();
    let mut pairs = vec![None; a.len()];
    let same = |i: usize, j: usize| a[i] == b[j] && a[i] != 0;
    let mut head = 0;
    while head < a.len().min(b.len()) && same(head, head) {
        pairs[head] = Some(head);
        head += 1;
    }
    let mut tail = 0;
    while tail < a.len().min(b.len()) - head && same(a.len() - 1 - tail, b.len() - 1 - tail) {
        pairs[a.len() - 1 - tail] = Some(b.len() - 1 - tail);
        tail += 1;
    }
    let (n, m) = (a.len() - head - tail, b.len() - head - tail);
    if n * m <= MOST_PAIRS {
        for (i, j) in common(&a[head..head + n], &b[head..head + m]) {
            pairs[head + i] = Some(head + j);
        }
    }
    pairs
}

fn common(a: &[usize], b: &[usize]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut longest = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] && a[i] != 0 {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] && a[i] != 0 {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The word that begins at a byte; empty where none does.
fn word_at(line: &str, at: usize) -> &str {
    let rest = line.get(at..).unwrap_or_default();
    &rest[..rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())]
}

fn find_word(line: &str, word: &str) -> Option<usize> {
    if word.is_empty() {
        return None;
    }
    let alone = |at: usize| !line[..at].ends_with(is_word) && !line[at + word.len()..].starts_with(is_word);
    line.match_indices(word).map(|(at, _)| at).find(|at| alone(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "{{ config(materialized='table') }}\n\nwith a as (\n    select id,\n      {% for c in ['x', 'y'] %}\n      sum({{ c }}) as {{ c }}_total,\n      {% endfor %}\n      nope\n    from {{ ref('orders') }} as orders_alias\n)\nselect * from a";
    const COMPILED: &str = "with a as (\n    select id,\n      \n      sum(x) as x_total,\n      \n      sum(y) as y_total,\n      \n      nope\n    from `lab`.`shop`.`orders` as orders_alias\n)\nselect * from a";

    #[track_caller]
    fn place(needle: &str, wanted: &str) {
        let at = COMPILED.find(needle).expect("in the compiled text");
        let found = locate(SOURCE, COMPILED, at);
        assert!(SOURCE[found..].starts_with(wanted), "{needle}: {:?}", &SOURCE[found..]);
    }

    #[test]
    fn plain_lines_are_found_exactly() {
        place("nope", "nope");
        place("select id", "select id");
        place("id,", "id,");
    }

    #[test]
    fn rendered_lines_are_found_by_their_words_or_their_tags() {
        place("sum(x)", "sum({{ c }})");
        place("sum(y)", "sum({{ c }})");
        place("orders_alias", "orders_alias");
        place("`lab`", "{{ ref");
    }

    #[test]
    fn no_text_is_too_odd() {
        assert_eq!(locate("", "", 0), 0);
        assert_eq!(locate("a", "b\nc", 2), 0);
        assert_eq!(locate("", "select 1", 7), 0);
        assert_eq!(locate("é\nselect é, nope", "\nselect é, nope", 11), 13);
    }
}
