//! Laws that hold for every input: what is drawn at random here is made smaller by `proptest` when a law breaks.

use super::program::Project;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use rsdbt_bqlocal::{LocalBigQuery, LocalSession};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Checks a law on so many inputs, the same ones in every run.
fn always<S: Strategy>(cases: u32, inputs: &S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner =
        TestRunner::new_with_rng(config, proptest::test_runner::TestRng::deterministic_rng(Default::default()));
    if let Err(broken) = runner.run(inputs, law) {
        panic!("{broken}");
    }
}

// ---- Jinja: the pre-pass keeps lines -----------------------------------------------------------------------------

/// A piece of a template. `#` stands for a word that appears once, so that it can be found again.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "#\n",
        "# ",
        "\n",
        "{{ # }}",
        "{{ [1,\n #] }}",
        "{%- set a = {'x': [1,\n2],\n 'y': #} -%}\n",
        "{# a\n comment #}",
        "{% if # %}\n#{% elif # -%} # {% else %}\n\n{% endif %}",
        "{% for x in [\n1, #] %}\n{{ x ~ # }}{% endfor %}",
        "{% macro m_#(a,\n b=#) %}\n{{ a }}\n#{% endmacro %}",
        "{% call f(\n#) %}\n#\n{% endcall %}",
        "{% test t_#(model) -%}\n select # {% endtest %}",
        "{% snapshot s_# %}\n{{ config(a=#) }}\n{% endsnapshot %}",
        "{% docs d_# %}\n {{ no # }} {% enddocs %}",
        "{%- raw %} {{ #\n }} {% endraw -%}",
        "{{ 'é\\n' ~ #\n  | trim }}",
    ])
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count()
}

#[test]
fn the_prepass_keeps_lines() {
    let templates = prop::collection::vec(piece(), 0..12).prop_map(|pieces| {
        let mut words = 0;
        let numbered = |c: char| match c {
            '#' => {
                words += 1;
                format!("w{words}w")
            }
            other => other.to_string(),
        };
        pieces.concat().chars().map(numbered).collect::<String>()
    });
    always(600, &templates, |source| {
        let prepared = rsdbt_jinja::prepare("models/a.sql", &source)
            .map_err(|why| TestCaseError::fail(format!("{}\n{source}", why.message)))?;
        let lines = |text: &str| text.matches('\n').count();
        prop_assert_eq!(lines(&prepared.main.text), lines(&source), "{}", prepared.main.text);
        let templates = prepared.blocks.iter().map(|block| &block.template.text).chain([&prepared.main.text]);
        for text in templates {
            for word in (1..).map(|n| format!("w{n}w")).take_while(|word| source.contains(word.as_str())) {
                if let Some(at) = text.find(&word) {
                    let wrote = source.find(&word).map(|at| line_of(&source, at));
                    prop_assert_eq!(Some(line_of(text, at)), wrote, "{} in\n{}", word, text);
                }
            }
        }
        Ok(())
    });
}

// ---- selection is an algebra of sets -------------------------------------------------------------------------------

/// Twelve models in a lattice: each reads the two before it, every third is in a folder and has a tag.
fn lattice() -> Project {
    let model = |n: usize| {
        let parents = [1, 2].iter().filter(|back| n >= **back).map(|back| format!("{{{{ ref('m{}') }}}}", n - back));
        let from = parents.collect::<Vec<_>>().join(" union all select * from ");
        let tag = if n.is_multiple_of(3) { "{{ config(tags=['third']) }}" } else { "" };
        match n {
            0 => format!("{tag}select 1 as a"),
            _ => format!("{tag}select * from {from}"),
        }
    };
    let files: Vec<(String, String)> = (0..12usize)
        .map(|n| (format!("models/{}/m{n}.sql", if n.is_multiple_of(4) { "core" } else { "rest" }), model(n)))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    Project::duckdb(&files)
}

fn criterion() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        4 => (0..12).prop_map(|n| format!("m{n}")),
        1 => Just("tag:third".to_owned()),
        1 => Just("path:models/core".to_owned()),
        1 => Just("shop.rest".to_owned()),
    ];
    let before = prop::sample::select(vec!["", "", "+", "1+", "2+"]);
    let after = prop::sample::select(vec!["", "", "+", "+1", "+3"]);
    (before, value, after).prop_map(|(before, value, after)| format!("{before}{value}{after}"))
}

