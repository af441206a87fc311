//! Room for recursion: what walks a user's tree runs here, so that a deep one cannot end the process. How deep a tree may
//! be is the business of whoever reads it (`googlesql::parse`, the templates' reader): this room is finite.

/// Address space, of which the system hands out only what is touched.
const ROOM: usize = 256 << 20;
/// Who has this much left needs no other stack.
const ENOUGH: usize = 128 << 20;

/// Runs `walk` on a stack with room for the deepest tree that a reader lets through.
pub fn roomy<T>(walk: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(ENOUGH, ROOM, walk)
}

#[cfg(test)]
mod tests {
    /// Bytes of stack of one call, so that the test does not hang on an optimisation.
    const FRAME: usize = 16 << 10;

    fn deep(levels: usize) -> usize {
        let frame = std::hint::black_box([0u8; FRAME]);
        if levels == 0 { usize::from(frame[0]) } else { 1 + deep(levels - 1) + usize::from(frame[1]) }
    }

    #[test]
    fn there_is_room_where_a_thread_has_none() {
        let walked = std::thread::Builder::new().stack_size(256 << 10).spawn(|| super::roomy(|| deep(4_000)));
        assert_eq!(walked.expect("a thread starts").join().expect("no overflow"), 4_000);
    }
}
