//! Every option of every kind: that it changes the specification, is kept, or is refused.

use super::*;
use Literal::{Bool, Float, Int, List, Null, Struct, Text, Time};

fn text(word: &str) -> Literal {
    Text(word.to_owned())
}

fn given(options: &[(&str, Literal)]) -> Vec<Given> {
    let one = |(i, (name, value)): (usize, &(&str, Literal))| Given {
        name: (*name).to_owned(),
        at: 10 * i + 1,
        value: value.clone(),
        value_at: 10 * i + 2,
    };
    options.iter().enumerate().map(one).collect()
}

/// What an option does.
enum Does {
    /// another specification than without it; options that it needs are beside it
    Changes(&'static [(&'static str, fn() -> Literal)]),
    /// the same specification; the text is kept with the model
    Kept,
    /// an error that says these words
    Refused(&'static str),
}
use Does::{Changes, Kept, Refused};

fn array(words: &[&str]) -> Literal {
    List(words.iter().map(|w| text(w)).collect())
}

fn weights(weight: Literal) -> Literal {
    List(vec![Struct(vec![("label".into(), text("a")), ("weight".into(), weight)])])
}

fn custom() -> Literal {
    text("CUSTOM")
}

fn seq() -> Literal {
    text("SEQ")
}

fn random() -> Literal {
    text("RANDOM")
}

fn constant() -> Literal {
    text("CONSTANT")
}

fn column() -> Literal {
    text("c")
}

fn dummy() -> Literal {
    text("DUMMY_ENCODING")
}

