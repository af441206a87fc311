//! BigQuery ML on a public table, against the figures that BigQuery itself gives (`tests/fixtures/bqml/README.md`).

use rsdbt_bqlocal::{LocalBigQuery, LocalSession};
use rsdbt_warehouse::{Table, Value};

const NUMBERS: [&str; 4] = ["culmen_length_mm", "culmen_depth_mm", "flipper_length_mm", "body_mass_g"];
/// Rows from which Lloyd's steps lead where BigQuery's run ended: its own random start is not known.
const START: [usize; 3] = [69, 177, 146];

/// A session with the table `penguins`; `start` marks the rows of `START`.
fn penguins() -> LocalSession {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bqml/penguins.csv");
    let mut reader = csv::Reader::from_path(path).expect("the fixture is there");
    let names = reader.headers().expect("a header").clone();
    let mut rows = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let record = record.expect("a row");
        let cell = |(name, text): (&str, &str)| match text {
            "" => "null".to_owned(),
            number if NUMBERS.contains(&name) => number.to_owned(),
            word => format!("'{word}'"),
        };
        let cells: Vec<String> = names.iter().zip(&record).map(cell).collect();
        rows.push(format!("({}, {})", cells.join(", "), START.contains(&at)));
    }
    let kind = |name| if NUMBERS.contains(&name) { "float64" } else { "string" };
    let types: Vec<String> = names.iter().map(|name| format!("{name} {}", kind(name))).collect();
    let mut session =
        LocalBigQuery::open(None, "local", "lab").and_then(|db| db.connect()).expect("an empty warehouse");
    run(&mut session, "create schema if not exists lab");
    let rows = rows.join(",\n");
    let script =
        format!("create table penguins as select * from unnest([struct<{}, start bool>{rows}])", types.join(", "));
    run(&mut session, &script);
    session
}

fn run(session: &mut LocalSession, sql: &str) -> Table {
    session.run(sql).unwrap_or_else(|why| panic!("{}\n{sql}", why.message))
}

#[track_caller]
fn close(table: &Table, expected: &[&[f64]]) {
    assert_eq!(table.rows.len(), expected.len());
    for (row, expected) in table.rows.iter().zip(expected) {
        for (value, expected) in row.iter().zip(*expected) {
            let Value::Float(value) = value else { panic!("{value:?} is no FLOAT64") };
            assert!((value - expected).abs() <= 1e-5 * expected.abs(), "{value} is not {expected}");
        }
    }
}

#[test]
fn k_means_ends_at_bigquerys_centroids() {
    let mut session = penguins();
    run(
        &mut session,
        "create model segments options (model_type = 'kmeans', num_clusters = 3, kmeans_init_method = 'custom',
             kmeans_init_col = 'start') as
         select culmen_length_mm, culmen_depth_mm, flipper_length_mm, sex, start from penguins",
    );
    let centroids = run(
        &mut session,
        "select max(if(feature = 'culmen_length_mm', numerical_value, null)) as length,
             max(if(feature = 'culmen_depth_mm', numerical_value, null)),
             max(if(feature = 'flipper_length_mm', numerical_value, null)),
             max((select value from unnest(categorical_value) where category = 'FEMALE'))
         from ml.centroids(model segments) group by centroid_id order by length",
    );
    // The last flipper is 217.040123 in Google's file, which the rows of its cluster do not give: a slip of the pen.
    close(
        &centroids,
        &[
            &[38.207813, 18.03125, 187.992188, 0.625],
            &[47.036346, 18.834808, 197.1612, 0.282609],
            &[47.509677, 14.993548, 217.040323, 0.475806],
        ],
    );
    let judged = run(
        &mut session,
        "select davies_bouldin_index, mean_squared_distance from ml.evaluate(model segments, (
             select 37.5 as culmen_length_mm, 18.5 as culmen_depth_mm, 199.0 as flipper_length_mm, 'MALE' as sex
             union all select 55.8, 19.8, 207.0, 'MALE'
             union all select 39.7, 18.9, 184.0, 'MALE'
             union all select 43.8, 13.9, 208.0, 'FEMALE'))",
    );
    close(&judged, &[&[1.523606, 1.965944]]);
}

#[test]
fn linear_regression_is_bigquerys_to_the_last_digit() {
    let mut session = penguins();
    run(
        &mut session,
        "create model mass options (model_type = 'linear_reg', input_label_cols = ['body_mass_g'],
             data_split_method = 'NO_SPLIT') as
         select * except (start) from penguins where body_mass_g is not null",
    );
    let judged = run(
        &mut session,
        "select mean_absolute_error, mean_squared_error, median_absolute_error, r2_score, explained_variance
         from ml.evaluate(model mass)",
    );
    close(&judged, &[&[227.01223, 81838.159892, 173.080816, 0.872377, 0.872377]]);
}

