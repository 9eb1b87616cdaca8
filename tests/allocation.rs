//! The core never asks for memory: an allocator that counts sees nothing, whatever the options.

#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use std::alloc::System;

use ternarize::{Rule, Scales, Search, Ternarizer, Weight, curve_into, ternarize_into};

thread_local! {
    /// Allocations of this thread, and the bytes of the largest; no destructor, and nothing to set up.
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting.
struct Counting;

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the block came from the system's allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often the work allocates.
fn allocations<T>(work: impl FnOnce() -> T) -> usize {
    let before = COUNT.get();
    core::hint::black_box(work());
    COUNT.get() - before
}

const LEN: usize = 3000;

fn weights<W: Weight>() -> Vec<W> {
    // Many fixed points, ties and a long tail: every part of the search has work.
    let weight = |i: usize| ((i * 7919 % 1000) as f64 / -150.0).exp2() * [1.0, -1.0][i % 2];
    (0..LEN).map(|i| W::from(weight(i)).unwrap()).collect()
}

fn never_allocates<W: Weight>() {
    let (weights, mut trits, mut cosines) = (weights::<W>(), vec![0; LEN], vec![0.0; LEN]);
    let importance: Vec<f32> = (0..LEN).map(|i| (i % 5) as f32).collect();
    let options = Ternarizer::new();
    let asked = [
        options,
        options.search(Search::Auto),
        options.scales(Scales::One),
        options.rule(Rule::TwoScale),
        options.rule(Rule::Twn),
        options.rule(Rule::AbsMean),
        options.rule(Rule::AbsMax),
        options.importance(&importance),
        options.rule(Rule::TwoScale).importance(&importance),
        options.nonzeros(1000),
        options.min_nonzeros(5).max_nonzeros(2500),
        options.target_cosine(0.7),
    ];
    for options in asked {
        let used = allocations(|| options.ternarize_into(&weights, &mut trits).unwrap());
        assert_eq!(used, 0, "{options:?}");
    }
    assert_eq!(
        allocations(|| ternarize_into(&weights, &mut trits).unwrap()),
        0
    );
    assert_eq!(
        allocations(|| curve_into(&weights, &mut cosines).unwrap()),
        0
    );
    let unreachable = options.target_cosine(1.0);
    assert_eq!(
        allocations(|| unreachable
            .ternarize_into(&weights, &mut trits)
            .unwrap_err()),
        0
    );
}

#[test]
fn nothing_allocates() {
    never_allocates::<f32>();
    never_allocates::<f64>();
    #[cfg(feature = "half")]
    never_allocates::<half::f16>();
    #[cfg(feature = "half")]
    never_allocates::<half::bf16>();
}

#[test]
fn what_allocates_is_seen() {
    assert_eq!(allocations(|| vec![1_u8]), 1);
    #[cfg(feature = "alloc")]
    {
        let (weights, mut trits) = (weights::<f32>(), vec![0; LEN]);
        let sort = Ternarizer::new().search(Search::Sort);
        assert!(allocations(|| sort.ternarize_into(&weights, &mut trits).unwrap()) > 0);
    }
}

/// The numbers of a model file say how much memory it needs only if it has so many bytes.
#[cfg(feature = "safetensors")]
#[test]
fn numbers_in_model_files_allocate_nothing() {
    use std::io::Cursor;
    use ternarize::model::ModelReader;

    let number = |n: u64| n.to_le_bytes().to_vec();
    let gguf = |fields: &[Vec<u8>]| [b"GGUF\x03\0\0\0".to_vec(), fields.concat()].concat();
    let key = [number(1), b"k".to_vec()].concat();
    let kind = |kind: u8| vec![kind, 0, 0, 0];
    let mut files = vec![];
    for n in [1 << 33, 1 << 60, u64::MAX] {
        files.extend([
            gguf(&[number(n), number(0)]),
            gguf(&[number(0), number(n)]),
            gguf(&[number(0), number(1), number(n)]),
            gguf(&[number(0), number(1), key.clone(), kind(8), number(n)]),
            gguf(&[
                number(0),
                number(1),
                key.clone(),
                kind(9),
                kind(12),
                number(n),
            ]),
            gguf(&[
                number(0),
                number(1),
                key.clone(),
                kind(9),
                kind(8),
                number(n),
            ]),
            gguf(&[
                number(1),
                number(0),
                key.clone(),
                kind(1),
                number(n),
                kind(35),
                number(0),
            ]),
            [number(n), b"{}".to_vec()].concat(),
            [number(2), b"{}".to_vec(), number(n)].concat(),
        ]);
    }
    for file in files {
        LARGEST.set(0);
        let len = file.len();
        assert!(
            ModelReader::open_with("no-such-folder/model", |_| Ok(Cursor::new(file.clone())))
                .is_err()
        );
        // A buffer of the reader has 8 KiB.
        assert!(
            LARGEST.get() <= 1 << 14,
            "{} for {len} bytes",
            LARGEST.get()
        );
    }
}
