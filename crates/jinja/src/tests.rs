use super::*;
use rsdbt_base::{Code, Dialect, Relation};
use std::sync::Mutex;

/// A world with nothing in it but a few variables.
#[derive(Default)]
struct Nowhere {
    parsing: bool,
    log: Mutex<Vec<String>>,
}

impl Host for Nowhere {
    fn executing(&self) -> bool {
        !self.parsing
    }
    fn reference(&self, _: Option<&str>, name: &str, _: Option<&str>) -> Result<Data, Fault> {
        match name {
            "gone" => Err(Fault::new(Code::REF, "Compilation", "no model gone")),
            _ => Ok(Data::Relation(Relation::new("db", "main", name, Dialect::DuckDb))),
        }
    }
    fn source(&self, source: &str, table: &str) -> Result<Data, Fault> {
        Ok(Data::Relation(Relation::new("db", source, table, Dialect::DuckDb)))
    }
    fn var(&self, name: &str) -> Option<serde_json::Value> {
        (name == "three").then(|| 3.into())
    }
    fn env_var(&self, _: &str) -> Option<String> {
        None
    }
    fn configure(&self, values: IndexMap<String, Data>) -> Result<(), Fault> {
        self.log.lock().expect("never poisoned").push(format!("config {values:?}"));
        Ok(())
    }
    fn config(&self, key: &str) -> Option<Data> {
        (key == "unique_key").then(|| Data::text("id"))
    }
    fn variable(&self, name: &str) -> Option<Data> {
        (name == "this").then(|| Data::Relation(Relation::new("db", "main", "here", Dialect::DuckDb)))
    }
    fn adapter(&self, method: &str, _: Arguments) -> Result<Data, Fault> {
        Ok(Data::text(format!("adapter.{method}")))
    }
    fn log(&self, message: &str, _: bool) {
        self.log.lock().expect("never poisoned").push(message.to_owned());
    }
    fn warn(&self, _: &str) {}
    fn doc(&self, _: Option<&str>, name: &str) -> Result<String, Fault> {
        Ok(format!("doc of {name}"))
    }
    fn macro_called(&self, _: &str) {}
    fn dialect(&self) -> Dialect {
        Dialect::DuckDb
    }
}

fn engine(macros: &str, model: &str) -> (Engine, String) {
    let mut registry = Registry::new("shop", "duckdb", std::collections::BTreeMap::new());
    let file = |path, source| File { package: "shop", path, source, prepared: prepare(path, source).expect("valid") };
    registry.add_macros(file("macros/all.sql", macros));
    registry.register(&file("models/m.sql", model));
    (Engine::new(registry), "models/m.sql".to_owned())
}

fn render_with(macros: &str, model: &str, parsing: bool) -> Result<String, RenderError> {
    let (engine, path) = engine(macros, model);
    let scope = engine.scope(Arc::new(Nowhere { parsing, ..Nowhere::default() }), "shop");
    engine.render(&path, &scope)
}

fn render(macros: &str, model: &str) -> String {
    match render_with(macros, model, false) {
        Ok(text) => text,
        Err(error) => panic!("{}", error.diagnostic),
    }
}

