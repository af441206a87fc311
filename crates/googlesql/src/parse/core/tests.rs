//! Which grammar reads what, and that both read the same.

use super::super::Parser;

/// The statement as sqlparser and the lowering give it, if they do.
fn by_core(text: &str) -> Option<String> {
    let mut parser = Parser::new(text).ok()?;
    parser.core(|core| core.statement()).map(|kind| bare(&format!("{kind:?}")))
}

fn by_hand(text: &str) -> Option<String> {
    let mut parser = Parser::new(text).ok()?;
    parser.statement_kind().ok().map(|kind| bare(&format!("{kind:?}")))
}

/// A tree's text without positions.
fn bare(tree: &str) -> String {
    let positions = regex::Regex::new(r"\b(at|end): \d+(, )?|, \d+\)").expect("a regular expression");
    positions.replace_all(tree, "").into_owned()
}

/// Read by sqlparser.
const ORDINARY: &[&str] = &[
    "SELECT 1 AS a, 'x' b, r'\\d' || \"y\", b'\\xff', '''tri\"ple'''",
    "SELECT a.b.c[OFFSET(0)], `p.d.t`.x FROM `p.d.t` AS t WHERE a > 1 AND NOT b LIKE 'x%' OR c IS NOT NULL",
    "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT * EXCEPT (x), a.* REPLACE (x + 1 AS x) FROM a, b ORDER BY 1 DESC LIMIT 5 OFFSET 2",
    "SELECT * FROM a JOIN b USING (id) LEFT JOIN c ON b.id = c.id CROSS JOIN d",
    "SELECT a, COUNT(*) AS n, SUM(DISTINCT b) FROM t GROUP BY a HAVING n > 1",
    "SELECT a FROM t GROUP BY ROLLUP (a, b), CUBE (c)",
    "SELECT a, SUM(b) FROM t GROUP BY GROUPING SETS ((a, b), (a), ())",
    "SELECT x, ROW_NUMBER() OVER (PARTITION BY a ORDER BY b DESC NULLS LAST) AS r FROM t QUALIFY r = 1",
    "SELECT SUM(x) OVER w, FIRST_VALUE(x IGNORE NULLS) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t WINDOW w AS (ORDER BY y)",
    "SELECT * FROM UNNEST([1, 2, 3]) AS x WITH OFFSET AS i WHERE x IN UNNEST([1]) AND i NOT IN (SELECT 1)",
    "SELECT * FROM t, UNNEST(t.items) AS item LEFT JOIN UNNEST(item.parts) AS part",
    "SELECT STRUCT(1 AS a, 'x' AS b), STRUCT<a INT64, b ARRAY<STRUCT<c STRING>>>(1, []), (1, 2), ARRAY<ARRAY<INT64>>[]",
    "SELECT ARRAY(SELECT x FROM t), ARRAY_AGG(x IGNORE NULLS ORDER BY y DESC LIMIT 3), EXISTS(SELECT 1), ANY_VALUE(x HAVING MAX y)",
    "SELECT DATE '2020-01-01', TIMESTAMP \"2020-01-01\", INTERVAL 5 DAY, CAST(x AS NUMERIC(10, 2)), SAFE_CAST(x AS DATE FORMAT 'YYYY')",
    "SELECT EXTRACT(WEEK(MONDAY) FROM d), EXTRACT(hour FROM ts AT TIME ZONE 'UTC'), DATE_TRUNC(d, MONTH), CURRENT_DATE",
    "SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END, IF(a, b, c), SUBSTR(x, 1), TRIM(x, 'y'), SAFE.SUBSTR(x, -1), ML.F(@p, @@zone, ?)",
    "SELECT 1 << 2 | 3 & 4 ^ ~5, -x * 2, a BETWEEN 1 AND 2 = TRUE, 16 >> 2",
    "SELECT AS STRUCT a, b FROM (SELECT DISTINCT 1 AS a, 2 AS b)",
    "(SELECT 1 UNION ALL SELECT 2) EXCEPT DISTINCT SELECT 3",
    "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2020-01-01'",
    "SELECT * FROM t PIVOT (SUM(x) FOR k IN ('a' AS a, 'b'))",
    "SELECT ((SELECT 1)), f(x => 1)",
    "INSERT INTO d.t (a, b) VALUES (1, DEFAULT), (2, 'x')",
    "INSERT d.t (a) SELECT a FROM s",
    "UPDATE d.t SET a = s.a, b.c = 1 FROM s WHERE t.id = s.id",
    "DELETE FROM d.t AS x WHERE x.a IS NULL",
    "MERGE INTO d.t AS t USING (SELECT 1 AS id) AS s ON t.id = s.id WHEN MATCHED AND s.id > 1 THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id) WHEN NOT MATCHED BY SOURCE THEN DELETE",
    "CREATE OR REPLACE TABLE d.t PARTITION BY DATE(ts) CLUSTER BY a, b OPTIONS (description = 'x') AS SELECT 1 AS a",
    "CREATE TABLE IF NOT EXISTS d.t (a INT64 NOT NULL, b STRUCT<c STRING> OPTIONS (description = 'x'))",
    "CREATE OR REPLACE VIEW d.v OPTIONS (description = 'x') AS SELECT 1 AS a",
    "DROP TABLE IF EXISTS d.t",
    "FROM t |> WHERE a > 1 |> SELECT a, b AS c |> ORDER BY a |> LIMIT 3",
];

