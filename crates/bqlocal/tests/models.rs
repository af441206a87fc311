//! Models as statements make, keep and use them. Figures of BigQuery's own are in the program's tests (`bqml`).

use rsdbt_bqlocal::{LocalBigQuery, LocalSession};
use rsdbt_warehouse::{Table, Value};

fn session() -> LocalSession {
    let mut session =
        LocalBigQuery::open(None, "local", "lab").and_then(|db| db.connect()).expect("an empty warehouse");
    run(&mut session, "create schema if not exists lab");
    session
}

#[track_caller]
fn run(session: &mut LocalSession, sql: &str) -> Table {
    session.run(sql).unwrap_or_else(|why| panic!("{}\n{sql}", why.message))
}

#[track_caller]
fn refused(session: &mut LocalSession, sql: &str, words: &str) {
    let why = session.run(sql).expect_err(sql);
    assert!(why.message.contains(words), "{} does not say: {words}\n{sql}", why.message);
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Float(value) => *value,
        Value::Int(value) => *value as f64,
        other => panic!("{other:?} is no number"),
    }
}

/// 1,000 rows: a line with a wave on it, a word, and a class of three.
const ROWS: &str = "create table points as
    select x, mod(x * 7919, 100) / 10 as a, 3.0 * x + mod(x * 31, 17) as y, chr(97 + mod(x, 5)) as word,
        case when mod(x * 31, 17) < 5 then 'low' when mod(x * 31, 17) < 11 then 'mid' else 'top' end as class,
        mod(x * 31, 17) / 4 as wave, mod(x, 4) = 0 as held
    from unnest(generate_array(1, 1000)) as x";

const METHODS: [(&str, i64); 5] = [
    ("data_split_method = 'NO_SPLIT'", 1_000),
    ("data_split_method = 'AUTO_SPLIT'", 200),
    ("data_split_method = 'RANDOM', data_split_eval_fraction = 0.3", 300),
    ("data_split_method = 'SEQ', data_split_col = 'x', data_split_eval_fraction = 0.1", 100),
    ("data_split_method = 'CUSTOM', data_split_col = 'held'", 250),
];

/// What ML.EVALUATE says of the rows that the stored metrics are made of: for a split by order or by a column these rows can
/// be named; the others are told from the training by their number only.
fn rows_of(method: &str) -> Option<&'static str> {
    match method {
        method if method.contains("NO_SPLIT") => Some("true"),
        method if method.contains("SEQ") => Some("x > 900"),
        method if method.contains("CUSTOM") => Some("held"),
        _ => None,
    }
}

fn close(a: &Table, b: &Table, what: &str) {
    assert_eq!(a.rows.len(), b.rows.len());
    for (x, y) in a.rows.iter().flatten().zip(b.rows.iter().flatten()) {
        let (x, y) = (float(x), float(y));
        assert!((x - y).abs() <= 1e-12 * x.abs().max(1.0), "{what}: {x} and {y}");
    }
}

#[test]
fn stored_metrics_are_those_of_the_same_rows() {
    let mut session = session();
    run(&mut session, ROWS);
    for (method, _) in METHODS {
        for (kind, label) in [("linear_reg", "y"), ("logistic_reg", "class")] {
            let list = format!("x, a, word, wave, held, {label}");
            let options = format!("options (model_type = '{kind}', input_label_cols = ['{label}'], {method})");
            run(&mut session, &format!("create or replace model m {options} as select {list} from points"));
            let stored = run(&mut session, "select * from ml.evaluate(model m)");
            // the same rows in another order make the same model
            let shuffled = format!("select {list} from points order by farm_fingerprint(cast(x as string))");
            run(&mut session, &format!("create or replace model n {options} as {shuffled}"));
            close(&stored, &run(&mut session, "select * from ml.evaluate(model n)"), method);
            if let Some(condition) = rows_of(method) {
                let sql = format!("select * from ml.evaluate(model m, (select {list} from points where {condition}))");
                close(&stored, &run(&mut session, &sql), method);
            }
        }
    }
}

