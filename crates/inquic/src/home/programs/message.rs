//! `struct msghdr` and `struct iovec` in a program's memory: places in, pieces and control messages out, and what recvmsg() tells
//! back.

use super::calls::{Failure, Outcome};
use super::memory::{Memory, Piece};
use crate::home::limits;

/// A message's header.
pub(super) struct Message {
    /// Where it is.
    place: u64,
    /// Where its data goes or comes from.
    pub(super) pieces: Vec<Piece>,
    /// Where its control messages go or come from.
    pub(super) control: Piece,
}

impl Message {
    /// Reads the header at `place`.
    pub(super) fn read(memory: &Memory, place: u64) -> Outcome<Self> {
        let bytes = memory.read_value::<HEADER_BYTES>(place)?;
        let field = |at: usize| {
            let mut field = [0; 8];
            field.copy_from_slice(&bytes[at..at + 8]);
            u64::from_ne_bytes(field)
        };
        let count = field(COUNT_AT);
        if count > PIECES_MAX {
            return Err(Failure::Errno(libc::EMSGSIZE));
        }
        let control_len = usize::try_from(field(CONTROL_LEN_AT)).unwrap_or(usize::MAX);
        Ok(Self {
            place,
            pieces: pieces(memory, field(PIECES_AT), count as i32)?,
            control: Piece {
                address: field(CONTROL_AT),
                len: if field(CONTROL_AT) == 0 {
                    0
                } else {
                    control_len
                },
            },
        })
    }

    /// The control messages of a message to be sent.
    pub(super) fn read_control(&self, memory: &Memory) -> Outcome<Vec<u8>> {
        let Piece { address, len } = self.control;
        if len > limits::CONTROL_BYTES {
            return Err(Failure::Errno(libc::ENOBUFS));
        }
        Ok(memory.read_bytes(address, len)?)
    }

    /// What recvmsg() tells beside the data, and where that goes.
    pub(super) fn tell(&self, flags: u32, control: &[u8]) -> ([Piece; 4], Vec<u8>) {
        let at = |offset: u64, len| Piece {
            address: self.place.wrapping_add(offset),
            len,
        };
        let places = [
            Piece {
                address: self.control.address,
                len: control.len(),
            },
            at(NAME_LEN_AT, 4),
            at(CONTROL_LEN_AT as u64, 8),
            at(FLAGS_AT, 4),
        ];
        let mut bytes = control.to_vec();
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&(control.len() as u64).to_ne_bytes());
        bytes.extend_from_slice(&flags.to_ne_bytes());
        (places, bytes)
    }
}

/// Reads an array of `struct iovec`.
pub(super) fn pieces(memory: &Memory, place: u64, count: i32) -> Outcome<Vec<Piece>> {
    let count = u64::try_from(count)
        .ok()
        .filter(|&count| count <= PIECES_MAX);
    let count = count.ok_or(Failure::Errno(libc::EINVAL))? as usize;
    let bytes = memory.read_bytes(place, count * PIECE_BYTES)?;
    let mut whole = 0_usize;
    let mut pieces = Vec::with_capacity(count);
    for piece in bytes.as_chunks::<PIECE_BYTES>().0 {
        let (address, len) = piece.split_at(8);
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).unwrap_or_default();
        let len = usize::try_from(number(len)).unwrap_or(usize::MAX);
        // As the kernel does: a length that no ssize_t holds is a mistake, and what passes it is cut.
        if isize::try_from(len).is_err() {
            return Err(Failure::Errno(libc::EINVAL));
        }
        let len = len.min(isize::MAX as usize - whole);
        whole += len;
        pieces.push(Piece {
            address: number(address),
            len,
        });
    }
    Ok(pieces)
}

/// `struct iovec`.
const PIECE_BYTES: usize = size_of::<libc::iovec>();
/// Of them in one call (UIO_MAXIOV).
const PIECES_MAX: u64 = 1024;
/// `struct msghdr` and its fields.
const HEADER_BYTES: usize = size_of::<libc::msghdr>();
const NAME_LEN_AT: u64 = std::mem::offset_of!(libc::msghdr, msg_namelen) as u64;
const PIECES_AT: usize = std::mem::offset_of!(libc::msghdr, msg_iov);
const COUNT_AT: usize = std::mem::offset_of!(libc::msghdr, msg_iovlen);
const CONTROL_AT: usize = std::mem::offset_of!(libc::msghdr, msg_control);
const CONTROL_LEN_AT: usize = std::mem::offset_of!(libc::msghdr, msg_controllen);
const FLAGS_AT: u64 = std::mem::offset_of!(libc::msghdr, msg_flags) as u64;