/// Read by the grammar of our own.
const EXOTIC: &[&str] = &[
    "SELECT * FROM ML.PREDICT(MODEL d.m, TABLE d.t)",
    "CREATE MODEL d.m OPTIONS (model_type = 'linear_reg') AS SELECT 1 AS x, 2 AS label",
    "SELECT 1 AS a FULL UNION ALL BY NAME SELECT 2 AS b",
    "SELECT 1 AS a UNION ALL CORRESPONDING SELECT 2 AS a",
    "SELECT RANGE<DATE> '[2020-01-01, UNBOUNDED)'",
    "SELECT * FROM t, t.items AS item WITH OFFSET AS i",
    "FROM t |> AGGREGATE COUNT(*) AS n GROUP BY a",
    "SELECT x LIKE ANY ('a', 'b')",
    "SELECT WITH (a AS 1, a + 1)",
    "BEGIN SELECT 1; END",
    "LOOP BREAK; END LOOP",
    "DECLARE x INT64 DEFAULT 1",
    "SELECT 1 UNION SELECT 2",
    "DELETE d.t",
];

#[test]
fn ordinary_statements_go_through_sqlparser_and_mean_the_same() {
    for text in ORDINARY {
        assert!(by_core(text).is_some(), "sqlparser: {text}");
        // the grammar of our own stumbles over `((SELECT 1) + 1)` and the like, but not over these
        assert_eq!(by_core(text), by_hand(text), "{text}");
    }
}

#[test]
fn exotic_statements_go_to_the_grammar_of_our_own() {
    for text in EXOTIC {
        assert_eq!(by_core(text), None, "{text}");
    }
}

#[test]
fn positions_are_byte_offsets() {
    let text = "SELECT 'ü',\n  nope + f(1)";
    let statements = crate::parse::script(text).expect("parses");
    let tree = format!("{statements:?}");
    for (word, at) in [("nope", 15), ("f", 22)] {
        assert_eq!(text.find(word), Some(at), "{word}");
        assert!(tree.contains(&format!("\"{word}\", at: {at}")), "{word}: {tree}");
    }
}

#[test]
fn deep_brackets_cost_no_time() {
    for (open, inner, close) in
        [("(", "1", ")"), ("f(", "x", ")"), ("IF(", "a b c", ")"), ("[", "1", "]"), ("(SELECT ", "1", ")")]
    {
        let text = format!("SELECT {}{inner}{} FROM", open.repeat(24), close.repeat(24));
        let start = std::time::Instant::now();
        assert_eq!(by_core(&text), None);
        let from = format!("SELECT * FROM {}a JOIN b{} x", "(".repeat(24), ")".repeat(24));
        assert_eq!(by_core(&from), None);
        assert!(start.elapsed().as_secs() < 2, "{text}: {:?}", start.elapsed());
    }
}

#[test]
fn the_statements_of_a_block_take_their_own_path() {
    let text = "IF TRUE THEN SELECT ((SELECT 1) + 1); END IF; SELECT * FROM ML.PREDICT(MODEL m, TABLE t)";
    assert_eq!(crate::parse::script(text).map(|statements| statements.len()), Ok(2));
}

/// Statements that the two grammars read differently, and both rightly: none is known.
#[test]
fn the_fixtures_mean_the_same_in_both_grammars() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sql");
    let (mut both, mut apart) = (0, Vec::new());
    for file in rsdbt_sys::walk(&fixtures) {
        let text = rsdbt_sys::read(&file).expect("a fixture");
        for block in text.split("```bigquery\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
            for statement in block.split(';').filter(|part| !part.trim().is_empty()) {
                if let (Some(core), Some(hand)) = (by_core(statement), by_hand(statement)) {
                    both += 1;
                    if core != hand {
                        apart.push(format!("{statement}\n  sqlparser: {core}\n  by hand:   {hand}"));
                    }
                }
            }
        }
    }
    assert!(both > 500, "only {both} statements were read by both");
    assert!(apart.is_empty(), "{} of {both} differ:\n{}", apart.len(), apart.join("\n"));
}