#[test]
fn splits_keep_as_many_rows_as_they_say() {
    let mut session = session();
    run(&mut session, ROWS);
    for (method, held) in METHODS {
        let sql = format!(
            "create or replace model m options (model_type = 'linear_reg', input_label_cols = ['y'],
                optimize_strategy = 'normal_equation', {method}) as select x, a, held, y from points"
        );
        run(&mut session, &sql);
        // the number of training rows is the sum that the loss is the mean of; without noise in a the nulls tell it
        let info = run(&mut session, "select eval_loss is null from ml.training_info(model m)");
        assert_eq!(info.rows[0][0], Value::Bool(held == 1_000), "{method}");
    }
}

#[test]
fn a_random_query_is_asked_once() {
    let mut session = session();
    run(
        &mut session,
        "create model m options (model_type = 'linear_reg', input_label_cols = ['y'], data_split_method = 'NO_SPLIT') as
         select x, 2 * x + noise as y, noise from (select x, rand() as noise from unnest(generate_array(1, 400)) as x)",
    );
    // asked twice, the noise of the metrics would not be the noise of the training
    let judged = run(&mut session, "select mean_absolute_error, r2_score from ml.evaluate(model m)");
    assert!(float(&judged.rows[0][0]) < 1e-9 && float(&judged.rows[0][1]) > 1.0 - 1e-12, "{judged:?}");
}

#[test]
fn a_view_sees_the_model_of_today() {
    let mut session = session();
    let train = |slope: i64, extra: &str| {
        format!(
            "create or replace model m options (model_type = 'linear_reg', input_label_cols = ['y'],
                optimize_strategy = 'normal_equation', data_split_method = 'NO_SPLIT') as
             select x, {slope} * x as y {extra} from unnest(generate_array(1, 20)) as x"
        )
    };
    run(&mut session, &train(2, ""));
    run(
        &mut session,
        "create view v as select round(predicted_y, 6) as y from ml.predict(model m, (select 10 as x, 5 as z))",
    );
    run(&mut session, "create view ws as select processed_input, round(weight, 6) as w from ml.weights(model m)");
    run(&mut session, "create view e as select round(r2_score, 6) as r from ml.evaluate(model m)");
    assert_eq!(run(&mut session, "select y from v").rows, [[Value::Float(20.0)]]);
    run(&mut session, &train(3, ", mod(x, 3) as z"));
    assert_eq!(run(&mut session, "select y from v").rows, [[Value::Float(30.0)]]);
    let found = run(&mut session, "select w from ws where processed_input = 'x'");
    assert_eq!(found.rows, [[Value::Float(3.0)]]);
    run(&mut session, "drop model m");
    // Tables of a model that is gone are empty: COMPATIBILITY.md.
    assert!(run(&mut session, "select * from ws").rows.is_empty());
    refused(&mut session, "select * from v", "Not found: Model");
    refused(&mut session, "select * from ml.predict(model m, (select 1 as x))", "Not found: Model");
    run(&mut session, &train(5, ""));
    assert_eq!(run(&mut session, "select y from v").rows, [[Value::Float(50.0)]]);
}

#[test]
fn labels_keep_their_type() {
    let mut session = session();
    let cases = [
        ("if(x > 5, 1.5, 0.25)", "FLOAT64", "1.5"),
        ("if(x > 5, numeric '1.5', numeric '0.25')", "NUMERIC", "numeric '1.5'"),
        ("if(x > 5, date '2024-02-01', date '2024-01-01')", "DATE", "date '2024-02-01'"),
        (
            "if(x > 5, timestamp '2024-02-01 10:00:00.5+00', timestamp '2024-01-01 00:00:00+00')",
            "TIMESTAMP",
            "timestamp '2024-02-01 10:00:00.5+00'",
        ),
        ("if(x > 5, 7, -2)", "INT64", "7"),
        ("if(x > 5, 'it''s', 'a')", "STRING", "'it''s'"),
        ("x > 5", "BOOL", "true"),
    ];
    for (label, ty, high) in cases {
        let label = label.replace("''", "\\'");
        let high = high.replace("''", "\\'");
        run(
            &mut session,
            &format!(
                "create or replace model m options (model_type = 'logistic_reg', input_label_cols = ['y']) as
                 select x, {label} as y from unnest(generate_array(1, 10)) as x"
            ),
        );
        let found = run(
            &mut session,
            &format!(
                "select predicted_y, predicted_y = {high} and predicted_y_probs[offset(0)].label = {high} as same
                 from ml.predict(model m, (select 10 as x))"
            ),
        );
        assert_eq!((found.columns[0].data_type.as_str(), &found.rows[0][1]), (ty, &Value::Bool(true)), "{label}");
        let accuracy = run(
            &mut session,
            &format!(
                "select accuracy from ml.evaluate(model m, (select x, {label} as y from unnest(generate_array(1, 10)) as x))"
            ),
        );
        assert_eq!(accuracy.rows[0][0], Value::Float(1.0), "{label}");
    }
}