#[test]
fn selection_is_an_algebra_of_sets() {
    let project = lattice();
    let list = |arguments: &[&str]| -> BTreeSet<String> {
        let ran = project.run(&[&["ls", "--quiet", "--resource-type", "model"], arguments].concat()).ok();
        ran.out.lines().filter(|line| line.starts_with("shop.")).map(str::to_owned).collect()
    };
    assert_eq!(list(&[]).len(), 12);
    always(24, &(criterion(), criterion(), criterion()), |(a, b, c)| {
        let [of_a, of_b, of_c] = [&a, &b, &c].map(|text| list(&["--select", text]));
        let union: BTreeSet<String> = of_a.union(&of_b).cloned().collect();
        prop_assert_eq!(&list(&["--select", &a, &b]), &union);
        prop_assert_eq!(&list(&["--select", &format!("{b} {a}")]), &union);
        let both: BTreeSet<String> = of_a.intersection(&of_b).cloned().collect();
        prop_assert_eq!(&list(&["--select", &format!("{a},{b}")]), &both);
        let without: BTreeSet<String> = union.difference(&of_c).cloned().collect();
        prop_assert_eq!(&list(&["--select", &a, &b, "--exclude", &c]), &without);
        Ok(())
    });
}

// ---- what analysis accepts, DuckDB plans, with the columns that analysis promised --------------------------------------

/// The kinds of expressions, the columns of the table that have them, and what makes them out of others.
const GRAMMAR: &[(&str, &[&str], &[&str])] = &[
    (
        "int",
        &["i", "j", "7", "-3", "CAST(NULL AS INT64)"],
        &[
            "(int + int)",
            "int * int",
            "MOD(int, 5)",
            "IF(bool, int, int)",
            "COALESCE(int, int)",
            "LENGTH(str)",
            "CAST(num AS INT64)",
            "EXTRACT(DAYOFWEEK FROM date)",
            "DATE_DIFF(date, date, WEEK)",
            "ARRAY_LENGTH(arr)",
            "arr[SAFE_OFFSET(0)]",
            "(SELECT MAX(e) FROM UNNEST(arr) AS e)",
            "CASE int WHEN 1 THEN int ELSE int END",
            "GREATEST(int, int)",
            "ABS(int)",
            "SAFE_CAST(str AS INT64)",
            "NULLIF(int, int)",
            "st.x",
        ],
    ),
    (
        "num",
        &["f", "n", "2.5", "NUMERIC '1.25'"],
        &[
            "num / num",
            "num - int",
            "ROUND(num, 1)",
            "SAFE_DIVIDE(num, int)",
            "IFNULL(num, 0)",
            "LEAST(num, num)",
            "CAST(int AS FLOAT64)",
            "SQRT(ABS(num))",
            "IEEE_DIVIDE(num, num)",
        ],
    ),
    (
        "str",
        &["s", "'a%'", "''", "st.y"],
        &[
            "CONCAT(str, str)",
            "UPPER(str)",
            "SUBSTR(str, 2)",
            "str || str",
            "CAST(int AS STRING)",
            "FORMAT('%d', int)",
            "REPLACE(str, 'a', str)",
            "REGEXP_REPLACE(str, r'[a-c]', 'x')",
            "CAST(date AS STRING)",
            "IF(bool, str, NULL)",
            "TRIM(str)",
            "FORMAT_DATE('%F', date)",
            "JSON_VALUE(TO_JSON_STRING(STRUCT(str AS q)), '$.q')",
        ],
    ),
    (
        "bool",
        &["b", "TRUE", "NULL"],
        &[
            "(bool AND bool)",
            "(bool OR bool)",
            "NOT bool",
            "int < int",
            "num >= int",
            "str = str",
            "str LIKE str",
            "int IN (1, int)",
            "date BETWEEN date AND date",
            "str IS NULL",
            "EXISTS (SELECT 1 FROM UNNEST(arr) AS e WHERE e = int)",
            "int IN UNNEST(arr)",
            "STARTS_WITH(str, str)",
        ],
    ),
    (
        "date",
        &["d", "DATE '2024-02-29'"],
        &["DATE_ADD(date, INTERVAL int DAY)", "DATE_TRUNC(date, MONTH)", "LAST_DAY(date)", "DATE(2024, 1, 31)"],
    ),
    (
        "arr",
        &["a", "[1, 2]", "[]"],
        &[
            "ARRAY_CONCAT(arr, arr)",
            "ARRAY(SELECT e + int FROM UNNEST(arr) AS e ORDER BY e)",
            "GENERATE_ARRAY(1, 3)",
            "[int, int]",
        ],
    ),
];

