//! Lists and dicts that contain themselves, or lie in each other without end: whoever walks members comes through here,
//! so that no walk recurses for ever, and whoever lets go of them does it without recursion.

use super::collections::{Dict, List};
use minijinja::Value;
use std::cell::RefCell;
use std::sync::Arc;

/// Deeper members are not walked. Python gives up at about a thousand.
const DEEPEST: usize = 200;

thread_local! {
    /// The containers around the one that is being walked, by address; 0 for those that cannot contain themselves.
    static AROUND: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// What tells a container that can contain itself from others.
pub fn identity(value: &Value) -> usize {
    let list = value.downcast_object_ref::<List>().map(|list| std::ptr::from_ref(list).addr());
    list.or_else(|| value.downcast_object_ref::<Dict>().map(|dict| std::ptr::from_ref(dict).addr())).unwrap_or(0)
}

/// Walks the members of a container; `None` when it is being walked already, or lies too deep.
pub fn inside<T>(identity: usize, walk: impl FnOnce() -> T) -> Option<T> {
    let enters = AROUND.with_borrow_mut(|around| {
        let fits = around.len() < DEEPEST && (identity == 0 || !around.contains(&identity));
        if fits {
            around.push(identity);
        }
        fits
    });
    if !enters {
        return None;
    }
    // Left on every way out: a walk that panics is caught per node, on a thread that goes on.
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            AROUND.with_borrow_mut(|around| around.pop());
        }
    }
    let _leave = Leave;
    Some(walk())
}

/// Lets go of members one by one. Left to itself, a list in a list in a list ... is dropped by recursion.
pub fn release(mut waiting: Vec<Value>) {
    while let Some(value) = waiting.pop() {
        if let Some(list) = value.downcast_object::<List>() {
            drop(value);
            waiting.extend(Arc::into_inner(list).map(List::into_members).unwrap_or_default());
        } else if let Some(dict) = value.downcast_object::<Dict>() {
            drop(value);
            waiting.extend(Arc::into_inner(dict).map(Dict::into_members).unwrap_or_default());
        }
    }
}