#[test]
fn many_classes_are_predicted_in_moments() {
    let mut session = session();
    run(
        &mut session,
        "create model m options (model_type = 'logistic_reg', input_label_cols = ['c'], data_split_method = 'NO_SPLIT') as
         select x, x * x as s, 'c' || cast(div(x, 20) as string) as c from unnest(generate_array(0, 399)) as x",
    );
    let found = run(
        &mut session,
        "select count(*), min(array_length(predicted_c_probs)), max(abs(1 - (select sum(prob) from unnest(predicted_c_probs))))
         from ml.predict(model m, (select x, x * x as s from unnest(generate_array(0, 20000)) as x))",
    );
    assert_eq!(found.rows[0][..2], [Value::Int(20_001), Value::Int(20)]);
    assert!(float(&found.rows[0][2]) < 1e-12);
}

#[test]
fn a_category_of_many_values_trains_in_moments() {
    let mut session = session();
    run(
        &mut session,
        "create model m options (model_type = 'linear_reg', input_label_cols = ['y'], data_split_method = 'NO_SPLIT') as
         select 'w' || cast(mod(x, 1500) as string) as word, mod(x, 1500) / 7 + x / 1000 as y, x from unnest(generate_array(1, 6000)) as x",
    );
    let found = run(&mut session, "select count(*) from ml.training_info(model m)");
    // fewer rows than ten a weight: the documentation's automatic choice is gradient descent
    assert!(float(&found.rows[0][0]) > 1.0);
}

