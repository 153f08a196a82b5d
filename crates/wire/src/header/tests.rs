mod ids;
mod read;
mod write;

use std::vec::Vec;

use super::*;
use crate::writer::Writer;

fn cid(bytes: &[u8]) -> ConnectionId {
    ConnectionId::new(bytes).unwrap()
}

fn written<T>(write: impl FnOnce(&mut Writer<'_>) -> Result<T, crate::Full>) -> Vec<u8> {
    let mut buffer = [0xee; 2048];
    let mut w = Writer::new(&mut buffer);
    write(&mut w).unwrap();
    w.written().to_vec()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|d| d as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