fn table() -> Vec<(&'static str, &'static str, Literal, Does)> {
    let mut rows: Vec<(&'static str, &'static str, Literal, Does)> = Vec::new();
    for kind in ["KMEANS", "LINEAR_REG", "LOGISTIC_REG", "PCA"] {
        rows.extend([
            (kind, "DESCRIPTION", text("x"), Kept),
            (kind, "DESCRIPTION", Int(1), Refused("DESCRIPTION must be a string")),
            (kind, "FRIENDLY_NAME", text("x"), Kept),
            (kind, "KMS_KEY_NAME", text("x"), Kept),
            (kind, "MODEL_REGISTRY", text("vertex_ai"), Kept),
            (kind, "MODEL_REGISTRY", text("x"), Refused("MODEL_REGISTRY must be one of VERTEX_AI")),
            (kind, "VERTEX_AI_MODEL_ID", text("x"), Kept),
            (kind, "VERTEX_AI_MODEL_VERSION_ALIASES", array(&["x"]), Kept),
            (kind, "VERTEX_AI_MODEL_VERSION_ALIASES", text("x"), Refused("must be an array of strings")),
            (kind, "EXPIRATION_TIMESTAMP", Time(1), Kept),
            (kind, "EXPIRATION_TIMESTAMP", text("soon"), Refused("EXPIRATION_TIMESTAMP must be a TIMESTAMP")),
            (kind, "LABELS", List(vec![Struct(vec![("".into(), text("a")), ("".into(), text("b"))])]), Kept),
            (kind, "LABELS", text("x"), Refused("LABELS must be an array of pairs of strings")),
            (kind, "NUM_CLUSTER", Int(3), Refused("NUM_CLUSTER is not an option of")),
            (kind, "MODEL_TYPE", text("KMEANS"), Refused("the option MODEL_TYPE is given twice")),
        ]);
    }
    for kind in ["KMEANS", "LINEAR_REG", "LOGISTIC_REG"] {
        rows.extend([
            (kind, "MAX_ITERATIONS", Int(5), Changes(&[])),
            (kind, "MAX_ITERATIONS", Int(0), Refused("MAX_ITERATIONS must be a whole number of at least 1")),
            (kind, "MAX_ITERATIONS", Float(2.5), Refused("MAX_ITERATIONS must be a whole number")),
            (kind, "EARLY_STOP", Bool(false), Changes(&[])),
            (kind, "EARLY_STOP", text("true"), Refused("EARLY_STOP must be TRUE or FALSE")),
            (kind, "MIN_REL_PROGRESS", Float(0.5), Changes(&[])),
            (kind, "MIN_REL_PROGRESS", Float(-0.5), Refused("MIN_REL_PROGRESS must be at least 0")),
            (kind, "WARM_START", Bool(false), Kept),
            (kind, "WARM_START", Bool(true), Refused("the option WARM_START")),
            (kind, "NUM_TRIALS", Int(3), Refused("the option NUM_TRIALS")),
            (kind, "MAX_PARALLEL_TRIALS", Int(2), Refused("the option MAX_PARALLEL_TRIALS")),
            (kind, "HPARAM_TUNING_ALGORITHM", text("x"), Refused("the option HPARAM_TUNING_ALGORITHM")),
            (kind, "HPARAM_TUNING_OBJECTIVES", array(&["x"]), Refused("the option HPARAM_TUNING_OBJECTIVES")),
        ]);
    }
    for kind in ["LINEAR_REG", "LOGISTIC_REG"] {
        rows.extend([
            (kind, "INPUT_LABEL_COLS", array(&["y"]), Changes(&[])),
            (kind, "INPUT_LABEL_COLS", array(&["y", "z"]), Refused("INPUT_LABEL_COLS must name one column")),
            (kind, "INPUT_LABEL_COLS", text("y"), Refused("INPUT_LABEL_COLS must be an array of strings")),
            (kind, "LEARN_RATE_STRATEGY", constant(), Changes(&[])),
            (kind, "LEARN_RATE", Float(0.5), Changes(&[("LEARN_RATE_STRATEGY", constant)])),
            (kind, "LEARN_RATE", Float(0.5), Refused("LEARN_RATE needs LEARN_RATE_STRATEGY 'CONSTANT'")),
            (kind, "LS_INIT_LEARN_RATE", Float(0.5), Changes(&[])),
            (kind, "LS_INIT_LEARN_RATE", Int(0), Refused("LS_INIT_LEARN_RATE must be above 0")),
            (kind, "FIT_INTERCEPT", Bool(false), Changes(&[])),
            (kind, "L1_REG", Float(0.5), Changes(&[])),
            (kind, "L2_REG", Int(1), Changes(&[])),
            (kind, "L2_REG", Int(-1), Refused("L2_REG must be at least 0")),
            (kind, "DATA_SPLIT_METHOD", text("NO_SPLIT"), Changes(&[])),
            (kind, "DATA_SPLIT_METHOD", text("HALF"), Refused("DATA_SPLIT_METHOD must be one of AUTO_SPLIT")),
            (kind, "DATA_SPLIT_METHOD", seq(), Refused("DATA_SPLIT_METHOD 'SEQ' needs DATA_SPLIT_COL")),
            (kind, "DATA_SPLIT_COL", column(), Changes(&[("DATA_SPLIT_METHOD", custom)])),
            (kind, "DATA_SPLIT_COL", column(), Refused("DATA_SPLIT_COL needs DATA_SPLIT_METHOD")),
            (kind, "DATA_SPLIT_EVAL_FRACTION", Float(0.5), Changes(&[("DATA_SPLIT_METHOD", random)])),
            (
                kind,
                "DATA_SPLIT_EVAL_FRACTION",
                Float(0.5),
                Changes(&[("DATA_SPLIT_METHOD", seq), ("DATA_SPLIT_COL", column)]),
            ),
            (kind, "DATA_SPLIT_EVAL_FRACTION", Float(0.5), Refused("DATA_SPLIT_EVAL_FRACTION needs")),
            (kind, "DATA_SPLIT_EVAL_FRACTION", Int(1), Refused("above 0 and below 1")),
            (kind, "DATA_SPLIT_TEST_FRACTION", Float(0.5), Refused("the option DATA_SPLIT_TEST_FRACTION")),
            (kind, "CATEGORY_ENCODING_METHOD", dummy(), Changes(&[])),
            (kind, "CATEGORY_ENCODING_METHOD", text("LABEL"), Refused("CATEGORY_ENCODING_METHOD must be one of")),
            (kind, "CALCULATE_P_VALUES", Bool(true), Changes(&[("CATEGORY_ENCODING_METHOD", dummy)])),
            (kind, "CALCULATE_P_VALUES", Bool(true), Refused("CALCULATE_P_VALUES needs CATEGORY_ENCODING_METHOD")),
            (kind, "ENABLE_GLOBAL_EXPLAIN", Bool(true), Changes(&[])),
            (kind, "NUM_CLUSTERS", Int(3), Refused("NUM_CLUSTERS is not an option of")),
        ]);
    }
    rows.extend([
        ("KMEANS", "NUM_CLUSTERS", Int(3), Changes(&[])),
        ("KMEANS", "NUM_CLUSTERS", Float(2.7), Refused("NUM_CLUSTERS must be a whole number from 2 to 100")),
        ("KMEANS", "NUM_CLUSTERS", Int(1), Refused("NUM_CLUSTERS must be a whole number from 2 to 100")),
        ("KMEANS", "KMEANS_INIT_METHOD", text("kmeans++"), Changes(&[])),
        ("KMEANS", "KMEANS_INIT_METHOD", custom(), Refused("KMEANS_INIT_METHOD 'CUSTOM' needs KMEANS_INIT_COL")),
        ("KMEANS", "KMEANS_INIT_COL", column(), Changes(&[("KMEANS_INIT_METHOD", custom)])),
        ("KMEANS", "KMEANS_INIT_COL", column(), Refused("KMEANS_INIT_COL needs KMEANS_INIT_METHOD 'CUSTOM'")),
        ("KMEANS", "DISTANCE_TYPE", text("COSINE"), Changes(&[])),
        ("KMEANS", "STANDARDIZE_FEATURES", Bool(false), Changes(&[])),
        ("KMEANS", "L2_REG", Int(1), Refused("L2_REG is not an option of KMEANS")),
        ("LINEAR_REG", "OPTIMIZE_STRATEGY", text("NORMAL_EQUATION"), Changes(&[])),
        ("LINEAR_REG", "OPTIMIZE_STRATEGY", text("BATCH_GRADIENT_DESCENT"), Changes(&[])),
        ("LINEAR_REG", "CLASS_WEIGHTS", weights(Int(1)), Refused("CLASS_WEIGHTS is not an option of LINEAR_REG")),
        ("LOGISTIC_REG", "OPTIMIZE_STRATEGY", text("AUTO_STRATEGY"), Refused("OPTIMIZE_STRATEGY is not an option")),
        ("LOGISTIC_REG", "AUTO_CLASS_WEIGHTS", Bool(true), Changes(&[])),
        ("LOGISTIC_REG", "CLASS_WEIGHTS", weights(Float(0.5)), Changes(&[])),
        ("LOGISTIC_REG", "CLASS_WEIGHTS", weights(Int(-1)), Refused("a weight that is not negative")),
        ("LOGISTIC_REG", "CLASS_WEIGHTS", text("x"), Refused("CLASS_WEIGHTS must be an array of pairs")),
        ("PCA", "NUM_PRINCIPAL_COMPONENTS", Int(3), Refused("given twice")),
        ("PCA", "PCA_EXPLAINED_VARIANCE_RATIO", Float(0.5), Refused("PCA needs one of")),
        ("PCA", "SCALE_FEATURES", Bool(false), Changes(&[])),
        ("PCA", "PCA_SOLVER", text("FULL"), Kept),
        ("PCA", "PCA_SOLVER", text("HALF"), Refused("PCA_SOLVER must be one of AUTO, FULL, RANDOMIZED")),
    ]);
    rows
}

