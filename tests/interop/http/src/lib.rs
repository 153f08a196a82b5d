//! In: the bytes of one stream, or a directory. Out: requests, responses, file contents. Never touches a socket.
//!
//! The interop programs of inquic and of its peers speak HTTP/0.9 (`hq-interop`) to each other, and as much HTTP/3 as
//! ngtcp2's programs need, which have nothing else.

mod files;
pub mod http3;
mod huffman;

pub use files::{Directory, name_of};

/// The ALPN token of HTTP/0.9 over QUIC.
pub const HQ: &[u8] = b"hq-interop";
/// The ALPN token of HTTP/3.
pub const H3: &[u8] = b"h3";

/// The longest request that is read: a path of 4,096 bytes and what surrounds it.
pub const REQUEST_BYTES: usize = 8192;

/// The request for one file, complete; the stream is finished after it.
#[must_use]
pub fn hq_request(path: &str) -> Vec<u8> {
    format!("GET {path}\r\n").into_bytes()
}

/// The path that a complete HTTP/0.9 request names.
///
/// # Errors
///
/// A sentence, when it is none.
pub fn hq_path(request: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(request).map_err(|_| "the request is not UTF-8")?;
    let line = text
        .strip_prefix("GET ")
        .ok_or("the request is not a GET")?;
    Ok(line.trim_end_matches(['\r', '\n']))
}

#[cfg(test)]
mod tests;
