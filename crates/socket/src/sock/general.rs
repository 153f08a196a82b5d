//! Options of level SOL_SOCKET: bytes in and out. Those that concern the UDP socket alone are left to the home.

use inquic_platform::Duration;
use inquic_uapi::socket::{SO_RCVBUF, SO_RCVTIMEO, SO_REUSEPORT, SO_SNDBUF, SO_SNDTIMEO};

use super::answer::{Got, Set};
use crate::errno::Errno;
use crate::options::{Options, copy};

/// What SOL_SOCKET says of a socket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct General {
    pub(super) reuse_port: bool,
    /// None waits for ever.
    pub(super) receive_timeout: Option<Duration>,
    pub(super) send_timeout: Option<Duration>,
}

impl General {
    /// setsockopt().
    pub(super) fn set(
        &mut self,
        name: i32,
        value: &[u8],
        options: &mut Options,
    ) -> Result<Set, Errno> {
        match name {
            SO_REUSEPORT => self.reuse_port = number(value)? != 0,
            SO_RCVTIMEO => self.receive_timeout = time(value)?,
            SO_SNDTIMEO => self.send_timeout = time(value)?,
            SO_SNDBUF => options.set_send_buffer(bytes(value)?),
            SO_RCVBUF => options.set_receive_buffer(bytes(value)?),
            _ => return Ok(Set::Pass),
        }
        Ok(Set::Done)
    }

    /// getsockopt().
    pub(super) fn get(&self, name: i32, out: &mut [u8], options: &Options) -> Got {
        let bytes = match name {
            SO_REUSEPORT => put(out, i32::from(self.reuse_port)),
            SO_RCVTIMEO => put_time(out, self.receive_timeout),
            SO_SNDTIMEO => put_time(out, self.send_timeout),
            SO_SNDBUF => put(out, saturated(options.send_buffer())),
            SO_RCVBUF => put(out, saturated(options.receive_buffer())),
            _ => return Got::Pass,
        };
        Got::Bytes(bytes)
    }
}

/// Writes an `int`.
pub(super) fn put(out: &mut [u8], value: i32) -> usize {
    copy(&value.to_ne_bytes(), out)
}

/// Reads an `int`.
pub(super) fn number(value: &[u8]) -> Result<i32, Errno> {
    let bytes = value.first_chunk().ok_or(Errno::EINVAL)?;
    Ok(i32::from_ne_bytes(*bytes))
}

/// A buffer's size as the kernel takes it: twice what was said, for what it costs to keep the bytes.
fn bytes(value: &[u8]) -> Result<usize, Errno> {
    let said = usize::try_from(number(value)?).unwrap_or(0);
    Ok(said.min(BUFFER_MAX).saturating_mul(2))
}

fn saturated(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

/// Reads a `struct timeval`; zero is for ever.
fn time(value: &[u8]) -> Result<Option<Duration>, Errno> {
    let (seconds, rest) = value.split_first_chunk().ok_or(Errno::EINVAL)?;
    let micros = rest.first_chunk().ok_or(Errno::EINVAL)?;
    let (seconds, micros) = (i64::from_ne_bytes(*seconds), i64::from_ne_bytes(*micros));
    if !(0..1_000_000).contains(&micros) {
        return Err(Errno::EDOM);
    }
    // As with other sockets, a time before now does not wait.
    let seconds = u64::try_from(seconds).unwrap_or(0);
    let micros = u64::try_from(micros).unwrap_or(0);
    let whole = seconds.saturating_mul(1_000_000).saturating_add(micros);
    Ok((whole > 0).then(|| Duration::from_micros(whole)))
}

fn put_time(out: &mut [u8], time: Option<Duration>) -> usize {
    let whole = time.unwrap_or(Duration::ZERO).as_micros();
    let mut bytes = [0; 16];
    let (seconds, micros) = bytes.split_at_mut(8);
    copy(&(whole / 1_000_000).to_ne_bytes(), seconds);
    copy(&(whole % 1_000_000).to_ne_bytes(), micros);
    copy(&bytes, out)
}

/// The most that can be asked for, as net.core.wmem_max bounds it.
const BUFFER_MAX: usize = 4 * 1024 * 1024;