#[test]
fn statements_of_models_that_cannot_be() {
    let mut session = session();
    let body = "options (model_type = 'kmeans', num_clusters = 2) as select x from unnest([1.0, 2.0, 9.0]) as x";
    run(&mut session, &format!("create model m {body}"));
    run(&mut session, "create table t as select 1 as x");
    let cases = [
        (format!("create model m {body}"), "Already Exists: Model m"),
        (format!("create model t {body}"), "Already Exists: t is a table or view"),
        (format!("create model nowhere.m {body}"), "Not found: Dataset nowhere"),
        (format!("create or replace model if not exists m {body}"), "both OR REPLACE and IF NOT EXISTS"),
        ("create table m as select 1 as x".to_owned(), "Already Exists: m is a model"),
        ("create or replace view M as select 1 as x".to_owned(), "Already Exists: M is a model"),
        ("drop model n".to_owned(), "Not found: Model n"),
        ("alter model n set options (description = 'x')".to_owned(), "Not found: Model n"),
        ("alter model m set options (num_clusters = 3)".to_owned(), "not an option of ALTER MODEL"),
        ("drop schema lab".to_owned(), "still in use"),
        (
            "create model n options (model_type = 'kmeans', num_clusters = hparam_range(2, 3)) as select 1 as x".to_owned(),
            "HPARAM_RANGE",
        ),
        (
            "create model n options (model_type = 'kmeans') as select x from unnest([1.0, cast('inf' as float64)]) as x"
                .to_owned(),
            "the column x has a value that is NaN or infinite",
        ),
        (
            "create model n options (model_type = 'linear_reg') as select 1 as x, 'y' as label".to_owned(),
            "the label of LINEAR_REG must be a number, label is STRING",
        ),
        (
            "create model n options (model_type = 'logistic_reg') as select 1 as x, 'y' as label".to_owned(),
            "LOGISTIC_REG needs 2 to 50 values",
        ),
        (
            "create model n options (model_type = 'linear_reg') as select 1 as x".to_owned(),
            "the training query has no column label",
        ),
        (
            "create model n options (model_type = 'kmeans', num_clusters = 3) as select 1 as x".to_owned(),
            "3 clusters need at least as many rows",
        ),
        ("create model n options (model_type = 'kmeans') as select 1 as x limit 0".to_owned(), "gives no rows"),
        (
            "create model n options (model_type = 'linear_reg', learn_rate_strategy = 'constant', learn_rate = 1e9,
                optimize_strategy = 'batch_gradient_descent', early_stop = false, max_iterations = 500) as
             select x, x as label from unnest([1.0, 2.0, 9.0]) as x"
                .to_owned(),
            "the training diverges",
        ),
        ("select * from ml.predict(model m, (select 'a' as x))".to_owned(), "the feature x is STRING"),
        ("select * from ml.predict(model m, (select 1 as z))".to_owned(), "the input has no column x"),
        (
            "select * from ml.predict(model m, (select 1 as x), struct(0.5 as threshold))".to_owned(),
            "threshold is no argument of ML.PREDICT",
        ),
        (
            "select * from ml.centroids(model m, struct(true as standardise))".to_owned(),
            "standardise is no argument of ML.CENTROIDS",
        ),
        ("select * from ml.weights(model m)".to_owned(), "needs a linear or logistic model"),
        ("select * from ml.detect_anomalies(model m, (select 1 as x))".to_owned(), "ML.DETECT_ANOMALIES needs STRUCT"),
        (
            "select * from ml.detect_anomalies(model m, struct(0.7 as contamination), (select 1 as x))".to_owned(),
            "contamination of ML.DETECT_ANOMALIES must be",
        ),
    ];
    for (sql, words) in cases {
        refused(&mut session, &sql, words);
    }
    run(&mut session, &format!("create model if not exists m {body}"));
    run(&mut session, "drop model if exists n");
    run(&mut session, "alter model if exists n set options (description = 'x')");
}

#[test]
fn a_failed_training_keeps_the_model_and_leaves_nothing() {
    let mut session = session();
    let options = "options (model_type = 'kmeans', num_clusters = 2) as select";
    run(&mut session, &format!("create model m {options} x from unnest([1.0, 2.0, 9.0]) as x"));
    refused(&mut session, &format!("create or replace model m {options} 1 as x"), "at least as many rows");
    let found = run(&mut session, "select count(*) from ml.centroids(model m)");
    assert_eq!(found.rows[0][0], Value::Int(2));
    let left = session.duckdb().query("select 1 from duckdb_tables() where table_name = '_rsdbt_training'");
    assert!(left.expect("the catalog").rows.is_empty());
}

#[test]
fn what_is_kept_of_a_model_is_readable() {
    let mut session = session();
    let sql = "create or replace model m options (model_type = 'linear_reg', input_label_cols = ['y'], description = 'd',
        labels = [('team', 'a')], expiration_timestamp = timestamp_add(timestamp '2030-01-01 00:00:00+00', interval 1 day)) as
        select x, 2 * x as y, 'w' as word from unnest([1, 2, 3]) as x";
    run(&mut session, sql);
    run(&mut session, sql);
    run(&mut session, "alter model m set options (description = null, friendly_name = 'f')");
    let kept = session
        .duckdb()
        .query(
            "select name, type, format_version, options, features, label, transform, generation from _rsdbt_ml.models",
        )
        .expect("the store");
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        kept.rows,
        [[
            text("lab.m"),
            text("LINEAR_REG"),
            Value::Int(2),
            text(
                "{\"model_type\":\"linear_reg\",\"input_label_cols\":[\"y\"],\"labels\":[[\"team\",\"a\"]],\"expiration_timestamp\":1893542400000000,\"friendly_name\":\"f\"}"
            ),
            text("[[\"x\",\"INT64\"],[\"word\",\"STRING\"]]"),
            text("y"),
            Value::Null,
            Value::Int(2),
        ]]
    );
}

