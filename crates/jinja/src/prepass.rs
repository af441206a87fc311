//! Turns dbt's Jinja into what stock minijinja compiles: macros, tests, materializations, snapshots, docs and call bodies
//! are lifted into templates of their own, expressions are rewritten. Line numbers never change.

use super::lex::{self, Segment, SyntaxError, Tag, Token, TokenKind, Trim, fail};
use super::reader::Reader;
use super::rope::Rope;
use super::structure::Structure;
use std::collections::BTreeSet;
use std::ops::Range;

/// Rewritten text and where its parts come from: pairs (offset here, offset in the file).
#[derive(Debug, Clone, Default)]
pub struct Template {
    pub text: String,
    pub origins: Vec<(usize, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    Macro,
    Test,
    Materialization,
    Snapshot,
    Docs,
    /// The body of a `{% call %}`.
    Call,
}

#[derive(Debug, Clone)]
pub struct Parameter {
    pub name: String,
    pub optional: bool,
}

/// A block lifted out of a file.
#[derive(Debug, Clone)]
pub struct Block {
    pub kind: BlockKind,
    /// dbt's internal name: `test_x`, `materialization_x_adapter`; a number for call bodies.
    pub name: String,
    pub parameters: Vec<Parameter>,
    pub template: Template,
    /// The block as written, tags included.
    pub range: Range<usize>,
    /// What stands between its tags, as written.
    pub body: Range<usize>,
    /// `supported_languages` of a materialization.
    pub languages: Vec<String>,
}

/// A whole file: its text outside of blocks, and the blocks.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    pub main: Template,
    pub blocks: Vec<Block>,
}

struct Open {
    kind: BlockKind,
    name: String,
    parameters: Vec<Parameter>,
    languages: Vec<String>,
    tag: Tag,
    out: Rope,
    /// What replaces a call block in the text around it.
    call: Option<Call>,
    names: BTreeSet<String>,
}

struct Call {
    expression: Rope,
    trim: Trim,
}

struct Prepass<'s> {
    source: &'s str,
    stack: Vec<Open>,
    main: Rope,
    blocks: Vec<Block>,
    calls: usize,
    names: BTreeSet<String>,
    structure: Structure,
}

/// Prepares one file. Line ends are expected to be `\n`.
pub fn prepare(source: &str) -> Result<Prepared, SyntaxError> {
    let mut pass = Prepass {
        source,
        stack: Vec::new(),
        main: Rope::new(),
        blocks: Vec::new(),
        calls: 0,
        names: BTreeSet::new(),
        structure: Structure::default(),
    };
    pass.run()?;
    let (text, origins) = pass.main.finish();
    Ok(Prepared { main: Template { text, origins }, blocks: pass.blocks })
}

/// An expression alone, as it stands in YAML; `free_names` tells whether it names anything.
pub fn prepare_expression(source: &str, tag: &Tag) -> Result<(String, bool), SyntaxError> {
    let mut reader = Reader::new(source, &tag.tokens, tag.range.end);
    let rope = reader.tuple(true)?;
    reader.finish()?;
    Ok((rope.text(), !reader.names.is_empty()))
}

impl<'s> Prepass<'s> {
    fn run(&mut self) -> Result<(), SyntaxError> {
        let mut from = 0;
        while from < self.source.len() {
            // `docs` bodies are plain text: the rest is cut again after each of them.
            let rest = &self.source[from..];
            let cut = match docs_tag(rest) {
                Some(at) => from + at,
                None => self.source.len(),
            };
            self.segments(from..cut)?;
            from = if cut < self.source.len() { self.docs(cut)? } else { cut };
        }
        self.structure.finish()
    }

    fn segments(&mut self, range: Range<usize>) -> Result<(), SyntaxError> {
        // Cut on the whole text up to the end of the range, so that offsets stay those of the file.
        let text = &self.source[..range.end];
        let padded: String;
        let found = if range.start == 0 {
            lex::segments(text)?
        } else {
            padded = " ".repeat(range.start) + &text[range.start..];
            lex::segments(&padded)?
        };
        for segment in found {
            self.segment(segment, range.start)?;
        }
        Ok(())
    }

