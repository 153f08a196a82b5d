//! One pair of connections in memory.