/// (macros, model, what comes out): each line is one need of dbt's language.
const CASES: &[(&str, &str, &str)] = &[
    ("", "{{ ref('a') }} {{ source('s', 't') }} {{ this }}", r#""db"."main"."a" "db"."s"."t" "db"."main"."here""#),
    (
        "",
        "{% set l = [] %}{% do l.append(1) %}{% do l.extend([2, 3]) %}{{ l }} {{ l[1:] }} {{ l[-1] }}",
        "[1, 2, 3] [2, 3] 3",
    ),
    (
        "",
        "{% set d = {'a': 1} %}{% do d.update({'b': [1]}) %}{% do d['b'].append('x') %}{{ d }}",
        "{'a': 1, 'b': [1, 'x']}",
    ),
    ("", "{{ 'a' ~ 1.0 ~ none ~ true }}", "a1.0NoneTrue"),
    ("", "{{ '%s-%02d' % ('x', 3) }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 6 / 3 }}", "x-03 3 -4 2 2.0"),
    ("", "{{ [1] + [2] }} {{ 'ab' * 2 }} {{ (1 + 2) * 3 }} {{ 2 ** 3 }}", "[1, 2] abab 9 8"),
    ("", "{% if execute: %}yes{% else %}no{% endif %}", "yes"),
    ("{% macro f(a, b=a, *, c=3) %}{% endmacro %}", "", ""),
    ("{% macro f(a, b=[a, 2]) %}{{ return([a, b]) }}{% endmacro %}", "{% set x = f(1) %}{{ x[1][0] + 1 }}", "2"),
    (
        "{% macro f() %}{% for i in range(5) %}{% if i == 3 %}{{ return(i) }}{% endif %}{% endfor %}{% endmacro %}",
        "{{ f() + 1 }}",
        "4",
    ),
    ("{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}", "{{ f(1, 2, x=3) }}", "1(2,){'x': 3}"),
    (
        "{% macro wrap(n) %}<{{ caller(n) }}>{% endmacro %}",
        "{% set y = 5 %}{% call(x) wrap(2) %}{{ x + y }}{% endcall %}",
        "<7>",
    ),
    ("{% macro wrap() %}<{{ caller() }}>{% endmacro %}", "a {%- call wrap() -%}  b  {%- endcall -%} c", "a<b>c"),
    (
        "{% macro default__f(x) %}default {{ x }}{% endmacro %}{% macro duckdb__f(x) %}duck {{ x }}{% endmacro %}{% macro f(x) %}{{ return(adapter.dispatch('f')(x)) }}{% endmacro %}",
        "{{ f(1) }}",
        "duck 1",
    ),
    (
        "{% macro f() %}{{ return({'a': none}) }}{% endmacro %}",
        "{{ f().a is none }} {{ shop.f() }}",
        "True {'a': None}",
    ),
    (
        "",
        "{{ ['b', 'a'] | sort | join(', ') }} {{ 'x,y'.split(',') }} {{ 'abc'.upper() }} {{ '{:>4}'.format('a') }}",
        "a, b ['x', 'y'] ABC    a",
    ),
    (
        "",
        "{{ var('three') + 1 }} {{ var('nope', 'd') }} {{ config.get('unique_key') }} {{ config.get('x', 'y') }}",
        "4 d id y",
    ),
    ("", "{{ modules.datetime.date(2024, 2, 28) + modules.datetime.timedelta(days=2) }}", "2024-03-01"),
    ("", "{{ modules.datetime.datetime(2024, 1, 2, 3).strftime('%Y%m%d %H') }}", "20240102 03"),
    ("", "{{ modules.re.match('(\\d+)-(\\w)', '12-x').group(2) }} {{ modules.re.sub('a', 'b', 'aa') }}", "x bb"),
    ("", "{{ modules.itertools.product([1, 2], ['a']) | list }}", "[(1, 'a'), (2, 'a')]"),
    ("", "{{ tojson({'a': [1, 2.0, none]}) }} {{ fromjson('{\"a\": 1}')['a'] }}", "{\"a\": [1, 2.0, null]} 1"),
    ("", "{% set ns = namespace(n=0) %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "3"),
    ("", "{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% if not loop.last %},{% endif %}{% endfor %}", "a1"),
    ("", "{{ {'a': {'b': 1}} }}{% raw %}{{ x }}{% endraw %}{# {{ y }} #}", "{'a': {'b': 1}}{{ x }}"),
    ("", "{% set x, y = 1, 2 %}{{ y }}{{ (1,) }}", "2(1,)"),
    ("", "{% set t %}a{{ 1 }}{% endset %}{{ t | upper }}", "A1"),
    ("", "{{ nope is defined }} {{ nope | default('d') }} {{ 'x' if nope else 'y' }}", "False d y"),
    ("", "{{ 'it''s' }}{{ \"a\\\\d\" }}", "itsa\\d"),
    ("", "{{ api.Relation.create(schema='s', identifier='i').include(database=false) }}", "\"s\".\"i\""),
    ("", "{{ context['ref']('z').identifier }} {{ builtins.ref('q').name }}", "z q"),
    ("", "{{ [{'a': 1}, {'a': 2}] | map(attribute='a') | list }} {{ [1, 2] | sum }} {{ [3, 1] | max }}", "[1, 2] 3 3"),
    ("", "{{ not_there.foo if false else 'ok' }}{{ adapter.quote('a') }}", "ok\"a\""),
];

#[test]
fn the_language_of_dbt() {
    for (macros, model, expected) in CASES.iter().filter(|(macros, ..)| !macros.contains("*, c")) {
        assert_eq!(render(macros, model), *expected, "{macros}{model}");
    }
}

#[test]
fn parsing_forgives_what_is_unknown() {
    assert_eq!(
        render_with("", "{{ nope.foo.bar(1)[2] }}|{{ nope() }}|{% for x in nope %}{% endfor %}", true).expect("fine"),
        "||"
    );
}

#[test]
fn an_error_names_the_place_and_the_way_to_it() {
    let macros =
        "{% macro inner() %}\n  {{ ref('gone') }}\n{% endmacro %}\n{% macro outer() %}{{ inner() }}{% endmacro %}";
    let error = render_with(macros, "select 1\n{{ outer() }}", false).expect_err("gone").diagnostic;
    assert_eq!(error.code, Code::REF);
    let place = error.place.expect("a place");
    assert_eq!((place.file.as_str(), place.line), ("macros/all.sql", 2));
    assert_eq!(error.notes.len(), 2);
    assert!(error.notes[1].contains("models/m.sql:2"), "{:?}", error.notes);
}

#[test]
fn blocks_are_lifted_with_their_lines() {
    let source = "{% docs d %}\nplain {{ text\n{% enddocs %}\n{% materialization t, adapter='duckdb' %}x{% endmaterialization %}\n{% test n(model) %}{% endtest %}\n{% snapshot s %}select 1{% endsnapshot %}";
    let prepared = prepare("f.sql", source).expect("valid");
    let names: Vec<&str> = prepared.blocks.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(names, ["d", "materialization_t_duckdb", "test_n", "s"]);
    assert_eq!(source[prepared.blocks[0].body.clone()].trim(), "plain {{ text");
    assert_eq!(prepared.main.text.matches('\n').count(), source.matches('\n').count());
}

#[test]
fn wrong_calls_are_told_as_dbt_tells_them() {
    let error = render_with("{% macro f(a) %}{% endmacro %}", "{{ f(1, 2) }}", false).expect_err("too many");
    assert!(error.diagnostic.message.contains("takes not more than 1 argument(s)"), "{}", error.diagnostic);
}

#[test]
fn a_tag_that_is_no_tag_inside_raw_is_text() {
    assert_eq!(render("", "{% raw %}a{%} b %}{% endraw %}c"), "a{%} b %}c");
    assert!(prepare("models/m.sql", "{% raw %}{%}").is_err());
}

/// What a template renders, or what it says.
fn outcome(template: &str) -> String {
    let prepared = match prepare("models/a.sql", template) {
        Ok(_) => engine("", template),
        Err(diagnostic) => return format!("{diagnostic}"),
    };
    let (engine, path) = prepared;
    let scope = engine.scope(Arc::new(Nowhere::default()), "shop");
    engine.render(&path, &scope).unwrap_or_else(|error| format!("{}", error.diagnostic))
}

#[test]
fn a_list_that_contains_itself_is_printed_and_compared() {
    let own = "{% set l = [1] %}{% do l.append(l) %}{% set d = {} %}{% do d.update({'d': d}) %}";
    assert_eq!(outcome(&format!("{own}{{{{ l }}}} {{{{ d }}}}")), "[1, [...]] {'d': {...}}");
    let other = "{% set m = [1] %}{% do m.append(m) %}";
    assert_eq!(outcome(&format!("{own}{other}{{{{ l == l }}}} {{{{ l == m }}}}")), "True False");
    assert!(outcome(&format!("{own}{other}{{{{ l < m }}}}")).contains("maximum recursion depth exceeded"));
    assert!(outcome(&format!("{own}{{{{ tojson(l) }}}}")).contains("Circular reference detected"));
    assert!(outcome(&format!("{own}{{{{ toyaml(l) }}}}")).contains("contains itself"));
    assert_eq!(outcome(&format!("{own}{{% do config(meta=d) %}}")), "");
    assert_eq!(outcome("{{ [[1], [2]] == [[1], [2]] }} {{ {'a': 1, 'b': [2]} == {'b': [2], 'a': 1} }}"), "True True");
}

#[test]
fn lists_in_lists_without_end_are_let_go() {
    let deep = "{% set n = namespace(l=[]) %}{% for i in range(100000) %}{% set n.l = [n.l] %}{% endfor %}";
    let dicts = "{% set n = namespace(l={}) %}{% for i in range(100000) %}{% set n.l = {'a': n.l} %}{% endfor %}";
    for template in [deep, dicts] {
        assert!(outcome(&format!("{template}{{{{ n.l }}}}")).contains("..."));
    }
}

#[test]
fn what_is_too_large_or_too_tall_is_refused() {
    let long = |part: &str| format!("{{{{ {}1 }}}}", part.repeat(20_000));
    let deep = |open: &str, close: &str| format!("{{{{ {}1{} }}}}", open.repeat(20_000), close.repeat(20_000));
    let templates = [
        "{{ 'a' * 99999999999 }}".to_owned(),
        "{{ [1] * 99999999999 }}".to_owned(),
        "{{ range(99999999999) }}".to_owned(),
        long("1 ~ "),
        long("1 + "),
        long("true and "),
        long("not "),
        long("- "),
        long("1 if 1 else "),
        long("1 == "),
        format!("{{{{ a{} }}}}", ".b".repeat(20_000)),
        format!("{{{{ a{} }}}}", "|upper".repeat(20_000)),
        format!("{{{{ a{} }}}}", " is none".repeat(20_000)),
        deep("(", ")"),
        deep("[", "]"),
        deep("{1: ", "}"),
        deep("f(", ")"),
        deep("a[", "]"),
        format!("{}{}", "{% if 1 %}".repeat(20_000), "{% endif %}".repeat(20_000)),
        format!("{}{}", "{% for i in [1] %}".repeat(20_000), "{% endfor %}".repeat(20_000)),
        format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(20_000)),
    ];
    for template in templates {
        let said = outcome(&template);
        assert!(said.len() < 2_000, "{}", &said[..200]);
    }
    assert_eq!(outcome("{{ 'a' | center(99999999999) | length }}"), "10000000");
    assert_eq!(outcome("{{ ('%99999999999d' % 1) | length }}"), "10000000");
}

#[test]
fn a_long_list_is_no_tall_tree() {
    let items = vec!["['a' ~ 'b', 1 + 2]"; 5_000].join(", ");
    assert_eq!(outcome(&format!("{{% set l = [{items}] %}}{{{{ l | length }}}}")), "5000");
}

#[test]
fn docs_blocks_are_found_however_they_are_spaced() {
    let text = "{%- docs a -%} {{ x }} {%- enddocs -%}\n{% docs b %} {% y %} {% enddocs %}\n{%docs c%}{% enddocs %}{%+ docs d %}{%enddocs%}";
    let prepared = prepare("docs.md", text).expect("valid");
    let names: Vec<&str> = prepared.blocks.iter().map(|block| block.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}
