//! `bq_ml_score(model, numbers, words)`: a model's numbers for each row, in Rust, a vector of rows at a time; and
//! `bq_ml_explain`, what each feature has to do with them. Macros of models call them; no user writes them.

use duckdb::core::{DataChunkHandle, ListVector, LogicalTypeHandle, LogicalTypeId as Id};
use duckdb::ffi;
use duckdb::vscalar::{ScalarFunctionSignature, VScalar};
use duckdb::vtab::arrow::WritableVector;
use rsdbt_bqml::{Design, Fitted, NOWHERE, Scorer, Slot};
use rsdbt_warehouse::duckdb::client as duckdb;
use std::cell::RefCell;
use std::rc::Rc;

type Failed = Box<dyn std::error::Error>;

/// So many models does a thread keep: a statement rarely asks more.
const KEPT: usize = 4;

thread_local! {
    static MODELS: RefCell<Vec<(String, Rc<Scorer>)>> = const { RefCell::new(Vec::new()) };
}

/// The model of a text, read once a thread.
fn model(text: &str) -> Result<Rc<Scorer>, Failed> {
    MODELS.with_borrow_mut(|kept| {
        if let Some((_, found)) = kept.iter().find(|(known, _)| known == text) {
            return Ok(found.clone());
        }
        let made: Rc<Scorer> = Rc::new(serde_json::from_str(text)?);
        kept.truncate(KEPT - 1);
        kept.insert(0, (text.to_owned(), made.clone()));
        Ok(made)
    })
}

/// What is asked of a model.
#[derive(Clone, Copy)]
enum Question {
    Score,
    Explain,
}

struct Answer;

impl VScalar for Answer {
    type State = Question;

    fn invoke(question: &Question, input: &mut DataChunkHandle, output: &mut dyn WritableVector) -> Result<(), Failed> {
        let rows = input.len();
        if rows == 0 {
            return Ok(());
        }
        // SAFETY: the first argument is VARCHAR, never NULL and the same in all rows: macros write it as a constant.
        let text = unsafe { string_at(input.flat_vector(0).as_mut_ptr(), 0) };
        let scorer = model(std::str::from_utf8(text)?)?;
        let design = design(&scorer, input, rows);
        let scores = match question {
            Question::Score => scorer.scores(&design.all()),
            Question::Explain => scorer.parts(&design.all()),
        };
        let each = scores.len() / rows;
        let mut list = output.list_vector();
        let mut child = list.child(scores.len());
        // SAFETY: the child has room for so many DOUBLEs.
        unsafe { child.as_mut_slice_with_len::<f64>(scores.len()) }.copy_from_slice(&scores);
        (0..rows).for_each(|row| list.set_entry(row, row * each, each));
        list.set_len(scores.len());
        Ok(())
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        let list = |id: Id| LogicalTypeHandle::list(&LogicalTypeHandle::from(id));
        let arguments = vec![LogicalTypeHandle::from(Id::Varchar), list(Id::Double), list(Id::Varchar)];
        vec![ScalarFunctionSignature::exact(arguments, list(Id::Double))]
    }
}

pub(in super::super) fn register(connection: &duckdb::Connection) -> duckdb::Result<()> {
    connection.register_scalar_function_with_state::<Answer>("bq_ml_score", &Question::Score)?;
    connection.register_scalar_function_with_state::<Answer>("bq_ml_explain", &Question::Explain)
}

/// The bytes of a row of a VARCHAR vector. The row is in range and not NULL.
unsafe fn string_at<'a>(strings: *mut ffi::duckdb_string_t, row: usize) -> &'a [u8] {
    // SAFETY: as the caller promised.
    unsafe {
        let item = strings.add(row);
        let length = ffi::duckdb_string_t_length(*item) as usize;
        std::slice::from_raw_parts(ffi::duckdb_string_t_data(item).cast::<u8>(), length)
    }
}

/// The rows of a vector as the model reads them. Macros write NaN for a NULL number and `_null_filler` for a NULL word.
fn design(scorer: &Scorer, input: &DataChunkHandle, rows: usize) -> Design {
    let (mut numeric, mut categories) = (Vec::new(), Vec::new());
    for ((_, fitted), slot) in scorer.encoder.features.iter().zip(scorer.encoder.slots()) {
        match (fitted, slot) {
            (Fitted::Numeric(n), _) => numeric.push(n),
            (Fitted::Category(c), Slot::Categories(first, _)) => categories.push((c, first)),
            (Fitted::Category(_), Slot::Number(_)) => {}
        }
    }
    let (mut numbers, mut places) = (Vec::new(), Vec::new());
    each_row(&input.list_vector(1), rows, |child: *mut f64, row| {
        // SAFETY: the list of each row holds a DOUBLE for each numeric feature.
        let own = unsafe { std::slice::from_raw_parts(child.add(row), numeric.len()) };
        numbers.extend(own.iter().zip(&numeric).map(|(value, n)| n.scaled(*value)));
    });
    each_row(&input.list_vector(2), rows, |child: *mut ffi::duckdb_string_t, row| {
        places.extend(categories.iter().enumerate().map(|(i, (category, first))| {
            // SAFETY: the list of each row holds a VARCHAR for each category.
            let word = unsafe { std::str::from_utf8_unchecked(string_at(child, row + i)) };
            category.place(word).map_or(NOWHERE, |at| (first + at) as u32)
        }));
    });
    let (dense, hot) = (numeric.len(), categories.len());
    Design { count: rows, dense, numbers, hot, places, width: scorer.encoder.width() }
}

/// Calls with the list's items and the place of each row's first.
fn each_row<T>(list: &ListVector<'_>, rows: usize, mut work: impl FnMut(*mut T, usize)) {
    let child = list.child(list.len());
    // SAFETY: the caller names the type that DuckDB was told for this list.
    let items = unsafe { child.as_mut_ptr::<T>() };
    (0..rows).for_each(|row| work(items, list.get_entry(row).0));
}
