//! Secrets in memory that was given back (row 69 of the table of attacks, as far as it is the engine's).

use inquic_wire::{Level, Role};

use crate::allocator::found_in_freed;
use crate::hello::secret;
use crate::lives::{LIVES, play};

#[test]
fn no_memory_is_given_back_with_a_traffic_secret_in_it() {
    for level in [Level::Handshake, Level::OneRtt] {
        let sought = [Role::Client, Role::Server].map(|sender| secret(sender, level));
        let seen = found_in_freed(sought, || drop(std::hint::black_box(sought[1].to_vec())));
        assert_eq!(seen, 1, "they are found where they are");
        for life in &LIVES {
            let seen = found_in_freed(sought, || play(life));
            assert_eq!(seen, 0, "{}: {level:?}", life.name);
        }
    }
}