    fn segment(&mut self, segment: Segment, from: usize) -> Result<(), SyntaxError> {
        match segment {
            Segment::Text(range) => {
                let range = range.start.max(from)..range.end;
                let source = self.source;
                self.out().copy(source, range);
            }
            Segment::Comment(range) | Segment::Raw(range) => {
                let source = self.source;
                self.out().copy(source, range);
            }
            Segment::Expression(tag) => {
                let rope = self.rewrite(&tag, |reader| reader.tuple(true))?;
                self.tag("{{", &tag, rope, "}}");
            }
            Segment::Statement(tag) => self.statement(tag)?,
        }
        Ok(())
    }

    fn out(&mut self) -> &mut Rope {
        match self.stack.last_mut() {
            Some(open) => &mut open.out,
            None => &mut self.main,
        }
    }

    fn rewrite(
        &mut self,
        tag: &Tag,
        read: impl FnOnce(&mut Reader) -> Result<Rope, SyntaxError>,
    ) -> Result<Rope, SyntaxError> {
        let mut reader = Reader::new(self.source, &tag.tokens, tag.range.end);
        let mut rope = read(&mut reader)?;
        reader.finish()?;
        let names = std::mem::take(&mut reader.names);
        self.stack.last_mut().map_or(&mut self.names, |open| &mut open.names).extend(names);
        // White space (line breaks) between the last token and the end of the tag.
        let last = tag.tokens.last().map_or(tag.range.start, |token| token.range.end);
        let missing = self.source[tag.range.clone()].matches('\n').count() - rope.lines();
        if missing > 0 && last < tag.range.end {
            rope.push("\n".repeat(missing));
        }
        Ok(rope)
    }

    fn tag(&mut self, open: &str, tag: &Tag, inside: Rope, close: &str) {
        let out = self.out();
        out.push(format!("{open}{}", tag.open.sign()));
        out.append(inside);
        out.push(format!(" {}{close}", tag.close.sign()));
    }

    fn statement(&mut self, mut tag: Tag) -> Result<(), SyntaxError> {
        let Some(first) = tag.tokens.first() else { return fail("tag name expected", tag.range.start) };
        let (word, place) = (self.source[first.range.clone()].to_owned(), first.range.start);
        // Jinja2 allows a colon at the end of a statement.
        if tag.tokens.len() > 1 && tag.tokens.last().is_some_and(|t| self.source[t.range.clone()] == *":") {
            tag.tokens.pop();
        }
        self.structure.tag(&word, tag_opens(&word, &tag, self.source), place)?;
        match word.as_str() {
            "macro" | "test" | "data_test" | "materialization" | "snapshot" => self.open_block(&word, tag),
            "endmacro" | "endtest" | "enddata_test" | "endmaterialization" | "endsnapshot" => {
                self.close_block(&word, tag)
            }
            "call" => self.open_call(tag),
            "endcall" => self.close_call(tag),
            "set" => self.plain(tag, read_set),
            "for" => self.plain(tag, read_for),
            "with" => self.plain(tag, read_with),
            "if" | "elif" | "filter" => self.plain(tag, read_expression),
            "do" => self.plain(tag, read_do),
            "else" | "endif" | "endfor" | "endset" | "endfilter" | "endwith" | "break" | "continue" | "autoescape"
            | "endautoescape" => self.plain(tag, read_words),
            "include" | "import" | "from" | "extends" | "block" => {
                fail(format!("dbt has no {{% {word} %}}: macros are found by name in every file"), place)
            }
            _ => fail(format!("Encountered unknown tag '{word}'."), place),
        }
    }

    fn plain(&mut self, tag: Tag, read: fn(&mut Reader) -> Result<Rope, SyntaxError>) -> Result<(), SyntaxError> {
        let rope = self.rewrite(&tag, read)?;
        self.tag("{%", &tag, rope, "%}");
        Ok(())
    }

