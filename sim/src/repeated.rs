//! How often an attack is repeated: a few times while somebody waits, as often as the list of attacks asks when it is proven.

/// `brief`, or `full` where the environment has [`FULL`] set, as `cargo xtask prove` does.
#[must_use]
pub fn repeated(brief: u32, full: u32) -> u32 {
    if std::env::var_os(FULL).is_some() {
        full
    } else {
        brief
    }
}

/// Set, to anything, when every test is to be repeated as often as it can be.
pub const FULL: &str = "INQUIC_FULL";
