//! A connection's streams and what a test does with them.