    fn open_block(&mut self, word: &str, tag: Tag) -> Result<(), SyntaxError> {
        if self.stack.iter().any(|open| open.kind != BlockKind::Call) {
            return fail(format!("{{% {word} %}} cannot stand inside another block"), tag.range.start);
        }
        let mut reader = Reader::new(self.source, &tag.tokens, tag.range.end);
        reader.at = 1;
        let base = reader.name()?;
        let mut prologue = Rope::new();
        let mut parameters = Vec::new();
        let mut languages = Vec::new();
        let (kind, name) = match word {
            "macro" => (BlockKind::Macro, base),
            "snapshot" => (BlockKind::Snapshot, base),
            "materialization" => {
                let (adapter, listed) = materialization_header(&mut reader)?;
                languages = listed;
                (BlockKind::Materialization, format!("materialization_{base}_{adapter}"))
            }
            _ => (BlockKind::Test, format!("test_{base}")),
        };
        if matches!(kind, BlockKind::Macro | BlockKind::Test) {
            parameters = read_parameters(&mut reader, &mut prologue)?;
        }
        reader.finish()?;
        let mut out = line_padding(self.source, tag.range.end);
        if !parameters.is_empty() {
            out.push(prologue.text().replace('\n', " "));
        }
        trim_start(&mut out, tag.close);
        self.stack.push(Open { kind, name, parameters, languages, tag, out, call: None, names: BTreeSet::new() });
        Ok(())
    }

    fn close_block(&mut self, word: &str, tag: Tag) -> Result<(), SyntaxError> {
        let wanted = match self.stack.last().map(|open| open.kind) {
            Some(BlockKind::Macro) => "endmacro",
            Some(BlockKind::Materialization) => "endmaterialization",
            Some(BlockKind::Snapshot) => "endsnapshot",
            Some(BlockKind::Test) if word == "enddata_test" => "enddata_test",
            Some(BlockKind::Test) => "endtest",
            Some(BlockKind::Call) => "endcall",
            _ => return fail(format!("'{word}' without a block that it ends"), tag.range.start),
        };
        if wanted != word {
            return fail(format!("'{word}' where '{wanted}' is expected"), tag.range.start);
        }
        let Some(mut open) = self.stack.pop() else { return Ok(()) };
        trim_end(&mut open.out, tag.open);
        let hole = self.source[open.tag.range.start..tag.range.end].matches('\n').count();
        let (text, origins) = open.out.finish();
        self.out().push(format!("{{#{}{}{}#}}", open.tag.open.sign(), "\n".repeat(hole), tag.close.sign()));
        self.blocks.push(Block {
            kind: open.kind,
            name: open.name,
            parameters: open.parameters,
            template: Template { text, origins },
            range: open.tag.range.start..tag.range.end,
            body: open.tag.range.end..tag.range.start,
            languages: open.languages,
        });
        Ok(())
    }

    /// `{% call(x) f(a) %}body{% endcall %}` becomes `{{ f(a, caller=_caller(id, names)) }}`.
    fn open_call(&mut self, tag: Tag) -> Result<(), SyntaxError> {
        let mut reader = Reader::new(self.source, &tag.tokens, tag.range.end);
        reader.at = 1;
        let mut prologue = Rope::new();
        let parameters = if reader.peek() == "(" { read_parameters(&mut reader, &mut prologue)? } else { Vec::new() };
        let expression = reader.ternary()?;
        reader.finish()?;
        let names = std::mem::take(&mut reader.names);
        let mut out = line_padding(self.source, tag.range.end);
        out.push(prologue.text().replace('\n', " "));
        trim_start(&mut out, tag.close);
        let call = Some(Call { expression, trim: tag.open });
        self.calls += 1;
        let name = self.calls.to_string();
        self.stack.push(Open { kind: BlockKind::Call, name, parameters, languages: Vec::new(), tag, out, call, names });
        Ok(())
    }

    fn close_call(&mut self, tag: Tag) -> Result<(), SyntaxError> {
        if self.stack.last().map(|open| open.kind) != Some(BlockKind::Call) {
            return fail("'endcall' without 'call'", tag.range.start);
        }
        let Some(mut open) = self.stack.pop() else { return Ok(()) };
        let Some(call) = open.call.take() else { return Ok(()) };
        trim_end(&mut open.out, tag.open);
        let (expression, origins) = call.expression.finish();
        let Some(body) = expression.trim_end().strip_suffix(')') else {
            return fail("'call' needs a macro call", open.tag.range.start);
        };
        let separator = if body.trim_end().ends_with('(') { "" } else { ", " };
        let names: Vec<&str> = open.names.iter().map(String::as_str).collect();
        let hole = self.source[open.tag.range.start..tag.range.end].matches('\n').count();
        let padding = "\n".repeat(hole.saturating_sub(body.matches('\n').count()));
        let first = origins.first().copied();
        let text = format!("{body}{separator}caller=_caller('{}', '{}')){padding} ", open.name, names.join(","));
        let outer: BTreeSet<String> = open.names;
        let out = self.out();
        out.push(format!("{{{{{}", call.trim.sign()));
        match first {
            // The call itself keeps its place; the rest of the text is made.
            Some((0, offset)) => out.append(Rope::placed(text, offset)),
            _ => out.push(text),
        }
        out.push(format!("{}}}}}", tag.close.sign()));
        self.stack.last_mut().map_or(&mut self.names, |around| &mut around.names).extend(outer);
        let (text, origins) = open.out.finish();
        self.blocks.push(Block {
            kind: BlockKind::Call,
            name: open.name,
            parameters: open.parameters,
            template: Template { text, origins },
            range: open.tag.range.start..tag.range.end,
            body: open.tag.range.end..tag.range.start,
            languages: Vec::new(),
        });
        Ok(())
    }

