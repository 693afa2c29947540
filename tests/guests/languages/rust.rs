//! Rust without its standard library's operating system part: `core` and `alloc` over a C library.
//! Collections, formatting, traits, closures, checked arithmetic, and a panic that ends the program.
#![no_std]
#![no_main]
#![feature(alloc_error_handler)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BinaryHeap, VecDeque};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::RefCell;
use core::fmt::{self, Write};
use core::panic::PanicInfo;

extern "C" {
    fn aligned_alloc(align: usize, size: usize) -> *mut u8;
    fn free(at: *mut u8);
    fn write(to: i32, from: *const u8, bytes: usize) -> isize;
    fn read(from: i32, to: *mut u8, bytes: usize) -> isize;
    fn _exit(status: i32) -> !;
    fn strlen(text: *const u8) -> usize;
}

struct Library;

unsafe impl GlobalAlloc for Library {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let align = layout.align().max(16);
        aligned_alloc(align, (layout.size() + align - 1) & !(align - 1))
    }
    unsafe fn dealloc(&self, at: *mut u8, _: Layout) {
        free(at)
    }
}

#[global_allocator]
static MEMORY: Library = Library;

struct Out;

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let done = unsafe { write(1, text.as_ptr(), text.len()) };
        if done == text.len() as isize { Ok(()) } else { Err(fmt::Error) }
    }
}

macro_rules! say {
    ($($argument:tt)*) => { writeln!(Out, $($argument)*).unwrap() };
}

#[panic_handler]
fn panicked(info: &PanicInfo) -> ! {
    let _ = writeln!(Out, "{}", info);
    unsafe { _exit(101) }
}

#[alloc_error_handler]
fn no_memory(layout: Layout) -> ! {
    panic!("no memory for {} bytes", layout.size())
}

trait Shape {
    fn area(&self) -> f64;
    fn name(&self) -> String {
        String::from("shape")
    }
}

struct Circle(f64);
struct Rectangle {
    width: f64,
    height: f64,
}

impl Shape for Circle {
    fn area(&self) -> f64 {
        core::f64::consts::PI * self.0 * self.0
    }
    fn name(&self) -> String {
        format!("circle of {}", self.0)
    }
}

impl Shape for Rectangle {
    fn area(&self) -> f64 {
        self.width * self.height
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    Number(i64),
    Symbol(char),
}

fn tokens(text: &str) -> Result<Vec<Token>, core::num::ParseIntError> {
    text.split_whitespace()
        .map(|word| match word.chars().next() {
            Some(first) if !first.is_ascii_digit() => Ok(Token::Symbol(first)),
            _ => word.parse().map(Token::Number),
        })
        .collect()
}

/// Counts how often it is dropped.
struct Guard(Rc<RefCell<u32>>);

impl Drop for Guard {
    fn drop(&mut self) {
        *self.0.borrow_mut() += 1;
    }
}

fn collections() {
    let mut words = BTreeMap::new();
    for word in "the quick brown fox jumps over the lazy dog the end".split(' ') {
        *words.entry(word).or_insert(0) += 1;
    }
    say!("{:?}", words);
    let mut heap: BinaryHeap<_> = (0..50u64).map(|i| i * 7919 % 101).collect();
    let top: Vec<_> = core::iter::from_fn(|| heap.pop()).take(5).collect();
    let mut queue: VecDeque<_> = top.iter().map(|n| n % 10).collect();
    queue.rotate_left(2);
    say!("{:?} {:?}", top, queue);
    let mut numbers: Vec<u32> = (0..2000).map(|i: u32| i.wrapping_mul(2654435761) >> 7).collect();
    numbers.sort_unstable();
    say!("{:x} {:x}", numbers[0], numbers[1999]);
}

fn shapes() {
    let shapes: [Box<dyn Shape>; 2] =
        [Box::new(Circle(1.5)), Box::new(Rectangle { width: 2.0, height: 0.25 })];
    for shape in &shapes {
        say!("{} {:.4} {:e}", shape.name(), shape.area(), shape.area());
    }
    let drops = Rc::new(RefCell::new(0));
    let guards: Vec<_> = (0..3).map(|_| Guard(drops.clone())).collect();
    drop(guards);
    say!("{} dropped", drops.borrow());
}

#[no_mangle]
pub extern "C" fn main(argc: i32, argv: *const *const u8) -> i32 {
    collections();
    shapes();
    say!("{:?} {:?}", tokens("12 + 30"), tokens("9 9x"));
    say!("{:?} {:?}", 200u8.checked_add(100), i64::MIN.overflowing_neg());
    let mut text = [0u8; 256];
    let count = unsafe { read(0, text.as_mut_ptr(), text.len()) }.max(0) as usize;
    say!("{} bytes: {:?}", count, core::str::from_utf8(&text[..count]));
    if argc > 1 {
        let index = unsafe { strlen(*argv.add(1)) } + 300;
        say!("{}", text[index]);
    }
    3
}
