//! Control messages of sendmsg and recvmsg (cmsg(3)): the bytes of `msg_control` in, levels, types and data out, and back.

use core::mem::size_of;

/// One control message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlMessage<'a> {
    /// `cmsg_level`.
    pub level: i32,
    /// `cmsg_type`.
    pub kind: i32,
    /// The bytes after the header.
    pub data: &'a [u8],
}

/// A control message says that it is longer than the buffer, or shorter than its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The control messages of a buffer, in order; ends after the first one that is [`Malformed`].
#[derive(Clone, Debug)]
pub struct ControlMessages<'a> {
    rest: &'a [u8],
}

impl<'a> ControlMessages<'a> {
    /// The messages in the bytes of `msg_control`.
    #[must_use]
    pub const fn new(control: &'a [u8]) -> Self {
        Self { rest: control }
    }
}

impl<'a> Iterator for ControlMessages<'a> {
    type Item = Result<ControlMessage<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        // As in the kernel, what is too short for a header is padding.
        let (header, _) = self.rest.split_first_chunk::<HEADER_LEN>()?;
        let len = usize::from_ne_bytes(crate::layout::take(header, 0));
        let number = |at| i32::from_ne_bytes(crate::layout::take(header, at));
        let Some(data) = self.rest.get(HEADER_LEN..len) else {
            self.rest = &[];
            return Some(Err(Malformed));
        };
        self.rest = self.rest.get(aligned(len)..).unwrap_or(&[]);
        Some(Ok(ControlMessage {
            level: number(LEVEL_AT),
            kind: number(LEVEL_AT.saturating_add(4)),
            data,
        }))
    }
}

impl ControlMessage<'_> {
    /// Writes the message to the start of `control`; how much of it is used then, or nothing when there is no room.
    pub fn write(&self, control: &mut [u8]) -> Option<usize> {
        let len = HEADER_LEN.saturating_add(self.data.len());
        if control.len() < len {
            return None;
        }
        crate::layout::give(&len.to_ne_bytes(), control, 0);
        crate::layout::give(&self.level.to_ne_bytes(), control, LEVEL_AT);
        crate::layout::give(
            &self.kind.to_ne_bytes(),
            control,
            LEVEL_AT.saturating_add(4),
        );
        crate::layout::give(self.data, control, HEADER_LEN);
        let end = aligned(len).min(control.len());
        if let Some(padding) = control.get_mut(len..end) {
            padding.fill(0);
        }
        Some(end)
    }
}

const fn aligned(len: usize) -> usize {
    len.div_ceil(size_of::<usize>())
        .saturating_mul(size_of::<usize>())
}

/// `cmsg_len` comes first, a `size_t`.
const LEVEL_AT: usize = size_of::<usize>();
/// `struct cmsghdr`.
const HEADER_LEN: usize = LEVEL_AT + 8;
