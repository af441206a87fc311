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