    /// Lifts a `{% docs name %}` block, whose body is text that nothing looks into. Returns where it ends.
    fn docs(&mut self, start: usize) -> Result<usize, SyntaxError> {
        let Some(length) = self.source[start..].find("%}") else {
            return fail("unexpected end of template, expected '%}'", start);
        };
        let open_end = start + length + 2;
        let header = self.source[start..open_end].trim_matches(|c: char| "{}%-+".contains(c) || c.is_whitespace());
        let name = header.trim_start_matches("docs").trim().to_owned();
        if name.is_empty() {
            return fail("a docs block needs a name", start);
        }
        let Some(close) = lex::end_tag(self.source, open_end, &["enddocs"]) else {
            return fail(format!("docs block '{name}' is never closed"), start);
        };
        let hole = self.source[start..close.end].matches('\n').count();
        self.out().push(format!("{{#{}#}}", "\n".repeat(hole)));
        self.blocks.push(Block {
            kind: BlockKind::Docs,
            name,
            parameters: Vec::new(),
            template: Template::default(),
            range: start..close.end,
            body: open_end..close.start,
            languages: Vec::new(),
        });
        Ok(close.end)
    }
}

/// Where the first `{% docs` begins, however it is spaced and signed.
fn docs_tag(text: &str) -> Option<usize> {
    let is_docs = |at: &usize| {
        let inside = text[at + 2..].trim_start_matches(['-', '+']).trim_start();
        inside
            .strip_prefix("docs")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || "%-+".contains(c)))
    };
    text.match_indices("{%").map(|(at, _)| at).find(is_docs)
}

/// A comment with as many line breaks as the file has before `offset`: lines of lifted text equal the file's.
fn line_padding(source: &str, offset: usize) -> Rope {
    let lines = source[..offset].matches('\n').count();
    if lines == 0 { Rope::new() } else { Rope::made(format!("{{#{}#}}", "\n".repeat(lines))) }
}

fn trim_start(out: &mut Rope, trim: Trim) {
    if trim == Trim::Minus {
        out.push("{#- -#}");
    }
}

fn trim_end(out: &mut Rope, trim: Trim) {
    if trim == Trim::Minus {
        out.push("{#- -#}");
    }
}

fn materialization_header(reader: &mut Reader) -> Result<(String, Vec<String>), SyntaxError> {
    let mut adapter = "default".to_owned();
    let mut languages = vec!["sql".to_owned()];
    while reader.peek() == "," {
        reader.at += 1;
        match reader.name()?.as_str() {
            "default" => {}
            "adapter" => {
                reader.expect("=", &mut Rope::new())?;
                adapter = literal(reader)?;
            }
            "supported_languages" => {
                reader.expect("=", &mut Rope::new())?;
                reader.expect("[", &mut Rope::new())?;
                languages.clear();
                while reader.peek() != "]" {
                    if reader.peek() == "," {
                        reader.at += 1;
                        continue;
                    }
                    languages.push(literal(reader)?);
                }
                reader.at += 1;
            }
            other => return fail(format!("a materialization has no option '{other}'"), reader.offset()),
        }
    }
    Ok((adapter, languages))
}

fn literal(reader: &mut Reader) -> Result<String, SyntaxError> {
    match reader.next().map(|token: &Token| token.kind.clone()) {
        Some(TokenKind::Str(text)) => Ok(text),
        _ => fail("expected a string", reader.offset()),
    }
}