#[test]
fn models_go_with_their_dataset() {
    let mut session = session();
    run(&mut session, "create schema other");
    let body = "options (model_type = 'kmeans', num_clusters = 2) as select x from unnest([1.0, 2.0, 9.0]) as x";
    run(&mut session, &format!("create model other.m {body}"));
    run(&mut session, &format!("create model m {body}"));
    run(&mut session, "drop schema other cascade");
    refused(&mut session, "select * from ml.centroids(model other.m)", "Not found: Model other.m");
    run(&mut session, "create schema other");
    run(&mut session, "drop schema other");
    run(&mut session, "select * from ml.centroids(model m)");
}

#[test]
fn curves_and_confusions_count_the_rows() {
    let mut session = session();
    run(
        &mut session,
        "create model m options (model_type = 'logistic_reg', input_label_cols = ['y'], data_split_method = 'NO_SPLIT',
             l2_reg = 0.1, max_iterations = 100, class_weights = [struct('0', 1.0), struct('1', 1.0)]) as
         select x, if(mod(if(x < 50, x, 99 - x), 10) = 0, 1 - div(x, 50), div(x, 50)) as y from unnest(generate_array(0, 99)) as x",
    );
    let data = "(select x, if(mod(if(x < 50, x, 99 - x), 10) = 0, 1 - div(x, 50), div(x, 50)) as y from unnest(generate_array(0, 99)) as x)";
    let matrix = run(&mut session, &format!("select * from ml.confusion_matrix(model m, {data})"));
    let names: Vec<&str> = matrix.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!((names, matrix.columns[0].data_type.as_str()), (vec!["expected_label", "_0", "_1"], "INT64"));
    assert_eq!(matrix.rows, [[0, 45, 5], [1, 5, 45]].map(|row| row.map(Value::Int)));
    let all =
        run(&mut session, &format!("select * from ml.confusion_matrix(model m, {data}, struct(0.0 as threshold))"));
    assert_eq!(all.rows, [[0, 0, 50], [1, 0, 50]].map(|row| row.map(Value::Int)));
    let curve = run(&mut session, &format!("select * from ml.roc_curve(model m, {data}, [0.0, 0.5, 1.0])"));
    let names: Vec<&str> = curve.columns.iter().map(|c| c.name.as_str()).collect();
    let expected = [
        "threshold",
        "recall",
        "false_positive_rate",
        "true_positives",
        "false_positives",
        "true_negatives",
        "false_negatives",
    ];
    assert_eq!(names, expected);
    let rows: Vec<Vec<f64>> = curve.rows.iter().map(|row| row.iter().map(float).collect()).collect();
    assert_eq!(
        rows,
        [
            [0.0, 1.0, 1.0, 50.0, 50.0, 0.0, 0.0],
            [0.5, 0.9, 0.1, 45.0, 5.0, 45.0, 5.0],
            [1.0, 0.0, 0.0, 0.0, 0.0, 50.0, 50.0]
        ]
    );
    let default = run(&mut session, &format!("select count(*), max(threshold) from ml.roc_curve(model m, {data})"));
    assert!(float(&default.rows[0][0]) > 50.0 && float(&default.rows[0][1]) < 1.0, "{default:?}");
}

