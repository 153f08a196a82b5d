//! This process's own memory, as that of a program: what is there comes, what is nobody's is EFAULT.

use std::fs::File;

use inquic_calls::Wish;
use inquic_socket::Errno;

use super::{Memory, Piece};

/// An address that is nobody's.
const NOWHERE: u64 = 8;

fn this_process() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

fn place<T>(value: &T) -> u64 {
    (&raw const *value).addr() as u64
}

/// Both ways to a process's memory.
fn ways() -> [Memory; 2] {
    let file = File::options()
        .read(true)
        .write(true)
        .open("/proc/self/mem")
        .unwrap();
    [Memory::Process(this_process()), Memory::File(file)]
}

#[test]
fn pieces_are_read_one_after_the_other() {
    let (first, second) = (*b"hello ", *b"world, and more");
    for memory in ways() {
        let pieces = [
            Piece {
                address: place(&first),
                len: 6,
            },
            Piece {
                address: place(&second),
                len: 15,
            },
        ];
        let mut out = [0; 11];
        memory.read(&pieces, &mut out).unwrap();
        assert_eq!(&out, b"hello world");
    }
}

#[test]
fn more_pieces_than_one_call_takes_are_read() {
    let letters: Vec<u8> = (0..40).collect();
    for memory in ways() {
        let pieces: Vec<Piece> = letters
            .iter()
            .map(|letter| Piece {
                address: place(letter),
                len: 1,
            })
            .collect();
        let mut out = [0; 40];
        memory.read(&pieces, &mut out).unwrap();
        assert_eq!(out.as_slice(), letters);
    }
}

#[test]
fn what_is_written_is_there() {
    for memory in ways() {
        let value = std::sync::atomic::AtomicU64::new(0);
        memory
            .write_bytes(place(&value), &7_u64.to_ne_bytes())
            .unwrap();
        assert_eq!(value.into_inner(), 7);
    }
}

#[test]
fn an_address_that_is_nobodys_is_efault() {
    for memory in ways() {
        assert_eq!(memory.read_value::<4>(NOWHERE), Err(Errno::EFAULT));
        assert_eq!(memory.write_bytes(NOWHERE, b"x"), Err(Errno::EFAULT));
        assert_eq!(
            memory.read_bytes(NOWHERE, 0),
            Ok(Vec::new()),
            "nothing is nowhere"
        );
    }
}

#[test]
fn memory_that_is_not_what_it_says_is_not_opened() {
    let value = 42_u64;
    let wish = |sample| Wish::Page {
        address: place(&value),
        sample,
    };
    assert!(Memory::open(this_process(), &wish(42), None).is_ok());
    let other = Memory::open(this_process(), &wish(43), None);
    assert!(
        matches!(other, Err(libc::EPERM)),
        "the program is asked for its memory then"
    );
    // What the program gives may be another's.
    let file = File::open("/dev/zero").unwrap();
    let given = Memory::open(this_process(), &wish(42), Some(file.into()));
    assert!(matches!(given, Err(libc::EPERM)));
}
