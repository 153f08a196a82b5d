//! Stream data with its control message: a stream and flags in, sendmsg and recvmsg out, and the other way about.

use std::io;
use std::os::fd::RawFd;

use inquic_uapi::flags::STREAM_FLAGS;
use inquic_uapi::structs::StreamInfo;
use inquic_uapi::{ControlMessage, ControlMessages, Layout, QUIC_STREAM_INFO, SOL_QUIC};

use inquic_descriptor::sys::{self, CONTROL_BYTES, Control};

/// Sends on a stream; flags of streams go into the control message, the others to sendmsg().
///
/// # Errors
///
/// What the socket says.
pub(crate) fn send(fd: RawFd, bytes: &[u8], stream: i64, flags: u32) -> io::Result<usize> {
    let (control, len) = control(stream, flags);
    let control = control.0.get(..len).unwrap_or_default();
    let rest = flags & !STREAM_FLAGS;
    sys::sendmsg(fd, bytes, control, rest.cast_signed())
}

/// Receives: how many bytes, of which stream (-1 for none), and the flags of the message and the stream together.
///
/// # Errors
///
/// What the socket says.
pub(crate) fn receive(fd: RawFd, out: &mut [u8], flags: u32) -> io::Result<(usize, i64, u32)> {
    let mut control = Control([0; CONTROL_BYTES]);
    let (len, control_len, flags) = sys::recvmsg(fd, out, &mut control.0, flags.cast_signed())?;
    let info = stream_in(control.0.get(..control_len).unwrap_or_default());
    let (stream, stream_flags) = info.map_or((-1, 0), |info| (info.stream_id, info.stream_flags));
    Ok((len, stream, flags.cast_unsigned() | stream_flags))
}

/// The control message of a stream.
pub(crate) fn control(stream: i64, flags: u32) -> (Control, usize) {
    let mut info = [0; StreamInfo::SIZE];
    StreamInfo {
        stream_id: stream,
        stream_flags: flags & STREAM_FLAGS,
    }
    .write(&mut info);
    let mut control = Control([0; CONTROL_BYTES]);
    let message = ControlMessage {
        level: SOL_QUIC,
        kind: QUIC_STREAM_INFO,
        data: &info,
    };
    let len = message.write(&mut control.0).unwrap_or(0);
    (control, len)
}

/// The stream in control data.
pub(crate) fn stream_in(control: &[u8]) -> Option<StreamInfo> {
    ControlMessages::new(control)
        .filter_map(Result::ok)
        .find(|message| message.level == SOL_QUIC && message.kind == QUIC_STREAM_INFO)
        .map(|message| StreamInfo::read(message.data))
}