/// Rows that Google's tests predict.
const NEW_ROWS: &str = "(
    select 1 as n, 'Adelie Penguin (Pygoscelis adeliae)' as species, 'Torgersen' as island, 39.5 as culmen_length_mm,
        18.8 as culmen_depth_mm, 196.0 as flipper_length_mm, 3750.0 as body_mass_g, 'MALE' as sex
    union all select 2, 'Adelie Penguin (Pygoscelis adeliae)', 'Torgersen', 38.5, 17.2, 181.0, 5200.0, 'FEMALE'
    union all select 3, 'Chinstrap penguin (Pygoscelis antarctica)', 'Dream', 37.9, 18.1, 188.0, 3325.0, 'FEMALE')";

#[test]
fn predictions_and_explanations_are_bigquerys() {
    let mut session = penguins();
    run(
        &mut session,
        "create model mass options (model_type = 'linear_reg', input_label_cols = ['body_mass_g'],
             data_split_method = 'NO_SPLIT', enable_global_explain = true) as
         select * except (start) from penguins where body_mass_g is not null",
    );
    let sql = format!("select round(predicted_body_mass_g, 1) from ml.predict(model mass, {NEW_ROWS}) order by n");
    close(&run(&mut session, &sql), &[&[4030.1], &[3280.8], &[3177.9]]);
    // those of categories depend on which of many equal solutions is taken
    let explained = run(
        &mut session,
        "select attribution from ml.global_explain(model mass)
         where feature in ('culmen_length_mm', 'culmen_depth_mm', 'flipper_length_mm') order by feature",
    );
    close(&explained, &[&[117.084944], &[94.366793], &[193.612051]]);
}

#[test]
fn principal_components_and_anomalies_are_bigquerys() {
    let mut session = penguins();
    run(
        &mut session,
        "create model axes options (model_type = 'pca', num_principal_components = 3) as
         select * except (start) from penguins",
    );
    let info =
        run(&mut session, "select eigenvalue, explained_variance_ratio from ml.principal_component_info(model axes)");
    close(&info, &[&[3.278657, 0.469357], &[1.270829, 0.181926], &[1.125354, 0.1611]]);
    close(&run(&mut session, "select * from ml.evaluate(model axes)"), &[&[0.812383]]);
    let sql = format!(
        "select abs(principal_component_1), abs(principal_component_2), abs(principal_component_3)
         from ml.predict(model axes, {NEW_ROWS}, struct(true as keep_original_columns)) order by n"
    );
    let places: [&[f64]; 3] =
        [&[1.314041, 0.889106, 0.704345], &[0.855813, 1.259753, 0.322555], &[1.848786, 0.983304, 0.095759]];
    close(&run(&mut session, &sql), &places);
    let expected = [("0.1", [false, true, false]), ("0.2", [false, true, true]), ("0.25", [true, true, true])];
    for (contamination, flags) in expected {
        let sql = format!(
            "select is_anomaly, round(mean_squared_error, 6) from ml.detect_anomalies(model axes, struct({contamination} as contamination), {NEW_ROWS}) order by n"
        );
        let found = run(&mut session, &sql);
        let rows: Vec<Vec<Value>> = flags
            .iter()
            .zip([0.254188, 0.731243, 0.298889])
            .map(|(flag, error)| vec![Value::Bool(*flag), Value::Float(error)])
            .collect();
        assert_eq!(found.rows, rows, "{contamination}");
    }
}

#[test]
fn distances_of_clusters_are_bigquerys() {
    let mut session = penguins();
    run(
        &mut session,
        "create model segments options (model_type = 'kmeans', num_clusters = 3, kmeans_init_method = 'custom',
             kmeans_init_col = 'start') as
         select culmen_length_mm, culmen_depth_mm, flipper_length_mm, sex, start from penguins",
    );
    let sql = format!(
        "select normalized_distance from ml.detect_anomalies(model segments, struct(0.1 as contamination), {NEW_ROWS}) order by n"
    );
    close(&run(&mut session, &sql), &[&[1.082937], &[0.77139], &[0.478304]]);
}

#[test]
fn logistic_regression_is_near_bigquerys() {
    let mut session = penguins();
    run(
        &mut session,
        "create model sexes options (model_type = 'logistic_reg', input_label_cols = ['sex'], data_split_method = 'NO_SPLIT') as
         select * except (start) from penguins where sex is not null",
    );
    let complete = "culmen_length_mm is not null and body_mass_g is not null and sex is not null";
    let sql = format!(
        "select accuracy, roc_auc, log_loss from ml.evaluate(model sexes, (select * from penguins where {complete}))"
    );
    let found = run(&mut session, &sql);
    // the service's own path is not known: its documented search ends near
    for (value, (expected, off)) in found.rows[0].iter().zip([(0.92515, 0.02), (0.975807, 0.01), (1.498832, 0.1)]) {
        let Value::Float(value) = value else { panic!("{value:?} is no FLOAT64") };
        assert!((value - expected).abs() <= off, "{value} is not near {expected}");
    }
    let sql = format!("select predicted_sex from ml.predict(model sexes, {NEW_ROWS}) order by n");
    let words: Vec<Value> = run(&mut session, &sql).rows.into_iter().flatten().collect();
    assert_eq!(words, ["MALE", "MALE", "FEMALE"].map(|word| Value::Text(word.to_owned())));
}
