//! Behaviour of the streams, as scripts: given, receives, then.

mod helper;