const QUERIES: &[&str] = &[
    "SELECT int AS x, num AS y, str AS z FROM t WHERE bool",
    "SELECT str AS k, COUNT(*) AS c, SUM(int) AS s, AVG(num) AS m FROM t GROUP BY k HAVING COUNT(*) >= 0 ORDER BY c",
    "SELECT DISTINCT date AS x FROM t UNION ALL SELECT date FROM t",
    "WITH u AS (SELECT i, int AS x FROM t) SELECT t.i, u.x FROM t LEFT JOIN u ON t.i = u.i AND bool",
    "SELECT int AS x, ROW_NUMBER() OVER (PARTITION BY str ORDER BY int) AS r FROM t QUALIFY r = 1",
    "SELECT arr AS x, STRUCT(int AS p, str AS q) AS y FROM t",
    "SELECT e AS x, COUNTIF(bool) AS y FROM t, UNNEST(arr) AS e GROUP BY e",
    "FROM t |> EXTEND int AS x |> WHERE bool |> AGGREGATE SUM(x) AS y GROUP BY s",
];

/// A text in which every kind's name was replaced by an expression of the kind.
fn filled(template: &'static str, depth: u32) -> BoxedStrategy<String> {
    let kind_at = |text: &str, at: usize| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '\'';
        let alone = |from: usize, to: usize| !text[..from].ends_with(inside) && !text[to..].starts_with(inside);
        GRAMMAR.iter().position(|(kind, ..)| text[at..].starts_with(kind) && alone(at, at + kind.len()))
    };
    let (mut parts, mut plain) = (Vec::new(), 0);
    for (at, _) in template.char_indices() {
        if let Some(kind) = kind_at(template, at) {
            parts.push((Just(template[plain..at].to_owned()).boxed(), expression(kind, depth)));
            plain = at + GRAMMAR[kind].0.len();
        }
    }
    (parts, Just(template[plain..].to_owned()))
        .prop_map(|(parts, rest)| {
            parts.into_iter().flat_map(|(text, filled)| [text, filled]).collect::<String>() + &rest
        })
        .boxed()
}

fn expression(kind: usize, depth: u32) -> BoxedStrategy<String> {
    let (_, leaves, made) = GRAMMAR[kind];
    let leaf = prop::sample::select(leaves).prop_map(str::to_owned);
    match depth {
        0 => leaf.boxed(),
        _ => prop_oneof![1 => leaf, 2 => prop::sample::select(made).prop_flat_map(move |template| filled(template, depth - 1))].boxed(),
    }
}

fn warehouse() -> LocalSession {
    let mut session =
        LocalBigQuery::open(None, "lab", "").and_then(|db| db.connect()).expect("an empty warehouse opens");
    let rows = "CREATE SCHEMA d; CREATE TABLE d.t AS
        SELECT 1 AS i, 2 AS j, 1.5 AS f, NUMERIC '2.5' AS n, 'abc' AS s, TRUE AS b, DATE '2024-05-06' AS d, [1, 2] AS a, STRUCT(1 AS x, 'q' AS y) AS st
        UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, [], NULL";
    session.run(rows).expect("rows");
    session
}

#[test]
fn what_analysis_accepts_duckdb_plans() {
    let session = RefCell::new(warehouse());
    let accepted = RefCell::new(0);
    let queries = prop::sample::select(QUERIES).prop_flat_map(|template| filled(template, 3));
    always(400, &queries, |query| {
        let query = query.replace("FROM t", "FROM d.t AS t").replace("JOIN t", "JOIN d.t AS t");
        let mut session = session.borrow_mut();
        // What BigQuery would refuse (a type that does not fit) is no case of this law.
        let Ok(promised) = session.describe(&query) else { return Ok(()) };
        *accepted.borrow_mut() += 1;
        match session.run(&query) {
            Ok(table) => {
                let given: Vec<_> = table.columns.iter().map(|c| (&c.name, &c.data_type)).collect();
                let promised: Vec<_> = promised.iter().map(|c| (&c.name, &c.data_type)).collect();
                prop_assert_eq!(given, promised, "{}", query);
            }
            Err(why) => {
                let planning = ["Parser Error", "Binder Error", "Catalog Error", "INTERNAL"];
                prop_assert!(!planning.iter().any(|kind| why.message.contains(kind)), "{}\n{}", why.message, query);
            }
        }
        Ok(())
    });
    assert!(*accepted.borrow() > 200, "only {} of 400 queries were accepted", accepted.borrow());
}