#[test]
fn weights_come_with_their_errors_and_rows_with_explanations() {
    let mut session = session();
    run(&mut session, ROWS);
    run(
        &mut session,
        "create model m options (model_type = 'linear_reg', input_label_cols = ['y'], data_split_method = 'NO_SPLIT',
             category_encoding_method = 'dummy_encoding', calculate_p_values = true, enable_global_explain = true) as
         select x, a, word, y from points",
    );
    let sure = run(&mut session, "select * from ml.advanced_weights(model m)");
    let names: Vec<&str> = sure.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["processed_input", "category", "weight", "standard_error", "p_value"]);
    let row = |name: &str, category: Option<&str>| {
        let wanted = category.map_or(Value::Null, |c| Value::Text(c.to_owned()));
        let found = sure.rows.iter().find(|row| row[0] == Value::Text(name.to_owned()) && row[1] == wanted);
        found.unwrap_or_else(|| panic!("{name} {category:?} in {:?}", sure.rows)).clone()
    };
    let x = row("x", None);
    assert!((float(&x[2]) - 3.0).abs() < 0.01 && float(&x[3]) > 0.0 && float(&x[4]) < 1e-6, "{x:?}");
    // the most frequent word is left out: of equally frequent ones the first
    assert_eq!(row("word", Some("a"))[2..], [Value::Float(0.0), Value::Null, Value::Null]);
    assert!(matches!(row("word", Some("b"))[4], Value::Float(p) if p > 0.01));
    let parts = run(&mut session, "select feature from ml.global_explain(model m)");
    assert_eq!(parts.rows[0][0], Value::Text("x".into()));
    let told = run(
        &mut session,
        "select predicted_y, baseline_prediction_value + (select sum(attribution) from unnest(top_feature_attributions)),
             prediction_value, top_feature_attributions[offset(0)].feature, array_length(top_feature_attributions)
         from ml.explain_predict(model m, (select * from points where x = 1000))",
    );
    let row = &told.rows[0];
    assert!((float(&row[0]) - float(&row[1])).abs() < 1e-9 && row[0] == row[2], "{row:?}");
    assert_eq!(row[3..], [Value::Text("x".into()), Value::Int(3)]);
    let one = run(
        &mut session,
        "select array_length(top_feature_attributions)
         from ml.explain_predict(model m, (select * from points where x = 1000), struct(1 as top_k_features))",
    );
    assert_eq!(one.rows[0][0], Value::Int(1));
}

#[test]
fn columns_of_one_name_do_not_hide_a_feature() {
    let mut session = session();
    run(
        &mut session,
        "create model m options (model_type = 'linear_reg', input_label_cols = ['y'], optimize_strategy = 'normal_equation') as
         select x, 2 * x as y, x + 1 as _p from unnest([1, 2, 3, 4]) as x",
    );
    let found = run(
        &mut session,
        "select round(predicted_y, 6) from ml.predict(model m, (select t.x, u.X as z, 5 as _p from (select 4 as x) t, (select 9 as X) u))",
    );
    assert_eq!(found.rows, [[Value::Float(8.0)]]);
}

/// The columns of a result: `name TYPE, ...`.
fn schema(session: &mut LocalSession, sql: &str) -> String {
    let columns = run(session, sql).columns;
    columns.iter().map(|c| format!("{} {}", c.name, c.data_type)).collect::<Vec<_>>().join(", ")
}