/// `(a, b: int = 1)`; defaults become statements at the head of the lifted template.
fn read_parameters(reader: &mut Reader, prologue: &mut Rope) -> Result<Vec<Parameter>, SyntaxError> {
    let mut found: Vec<Parameter> = Vec::new();
    let mut skipped = Rope::new();
    reader.expect("(", &mut skipped)?;
    while reader.peek() != ")" {
        let name = reader.name()?;
        if reader.peek() == ":" {
            skip_annotation(reader)?;
        }
        let optional = reader.peek() == "=";
        if !optional && found.last().is_some_and(|before: &Parameter| before.optional) {
            return fail("non-default argument follows default argument", reader.offset());
        }
        if optional {
            reader.at += 1;
            let default = reader.ternary()?;
            prologue.push(format!("{{%if {name} is _unset_argument%}}{{%set {name} ="));
            prologue.append(default);
            prologue.push("%}{%endif%}");
        }
        found.push(Parameter { name, optional });
        if reader.peek() == "," {
            reader.at += 1;
        } else if reader.peek() != ")" {
            return reader.unexpected("expected token ','");
        }
    }
    reader.expect(")", &mut skipped)?;
    Ok(found)
}

/// `: Dict[str, int]`: types of parameters are read over.
fn skip_annotation(reader: &mut Reader) -> Result<(), SyntaxError> {
    let mut depth = 0usize;
    reader.at += 1;
    loop {
        match reader.peek() {
            "[" | "(" => depth += 1,
            "]" => depth = depth.saturating_sub(1),
            "," | ")" | "=" if depth == 0 => return Ok(()),
            ")" => depth -= 1,
            _ if reader.done() => return reader.unexpected("expected token ')'"),
            _ => {}
        }
        reader.at += 1;
    }
}

/// Whether a tag opens a block: `set` does without a value only.
fn tag_opens(word: &str, tag: &Tag, source: &str) -> bool {
    word != "set" || !tag.tokens.iter().any(|token| token.kind == TokenKind::Op && source[token.range.clone()] == *"=")
}

fn read_expression(reader: &mut Reader) -> Result<Rope, SyntaxError> {
    let mut whole = Rope::new();
    reader.take(&mut whole);
    whole.append(reader.tuple(true)?);
    Ok(whole)
}

/// minijinja does calls only.
fn read_do(reader: &mut Reader) -> Result<Rope, SyntaxError> {
    let mut whole = Rope::new();
    reader.take(&mut whole);
    whole.append(reader.tuple(true)?.wrapped(" _done(", ")"));
    Ok(whole)
}

fn read_words(reader: &mut Reader) -> Result<Rope, SyntaxError> {
    let mut whole = Rope::new();
    while !reader.done() {
        reader.take(&mut whole);
    }
    Ok(whole)
}

fn read_set(reader: &mut Reader) -> Result<Rope, SyntaxError> {
    let mut whole = Rope::new();
    reader.take(&mut whole);
    if reader.peek() == "=" {
        return fail(format!("unexpected {}", reader.here()), reader.offset());
    }
    loop {
        match reader.peek() {
            "=" => {
                reader.take(&mut whole);
                whole.append(reader.tuple(true)?);
                return Ok(whole);
            }
            // A block set with a filter: `{% set x | upper %}`.
            "|" => {
                reader.at -= 1;
                let mut target = reader.ternary()?;
                let mut out = Rope::made("set");
                out.append(std::mem::take(&mut target));
                return Ok(out);
            }
            _ if reader.done() => return Ok(whole),
            _ => reader.take(&mut whole),
        }
    }
}

fn read_for(reader: &mut Reader) -> Result<Rope, SyntaxError> {
    let mut whole = Rope::new();
    while reader.peek() != "in" {
        if reader.done() {
            return reader.unexpected("expected token 'in'");
        }
        reader.take(&mut whole);
    }
    reader.take(&mut whole);
    whole.append(reader.tuple(false)?.wrapped(" _iter(", ")"));
    if reader.peek() == "if" {
        reader.take(&mut whole);
        whole.append(reader.ternary()?);
    }
    if reader.peek() == "recursive" {
        reader.take(&mut whole);
    }
    Ok(whole)
}

fn read_with(reader: &mut Reader) -> Result<Rope, SyntaxError> {
    let mut whole = Rope::new();
    reader.take(&mut whole);
    while !reader.done() {
        reader.take(&mut whole);
        reader.expect("=", &mut whole)?;
        whole.append(reader.ternary()?);
        if reader.peek() == "," {
            reader.take(&mut whole);
        }
    }
    Ok(whole)
}