fn read_of(kind: &str, options: &[(&str, Literal)]) -> Read<Kind> {
    let mut all = vec![("model_type", text(kind))];
    if kind == "PCA" {
        all.push(("NUM_PRINCIPAL_COMPONENTS", Int(2)));
    }
    all.extend(options.iter().cloned());
    read(&given(&all), 0)
}

#[test]
fn an_option_changes_the_model_or_is_kept_or_refused() {
    for (kind, name, value, does) in table() {
        let shown = format!("{kind} {name} = {value:?}");
        match does {
            Changes(needs) => {
                let beside: Vec<(&str, Literal)> = needs.iter().map(|(n, v)| (*n, v())).collect();
                let with: Vec<(&str, Literal)> = beside.iter().cloned().chain([(name, value)]).collect();
                let with = read_of(kind, &with).unwrap_or_else(|why| panic!("{shown}: {}", why.message));
                // without it the others may not stand alone, which is a difference too
                assert_ne!(read_of(kind, &beside).ok(), Some(with), "{shown} is ignored");
            }
            Kept => assert_eq!(read_of(kind, &[(name, value)]), read_of(kind, &[]), "{shown}"),
            Refused(words) => {
                let why = read_of(kind, &[(name, value)]).expect_err(&shown);
                assert!(why.message.contains(words), "{shown}: {}", why.message);
                assert!(why.at > 0 || why.message.contains("needs"), "{shown} has no place");
            }
        }
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let cases: [(&str, &[(&str, Literal)], &str); 4] = [
        (
            "LOGISTIC_REG",
            &[("AUTO_CLASS_WEIGHTS", Bool(true)), ("CLASS_WEIGHTS", weights(Int(1)))],
            "exclude each other",
        ),
        ("LINEAR_REG", &[("OPTIMIZE_STRATEGY", text("NORMAL_EQUATION")), ("L1_REG", Int(1))], "cannot have L1_REG"),
        (
            "LINEAR_REG",
            &[("OPTIMIZE_STRATEGY", text("NORMAL_EQUATION")), ("LS_INIT_LEARN_RATE", Int(1))],
            "LS_INIT_LEARN_RATE has no use",
        ),
        (
            "LOGISTIC_REG",
            &[("LEARN_RATE_STRATEGY", constant()), ("LS_INIT_LEARN_RATE", Int(1))],
            "needs LEARN_RATE_STRATEGY 'LINE_SEARCH'",
        ),
    ];
    for (kind, options, words) in cases {
        let why = read_of(kind, options).expect_err(words);
        assert!(why.message.contains(words), "{}", why.message);
    }
}

#[test]
fn a_model_has_a_type_and_a_wrong_name_a_hint() {
    assert!(read(&[], 7).expect_err("no type").message.contains("MODEL_TYPE"));
    assert!(read_of("DNN_CLASSIFIER", &[]).expect_err("not here").missing);
    assert!(!read_of("PERCEPTRON", &[]).expect_err("nowhere").missing);
    let why = read_of("KMEANS", &[("NUM_CLUSTER", Int(3))]).expect_err("no such option");
    assert_eq!(why.help.as_deref(), Some("did you mean NUM_CLUSTERS?"));
}

#[test]
fn alter_takes_what_is_said_about_a_model() {
    let altered = |name, value| read_altered(&given(&[(name, value)]), 0);
    altered("description", text("x")).expect("a text");
    altered("description", Null).expect("taken away");
    assert!(altered("NUM_CLUSTERS", Int(3)).expect_err("learned").message.contains("not an option of ALTER MODEL"));
    assert!(altered("NUM_CLUSTERS", Null).expect_err("learned").message.contains("not an option of ALTER MODEL"));
    assert!(altered("LABELS", Int(1)).expect_err("a number").message.contains("pairs of strings"));
}
