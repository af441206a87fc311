//! OPTIONS(...) of CREATE MODEL and ALTER MODEL: read once, into a type for each kind of model. An option changes what is
//! learned, or it is kept and shown, or it is refused by name.

mod reader;
#[cfg(test)]
mod tests;

use reader::Reader;
pub use reader::{Given, Literal, Named, Read, Refusal};

/// When an iteration is the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Iterations {
    pub most: usize,
    pub early_stop: bool,
    pub min_rel_progress: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum InitMethod {
    Random,
    PlusPlus,
    /// TRUE in the rows that the first centroids are
    Column(Named),
}

#[derive(Debug, Clone, PartialEq)]
pub struct KMeansSpec {
    /// `None`: what the number of rows suggests
    pub clusters: Option<usize>,
    pub init: InitMethod,
    pub cosine: bool,
    pub standardize: bool,
    pub iterations: Iterations,
}

/// Which rows are kept for evaluation.
#[derive(Debug, Clone, PartialEq)]
pub enum Split {
    Auto,
    None,
    Random(f64),
    /// the last fraction in the order of a column
    Sequence(Named, f64),
    /// where a BOOL column is TRUE or NULL
    Custom(Named),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// the first rate of the line search
    Search(f64),
    Constant(f64),
}

/// What linear and logistic regression have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct GlmSpec {
    pub label: Named,
    pub split: Split,
    pub iterations: Iterations,
    /// the most frequent category of a column has no weight
    pub dummy: bool,
    pub intercept: bool,
    pub l1: f64,
    pub l2: f64,
    pub rate: Rate,
    pub p_values: bool,
    pub global_explain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    Auto,
    NormalEquation,
    GradientDescent,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LinearSpec {
    pub glm: GlmSpec,
    pub strategy: Strategy,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ClassWeights {
    Equal,
    /// inverse to the frequency of each class
    Balanced,
    Given(Vec<(String, f64)>, usize),
}

#[derive(Debug, Clone, PartialEq)]
pub struct LogisticSpec {
    pub glm: GlmSpec,
    pub weights: ClassWeights,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Components {
    Count(usize),
    /// as many as explain this share of the variance
    Ratio(f64),
}

#[derive(Debug, Clone, PartialEq)]
pub struct PcaSpec {
    pub size: Components,
    pub scale: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    KMeans(KMeansSpec),
    Linear(LinearSpec),
    Logistic(LogisticSpec),
    Pca(PcaSpec),
}

impl Kind {
    pub fn name(&self) -> &'static str {
        match self {
            Kind::KMeans(_) => "KMEANS",
            Kind::Linear(_) => "LINEAR_REG",
            Kind::Logistic(_) => "LOGISTIC_REG",
            Kind::Pca(_) => "PCA",
        }
    }
}

/// Model types of BigQuery that this program does not train.
const OTHER_TYPES: &[&str] = &[
    "MATRIX_FACTORIZATION",
    "BOOSTED_TREE_CLASSIFIER",
    "BOOSTED_TREE_REGRESSOR",
    "RANDOM_FOREST_CLASSIFIER",
    "RANDOM_FOREST_REGRESSOR",
    "DNN_CLASSIFIER",
    "DNN_REGRESSOR",
    "DNN_LINEAR_COMBINED_CLASSIFIER",
    "DNN_LINEAR_COMBINED_REGRESSOR",
    "AUTOENCODER",
    "AUTOML_CLASSIFIER",
    "AUTOML_REGRESSOR",
    "ARIMA_PLUS",
    "ARIMA_PLUS_XREG",
    "CONTRIBUTION_ANALYSIS",
    "TRANSFORM_ONLY",
    "ONNX",
    "TENSORFLOW",
    "TENSORFLOW_LITE",
    "XGBOOST",
];

/// The options of CREATE MODEL.
pub fn read(given: &[Given], at: usize) -> Read<Kind> {
    let mut reader = Reader::new(given, at)?;
    let Some(named) = reader.name("MODEL_TYPE")? else {
        return Err(Refusal::new("CREATE MODEL needs the option MODEL_TYPE", at));
    };
    let word = named.text.to_uppercase();
    let kind = match word.as_str() {
        "KMEANS" => Kind::KMeans(kmeans(&mut reader)?),
        "LINEAR_REG" => Kind::Linear(linear(&mut reader)?),
        "LOGISTIC_REG" => Kind::Logistic(logistic(&mut reader)?),
        "PCA" => Kind::Pca(pca(&mut reader)?),
        other if OTHER_TYPES.contains(&other) => {
            return Err(Refusal::missing(format!("the model type {other}"), named.at));
        }
        other => return Err(Refusal::new(format!("{other} is not a model type"), named.at)),
    };
    about(&mut reader)?;
    reader.finish(&word)?;
    Ok(kind)
}

/// The options of ALTER MODEL SET OPTIONS, which say something about a model and change nothing that it learned.
pub fn read_altered(given: &[Given], at: usize) -> Read<()> {
    // NULL takes an option away
    let set: Vec<Given> = given.iter().filter(|option| option.value != Literal::Null).cloned().collect();
    let mut gone = Reader::new(given, at)?;
    let mut reader = Reader::new(&set, at)?;
    about(&mut reader)?;
    reader.finish("ALTER MODEL")?;
    for name in ABOUT {
        gone.take(name);
    }
    gone.finish("ALTER MODEL")
}

const ABOUT: &[&str] = &[
    "DESCRIPTION",
    "FRIENDLY_NAME",
    "KMS_KEY_NAME",
    "VERTEX_AI_MODEL_ID",
    "MODEL_REGISTRY",
    "EXPIRATION_TIMESTAMP",
    "VERTEX_AI_MODEL_VERSION_ALIASES",
    "LABELS",
];

/// Options that are kept and shown.
fn about(reader: &mut Reader) -> Read<()> {
    for name in ["DESCRIPTION", "FRIENDLY_NAME", "KMS_KEY_NAME", "VERTEX_AI_MODEL_ID"] {
        reader.name(name)?;
    }
    reader.word("MODEL_REGISTRY", &["VERTEX_AI"])?;
    let checks: [(&'static str, fn(&Literal) -> bool, &str); 3] = [
        ("EXPIRATION_TIMESTAMP", |value| matches!(value, Literal::Time(_)), "a TIMESTAMP"),
        (
            "VERTEX_AI_MODEL_VERSION_ALIASES",
            |value| matches!(value, Literal::List(items) if items.iter().all(|i| matches!(i, Literal::Text(_)))),
            "an array of strings",
        ),
        ("LABELS", |value| pairs(value, |v| matches!(v, Literal::Text(_))), "an array of pairs of strings"),
    ];
    for (name, fits, what) in checks {
        if let Some(option) = reader.take(name)
            && !fits(&option.value)
        {
            return Err(Refusal::new(format!("{name} must be {what}"), option.value_at));
        }
    }
    Ok(())
}

/// Whether a value is an array of structs of a string and something that `fits`.
fn pairs(value: &Literal, fits: impl Fn(&Literal) -> bool) -> bool {
    let Literal::List(items) = value else { return false };
    items.iter().all(
        |item| matches!(item, Literal::Struct(f) if matches!(f.as_slice(), [(_, Literal::Text(_)), (_, v)] if fits(v))),
    )
}

/// Hyperparameter tuning and further training, which this program lacks.
fn no_tuning(reader: &mut Reader) -> Read<()> {
    reader.refuse(&[
        ("WARM_START", Literal::Bool(false)),
        ("NUM_TRIALS", Literal::Null),
        ("MAX_PARALLEL_TRIALS", Literal::Int(1)),
        ("HPARAM_TUNING_ALGORITHM", Literal::Null),
        ("HPARAM_TUNING_OBJECTIVES", Literal::Null),
    ])
}

fn iterations(reader: &mut Reader) -> Read<Iterations> {
    Ok(Iterations {
        most: reader.whole("MAX_ITERATIONS", 1, i64::MAX)?.unwrap_or(20),
        early_stop: reader.flag("EARLY_STOP", true)?,
        min_rel_progress: reader.number("MIN_REL_PROGRESS", |v| v >= 0.0, "at least 0")?.unwrap_or(0.01),
    })
}

fn kmeans(reader: &mut Reader) -> Read<KMeansSpec> {
    no_tuning(reader)?;
    let init_at = reader.place("KMEANS_INIT_METHOD");
    let method = reader.word("KMEANS_INIT_METHOD", &["RANDOM", "KMEANS++", "CUSTOM"])?;
    let column = reader.name("KMEANS_INIT_COL")?;
    let init = match (method, column) {
        ("CUSTOM", Some(column)) => InitMethod::Column(column),
        ("CUSTOM", None) => {
            let at = init_at.unwrap_or(reader.at);
            return Err(Refusal::new("KMEANS_INIT_METHOD 'CUSTOM' needs KMEANS_INIT_COL", at));
        }
        (_, Some(column)) => {
            return Err(Refusal::new("KMEANS_INIT_COL needs KMEANS_INIT_METHOD 'CUSTOM'", column.at));
        }
        ("KMEANS++", None) => InitMethod::PlusPlus,
        (_, None) => InitMethod::Random,
    };
    Ok(KMeansSpec {
        clusters: reader.whole("NUM_CLUSTERS", 2, 100)?,
        init,
        cosine: reader.word("DISTANCE_TYPE", &["EUCLIDEAN", "COSINE"])? == "COSINE",
        standardize: reader.flag("STANDARDIZE_FEATURES", true)?,
        iterations: iterations(reader)?,
    })
}

fn split(reader: &mut Reader) -> Read<Split> {
    let method = reader.word("DATA_SPLIT_METHOD", &["AUTO_SPLIT", "NO_SPLIT", "RANDOM", "SEQ", "CUSTOM"])?;
    let fraction_at = reader.place("DATA_SPLIT_EVAL_FRACTION");
    let rule = "above 0 and below 1";
    let fraction = reader.number("DATA_SPLIT_EVAL_FRACTION", |v| v > 0.0 && v < 1.0, rule)?;
    let column = reader.name("DATA_SPLIT_COL")?;
    if let Some(at) = fraction_at
        && !matches!(method, "RANDOM" | "SEQ")
    {
        return Err(Refusal::new("DATA_SPLIT_EVAL_FRACTION needs DATA_SPLIT_METHOD 'RANDOM' or 'SEQ'", at));
    }
    let fraction = fraction.unwrap_or(0.2);
    match (method, column) {
        ("SEQ", Some(column)) => Ok(Split::Sequence(column, fraction)),
        ("CUSTOM", Some(column)) => Ok(Split::Custom(column)),
        ("SEQ" | "CUSTOM", None) => {
            Err(Refusal::new(format!("DATA_SPLIT_METHOD '{method}' needs DATA_SPLIT_COL"), reader.at))
        }
        (_, Some(column)) => Err(Refusal::new("DATA_SPLIT_COL needs DATA_SPLIT_METHOD 'SEQ' or 'CUSTOM'", column.at)),
        ("NO_SPLIT", None) => Ok(Split::None),
        ("RANDOM", None) => Ok(Split::Random(fraction)),
        (_, None) => Ok(Split::Auto),
    }
}

fn rate(reader: &mut Reader) -> Read<Rate> {
    let constant = reader.word("LEARN_RATE_STRATEGY", &["LINE_SEARCH", "CONSTANT"])? == "CONSTANT";
    let (own, first) = (reader.place("LEARN_RATE"), reader.place("LS_INIT_LEARN_RATE"));
    let positive = |v: f64| v > 0.0 && v.is_finite();
    let rate = reader.number("LEARN_RATE", positive, "above 0")?.unwrap_or(0.1);
    let start = reader.number("LS_INIT_LEARN_RATE", positive, "above 0")?.unwrap_or(0.1);
    match (constant, own, first) {
        (false, Some(at), _) => Err(Refusal::new("LEARN_RATE needs LEARN_RATE_STRATEGY 'CONSTANT'", at)),
        (true, _, Some(at)) => Err(Refusal::new("LS_INIT_LEARN_RATE needs LEARN_RATE_STRATEGY 'LINE_SEARCH'", at)),
        (true, _, None) => Ok(Rate::Constant(rate)),
        (false, None, _) => Ok(Rate::Search(start)),
    }
}

fn label(reader: &mut Reader) -> Read<Named> {
    let Some(option) = reader.take("INPUT_LABEL_COLS") else {
        return Ok(Named { text: "label".to_owned(), at: reader.at });
    };
    match option.value {
        Literal::List(items) => match items.as_slice() {
            [Literal::Text(text)] => Ok(Named { text: text.clone(), at: option.value_at }),
            _ => Err(Refusal::new("INPUT_LABEL_COLS must name one column", option.value_at)),
        },
        _ => Err(Refusal::new("INPUT_LABEL_COLS must be an array of strings", option.value_at)),
    }
}

fn glm(reader: &mut Reader) -> Read<GlmSpec> {
    no_tuning(reader)?;
    reader.refuse(&[("DATA_SPLIT_TEST_FRACTION", Literal::Float(0.0))])?;
    let not_negative = |v: f64| v >= 0.0 && v.is_finite();
    let p_values_at = reader.place("CALCULATE_P_VALUES").unwrap_or(reader.at);
    let spec = GlmSpec {
        label: label(reader)?,
        split: split(reader)?,
        iterations: iterations(reader)?,
        dummy: reader.word("CATEGORY_ENCODING_METHOD", &["ONE_HOT_ENCODING", "DUMMY_ENCODING"])? == "DUMMY_ENCODING",
        intercept: reader.flag("FIT_INTERCEPT", true)?,
        l1: reader.number("L1_REG", not_negative, "at least 0")?.unwrap_or(0.0),
        l2: reader.number("L2_REG", not_negative, "at least 0")?.unwrap_or(0.0),
        rate: rate(reader)?,
        p_values: reader.flag("CALCULATE_P_VALUES", false)?,
        global_explain: reader.flag("ENABLE_GLOBAL_EXPLAIN", false)?,
    };
    if spec.p_values && !(spec.dummy && spec.l1 == 0.0) {
        let needs = "CALCULATE_P_VALUES needs CATEGORY_ENCODING_METHOD 'DUMMY_ENCODING' and L1_REG 0";
        return Err(Refusal::new(needs, p_values_at));
    }
    Ok(spec)
}

fn linear(reader: &mut Reader) -> Read<LinearSpec> {
    let at = reader.place("OPTIMIZE_STRATEGY").unwrap_or(reader.at);
    let words = ["AUTO_STRATEGY", "NORMAL_EQUATION", "BATCH_GRADIENT_DESCENT"];
    let strategy = match reader.word("OPTIMIZE_STRATEGY", &words)? {
        "NORMAL_EQUATION" => Strategy::NormalEquation,
        "BATCH_GRADIENT_DESCENT" => Strategy::GradientDescent,
        _ => Strategy::Auto,
    };
    let of_descent = ["LEARN_RATE_STRATEGY", "LEARN_RATE", "LS_INIT_LEARN_RATE"];
    let unused = of_descent.iter().find_map(|name| Some((name, reader.place(name)?)));
    if let (Strategy::NormalEquation, Some((name, at))) = (strategy, unused) {
        return Err(Refusal::new(format!("{name} has no use with OPTIMIZE_STRATEGY 'NORMAL_EQUATION'"), at));
    }
    let glm = glm(reader)?;
    if strategy == Strategy::NormalEquation && glm.l1 > 0.0 {
        return Err(Refusal::new("OPTIMIZE_STRATEGY 'NORMAL_EQUATION' cannot have L1_REG", at));
    }
    Ok(LinearSpec { glm, strategy })
}

fn logistic(reader: &mut Reader) -> Read<LogisticSpec> {
    let balanced = reader.flag("AUTO_CLASS_WEIGHTS", false)?;
    let weights = match reader.take("CLASS_WEIGHTS") {
        None if balanced => ClassWeights::Balanced,
        None => ClassWeights::Equal,
        Some(option) if balanced => {
            return Err(Refusal::new("CLASS_WEIGHTS and AUTO_CLASS_WEIGHTS exclude each other", option.at));
        }
        Some(option) => ClassWeights::Given(class_weights(&option)?, option.value_at),
    };
    Ok(LogisticSpec { glm: glm(reader)?, weights })
}

fn class_weights(option: &Given) -> Read<Vec<(String, f64)>> {
    let number = |value: &Literal| match value {
        Literal::Int(value) => Some(*value as f64),
        Literal::Float(value) => Some(*value),
        _ => None,
    };
    let fits = |value: &Literal| number(value).is_some_and(|weight| weight >= 0.0 && weight.is_finite());
    let Literal::List(items) = &option.value else {
        return Err(Refusal::new("CLASS_WEIGHTS must be an array of pairs of a label and a weight", option.value_at));
    };
    if !pairs(&option.value, fits) || items.is_empty() {
        let what = "CLASS_WEIGHTS must be an array of pairs of a label and a weight that is not negative";
        return Err(Refusal::new(what, option.value_at));
    }
    let pair = |item: &Literal| match item {
        Literal::Struct(fields) => match fields.as_slice() {
            [(_, Literal::Text(label)), (_, weight)] => Some((label.clone(), number(weight)?)),
            _ => None,
        },
        _ => None,
    };
    Ok(items.iter().filter_map(pair).collect())
}

fn pca(reader: &mut Reader) -> Read<PcaSpec> {
    let count = reader.whole("NUM_PRINCIPAL_COMPONENTS", 1, i64::MAX)?;
    let ratio = reader.number("PCA_EXPLAINED_VARIANCE_RATIO", |v| v > 0.0 && v < 1.0, "above 0 and below 1")?;
    let size = match (count, ratio) {
        (Some(count), None) => Components::Count(count),
        (None, Some(ratio)) => Components::Ratio(ratio),
        _ => {
            let rule = "PCA needs one of NUM_PRINCIPAL_COMPONENTS and PCA_EXPLAINED_VARIANCE_RATIO";
            return Err(Refusal::new(rule, reader.at));
        }
    };
    // every solver finds the same components; ours is the full one
    reader.word("PCA_SOLVER", &["AUTO", "FULL", "RANDOMIZED"])?;
    Ok(PcaSpec { size, scale: reader.flag("SCALE_FEATURES", true)? })
}
