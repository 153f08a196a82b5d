//! Streams and their flow control.