#[test]
fn functions_give_bigquerys_columns() {
    let mut session = session();
    run(&mut session, ROWS);
    let train = |kind: &str, more: &str, list: &str| {
        format!("create or replace model {kind} options (model_type = '{kind}' {more}) as select {list} from points")
    };
    let regression =
        ", category_encoding_method = 'dummy_encoding', calculate_p_values = true, enable_global_explain = true";
    run(&mut session, &train("linear_reg", &format!("{regression}, input_label_cols = ['y']"), "a, word, y"));
    run(&mut session, &train("logistic_reg", ", input_label_cols = ['held']", "a, word, held"));
    run(&mut session, &train("kmeans", ", num_clusters = 2", "a, word"));
    run(&mut session, &train("pca", ", num_principal_components = 2", "a, x, word"));
    run(
        &mut session,
        "create model classes options (model_type = 'logistic_reg', input_label_cols = ['class']) as select a, class from points",
    );
    let cases = [
        ("predict(model linear_reg, (select a, word from points))", "predicted_y FLOAT64, a FLOAT64, word STRING"),
        (
            "predict(model logistic_reg, (select a, word from points), struct(0.4 as threshold))",
            "predicted_held BOOL, predicted_held_probs ARRAY<STRUCT<label BOOL, prob FLOAT64>>, a FLOAT64, word STRING",
        ),
        (
            "predict(model classes, (select a from points))",
            "predicted_class STRING, predicted_class_probs ARRAY<STRUCT<label STRING, prob FLOAT64>>, a FLOAT64",
        ),
        (
            "predict(model kmeans, (select word, a from points))",
            "CENTROID_ID INT64, NEAREST_CENTROIDS_DISTANCE ARRAY<STRUCT<CENTROID_ID INT64, DISTANCE FLOAT64>>, word STRING, a FLOAT64",
        ),
        ("predict(model pca, (select * from points))", "principal_component_1 FLOAT64, principal_component_2 FLOAT64"),
        (
            "evaluate(model linear_reg)",
            "mean_absolute_error FLOAT64, mean_squared_error FLOAT64, mean_squared_log_error FLOAT64, median_absolute_error FLOAT64, r2_score FLOAT64, explained_variance FLOAT64",
        ),
        (
            "evaluate(model logistic_reg, table points)",
            "precision FLOAT64, recall FLOAT64, accuracy FLOAT64, f1_score FLOAT64, log_loss FLOAT64, roc_auc FLOAT64",
        ),
        ("evaluate(model kmeans)", "davies_bouldin_index FLOAT64, mean_squared_distance FLOAT64"),
        ("evaluate(model pca)", "total_explained_variance_ratio FLOAT64"),
        (
            "centroids(model kmeans, struct(true as standardize))",
            "centroid_id INT64, feature STRING, numerical_value FLOAT64, categorical_value ARRAY<STRUCT<category STRING, value FLOAT64>>",
        ),
        (
            "weights(model linear_reg)",
            "processed_input STRING, weight FLOAT64, category_weights ARRAY<STRUCT<category STRING, weight FLOAT64>>",
        ),
        (
            "weights(model classes)",
            "processed_input STRING, weight FLOAT64, category_weights ARRAY<STRUCT<category STRING, weight FLOAT64>>, class_label STRING",
        ),
        (
            "advanced_weights(model linear_reg, struct(true as standardize))",
            "processed_input STRING, category STRING, weight FLOAT64, standard_error FLOAT64, p_value FLOAT64",
        ),
        (
            "training_info(model logistic_reg)",
            "training_run INT64, iteration INT64, loss FLOAT64, eval_loss FLOAT64, learning_rate FLOAT64, duration_ms INT64",
        ),
        ("training_info(model pca)", "training_run INT64, iteration INT64, duration_ms INT64"),
        (
            "feature_info(model linear_reg)",
            "input STRING, min FLOAT64, max FLOAT64, mean FLOAT64, median FLOAT64, stddev FLOAT64, category_count INT64, null_count INT64, dimension INT64",
        ),
        ("confusion_matrix(model logistic_reg, table points)", "expected_label BOOL, false INT64, true INT64"),
        ("confusion_matrix(model classes, table points)", "expected_label STRING, low INT64, mid INT64, top INT64"),
        (
            "detect_anomalies(model kmeans, struct(0.1 as contamination), (select a, word from points))",
            "is_anomaly BOOL, normalized_distance FLOAT64, CENTROID_ID INT64, a FLOAT64, word STRING",
        ),
        (
            "detect_anomalies(model pca, struct(0.1 as contamination), (select a, x, word from points))",
            "is_anomaly BOOL, mean_squared_error FLOAT64, a FLOAT64, x INT64, word STRING",
        ),
        (
            "explain_predict(model logistic_reg, (select a, word from points), struct(2 as top_k_features))",
            "predicted_held BOOL, probability FLOAT64, top_feature_attributions ARRAY<STRUCT<feature STRING, attribution FLOAT64>>, baseline_prediction_value FLOAT64, prediction_value FLOAT64, approximation_error FLOAT64, a FLOAT64, word STRING",
        ),
        ("global_explain(model linear_reg)", "feature STRING, attribution FLOAT64"),
        (
            "principal_components(model pca)",
            "principal_component_id INT64, feature STRING, numerical_value FLOAT64, categorical_value ARRAY<STRUCT<category STRING, value FLOAT64>>",
        ),
        (
            "principal_component_info(model pca)",
            "principal_component_id INT64, eigenvalue FLOAT64, explained_variance_ratio FLOAT64, cumulative_explained_variance_ratio FLOAT64",
        ),
    ];
    for (call, expected) in cases {
        assert_eq!(schema(&mut session, &format!("select * from ml.{call}")), expected, "{call}");
    }
}
