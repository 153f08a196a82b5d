//! Comes in: one end of a stream and one file. Goes out: the same file at the other end. Both ends of both directions use this.
//! Must never hold more than two buffers: one is on the disk's side while the other is on the network's.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{JoinHandle, spawn_blocking};

use super::channel::{Channel, Incoming, unexpected};
use super::message::{Facts, Message, Reason};
use super::partial::Partial;
use super::refusal;
use super::source::Source;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;

/// Sends what `source` has left to read, then the digest of the whole.
pub(crate) async fn send_file<S>(
    channel: &mut Channel<S>,
    source: Source,
    progress: &Progress,
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut source, mut frame, mut bytes) = blocking(move || read(source, Vec::new())).await?;
    let mut spare = Vec::new();
    while bytes > 0 {
        let into = std::mem::take(&mut spare);
        let reading = spawn_blocking(move || read(source, into));
        channel.send_data(&mut frame).await?;
        progress.add(bytes as u64);
        spare = frame;
        (source, frame, bytes) = joined(reading).await?;
    }
    let digest = blocking(move || source.finish()).await?;
    channel.send(&Message::Done { digest }).await
}

/// Receives the rest of a file into `partial`, which then gets its final name.
pub(crate) async fn receive_file<S>(
    channel: &mut Channel<S>,
    partial: Partial,
    facts: Facts,
    progress: &Progress,
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut writer = Writer::Idle(Box::new(partial), Vec::new());
    let received = receive_data(channel, &mut writer, facts, progress).await;
    // What is being written is waited for in any case, so that whoever hears of a failure can begin again at once.
    let written = writer.take().await;
    let message = received?;
    let (mut partial, _) = written?;
    match message {
        Message::Done { digest } => blocking(move || partial.commit(&facts, &digest)).await,
        Message::Failed { reason, text } => {
            if reason == Reason::Changed {
                partial.discard();
            }
            Err(refusal::heard(reason, &text))
        }
        _ => Err(unexpected()),
    }
}

/// Receives data until a message comes that is none.
async fn receive_data<S>(
    channel: &mut Channel<S>,
    writer: &mut Writer,
    facts: Facts,
    progress: &Progress,
) -> Result<Message, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut left = facts.size.saturating_sub(writer.written());
    let mut data = Vec::new();
    loop {
        if let Incoming::Message(message) = channel.receive_any(&mut data).await? {
            return Ok(message);
        }
        let bytes = data.len() as u64;
        left = left
            .checked_sub(bytes)
            .ok_or_else(|| Failure::protocol("more data than the file has"))?;
        progress.add(bytes);
        let (mut partial, spare) = std::mem::replace(writer, Writer::Gone).take().await?;
        let full = std::mem::replace(&mut data, spare);
        *writer = Writer::Busy(spawn_blocking(move || {
            partial.write(&full)?;
            Ok((partial, full))
        }));
    }
}

/// Does what blocks where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    joined(spawn_blocking(work)).await
}

/// The file's side of a transfer.
enum Writer {
    /// Waiting for the next buffer.
    Idle(Box<Partial>, Vec<u8>),
    /// Writing one.
    Busy(JoinHandle<Result<(Partial, Vec<u8>), Failure>>),
    /// Writing failed, which was told already.
    Gone,
}

impl Writer {
    /// Bytes in the file before the transfer begins.
    const fn written(&self) -> u64 {
        match self {
            Self::Idle(partial, _) => partial.written(),
            Self::Busy(_) | Self::Gone => 0,
        }
    }

    async fn take(self) -> Result<(Partial, Vec<u8>), Failure> {
        match self {
            Self::Idle(partial, spare) => Ok((*partial, spare)),
            Self::Busy(writing) => joined(writing).await,
            Self::Gone => Err(unexpected()),
        }
    }
}

fn read(mut source: Source, mut frame: Vec<u8>) -> Result<(Source, Vec<u8>, usize), Failure> {
    let bytes = source.next_frame(&mut frame)?;
    Ok((source, frame, bytes))
}

async fn joined<T>(work: JoinHandle<Result<T, Failure>>) -> Result<T, Failure> {
    match work.await {
        Ok(result) => result,
        Err(error) => Err(Failure::new(
            Exit::Unexpected,
            format!("a worker stopped: {error}"),
            "report this",
        )),
    }
}
