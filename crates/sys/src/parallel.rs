//! Work on many things at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Below this number threads cost more than they bring.
const FEW: usize = 8;
/// As deep as the thread that runs a command.
const STACK: usize = 16 << 20;

/// What `work` makes of every item, in the order of the items; on as many threads as the machine has cores.
pub fn parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(items.len() / FEW);
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let places = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        places.map_while(|at| Some((at, work(items.get(at)?)))).collect::<Vec<_>>()
    };
    let mut done = thread::scope(|scope| {
        let helper = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, take);
        // Where no thread can be had the others do its part.
        let helpers: Vec<_> = (1..threads).filter_map(|number| helper(number).ok()).collect();
        let mut done = take();
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        for count in [0, 3, 1_000] {
            let numbers: Vec<usize> = (0..count).collect();
            assert_eq!(super::parallel(&numbers, |n| n * n), numbers.iter().map(|n| n * n).collect::<Vec<_>>());
        }
    }
}
