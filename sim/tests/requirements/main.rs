//! What the RFCs demand of an endpoint, one behaviour a test. `docs/requirements` says which sentence each of them shows.

mod common;
mod early;
mod handshake;
mod ids;
mod limits;
mod negotiation;
mod packets;
mod parameters;
mod paths;
mod retry;
