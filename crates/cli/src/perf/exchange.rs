//! Comes in: a stream. Goes out: one exchange over it, from either side.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::buffers::Buffers;

/// The client's side: asks for `down` bytes, sends `up` bytes, reads to the end.
pub(crate) async fn ask<S>(mut stream: S, buffers: &Buffers, up: u64, down: u64) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = buffers.take();
    let head = down.to_be_bytes();
    let (first, rest) = whole_or_less(up, buffer.len() - head.len());
    // The number and the data that follows it go out together, so that a small request is one packet.
    if let Some(space) = buffer.get_mut(..head.len()) {
        space.copy_from_slice(&head);
    }
    stream.write_all(part(&buffer, head.len() + first)).await?;
    write(&mut stream, &buffer, rest).await?;
    stream.shutdown().await?;
    let got = drain(&mut stream, &mut buffer).await?;
    buffers.put(buffer);
    if got == down {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "{got} bytes came instead of {down}"
        )))
    }
}

/// The server's side: reads to the end, sends what was asked for.
pub(crate) async fn answer<S>(mut stream: S, buffers: &Buffers) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = buffers.take();
    let mut head = [0; 8];
    let mut have = 0;
    loop {
        let bytes = stream.read(&mut buffer).await?;
        if bytes == 0 {
            break;
        }
        for (to, from) in head.iter_mut().skip(have).zip(buffer.iter().take(bytes)) {
            *to = *from;
            have += 1;
        }
    }
    if have < head.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    write(&mut stream, &buffer, u64::from_be_bytes(head)).await?;
    stream.shutdown().await?;
    buffers.put(buffer);
    Ok(())
}

async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    buffer: &[u8],
    mut left: u64,
) -> io::Result<()> {
    while left > 0 {
        let (now, rest) = whole_or_less(left, buffer.len());
        stream.write_all(part(buffer, now)).await?;
        left = rest;
    }
    Ok(())
}

async fn drain<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut [u8]) -> io::Result<u64> {
    let mut got = 0u64;
    loop {
        match stream.read(buffer).await? {
            0 => return Ok(got),
            bytes => got = got.saturating_add(bytes as u64),
        }
    }
}

/// How much of `wanted` fits into `room`, and what is left of it.
fn whole_or_less(wanted: u64, room: usize) -> (usize, u64) {
    let now = usize::try_from(wanted).map_or(room, |wanted| wanted.min(room));
    (now, wanted.saturating_sub(now as u64))
}

fn part(buffer: &[u8], length: usize) -> &[u8] {
    buffer.get(..length).unwrap_or(buffer)
}
