//! Times of BigQuery ML on this machine, one a line: `name seconds`. `scripts/bench_ml.sh` sets them beside scikit-learn's.
//! Every figure is that of a whole statement as a user would run it; times of one iteration are differences of two trainings.

use rsdbt_bqlocal::{LocalBigQuery, LocalSession};
use std::time::Instant;

/// So often each statement is timed; the least counts.
const RUNS: usize = 3;

fn time(session: &mut LocalSession, sql: &str) -> f64 {
    let once = |session: &mut LocalSession| {
        let begun = Instant::now();
        session.run(sql).unwrap_or_else(|why| panic!("{}\n{sql}", why.message));
        begun.elapsed().as_secs_f64()
    };
    (0..RUNS).map(|_| once(session)).fold(f64::INFINITY, f64::min)
}

/// The memory of this process in MB: `VmRSS:` now, `VmHWM:` at most.
fn memory(field: &str) -> f64 {
    let status = rsdbt_sys::read("/proc/self/status".as_ref()).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

fn table(session: &mut LocalSession, name: &str, rows: u64, columns: u32) {
    let list: Vec<String> = (0..columns).map(|i| format!("rand() + mod(x, {}) as x{i}", i + 2)).collect();
    let sql = format!(
        "create or replace table {name} as select {}, x + 2.0 * rand() as y, mod(x, 10) as c10, if(rand() < mod(x, 7) / 7, 1, 0) as c2
         from unnest(generate_array(1, {rows})) as x",
        list.join(", ")
    );
    session.run(&sql).unwrap_or_else(|why| panic!("{}", why.message));
}

fn main() {
    let mut session =
        LocalBigQuery::open(None, "local", "lab").and_then(|db| db.connect()).expect("a database in memory");
    session.run("create schema if not exists lab").expect("a dataset");
    table(&mut session, "eight", 1_000_000, 8);
    let kmeans = |iterations: u32| {
        format!(
            "create or replace model k options (model_type = 'kmeans', num_clusters = 10, early_stop = false,
             max_iterations = {iterations}) as select * except (y, c10, c2) from eight"
        )
    };
    let (few, many) = (time(&mut session, &kmeans(1)), time(&mut session, &kmeans(21)));
    println!("lloyd_iteration {}", (many - few) / 20.0);
    table(&mut session, "twenty", 1_000_000, 20);
    let before = memory("VmRSS:");
    let logistic = |label: &str, split: &str, more: &str| {
        format!(
            "create or replace model l_{label} options (model_type = 'logistic_reg', input_label_cols = ['{label}'],
             data_split_method = '{split}' {more}) as select * except (y, c10, c2), {label} from twenty"
        )
    };
    let tight = ", max_iterations = 100, min_rel_progress = 1e-6, l2_reg = 1e-6";
    println!("logistic {}", time(&mut session, &logistic("c2", "NO_SPLIT", tight)));
    let plain = time(&mut session, &logistic("c2", "NO_SPLIT", ""));
    println!("default_split_to_none {}", time(&mut session, &logistic("c2", "AUTO_SPLIT", "")) / plain);
    println!("peak_to_matrix {}", (memory("VmHWM:") - before) / (1_000_000.0 * 20.0 * 8.0 / 1_048_576.0));
    session.run(&logistic("c10", "NO_SPLIT", ", max_iterations = 3")).expect("ten classes");
    let copy = time(&mut session, "create or replace table o as select * from twenty");
    let predict = |model: &str, from: &str| {
        format!("create or replace table o as select * from ml.predict(model {model}, table {from})")
    };
    let two = time(&mut session, &predict("l_c2", "twenty"));
    println!("predict_two_classes_to_copy {}", two / copy);
    println!("predict_ten_classes_to_two {}", time(&mut session, &predict("l_c10", "twenty")) / two);
    let copy = time(&mut session, "create or replace table o as select * from eight");
    println!("predict_clusters_to_copy {}", time(&mut session, &predict("k", "eight")) / copy);
}
