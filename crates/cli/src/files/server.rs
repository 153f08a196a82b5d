//! Comes in: streams that a client opened, one request on each. Goes out: the answers, from and into one directory.
//! Must never let a request in a bad state take others with it: each has its own stream, its own time and its own failure.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::channel::{Channel, unexpected};
use super::limits::{MESSAGE_MAX, NAME_MAX, REQUEST_TIMEOUT, REQUESTS_AT_ONCE};
use super::message::{Facts, Message, Prefix};
use super::name::Name;
use super::partial::Partial;
use super::root::{Root, Walk};
use super::source::Source;
use super::transfer::{blocking, receive_file, send_file};
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::transport::Streams;

/// A directory offered to peers.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    root: Arc<Root>,
    writable: bool,
}

impl Share {
    /// Offers what is below `root`, and takes uploads where that is said.
    pub(crate) fn new(root: Root, writable: bool) -> Self {
        Self {
            root: Arc::new(root.unnamed()),
            writable,
        }
    }

    /// Answers everything a client asks on one connection, until it closes. `log` hears of every request that failed.
    pub(crate) async fn serve<T, L>(&self, transport: &T, log: L) -> Result<(), Failure>
    where
        T: Streams,
        L: Fn(&Failure) + Clone + Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(REQUESTS_AT_ONCE));
        let mut requests = JoinSet::new();
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let accepted = transport.accept().await.map_err(|e| Failure::broken(&e))?;
            let Some(stream) = accepted else { break };
            while requests.try_join_next().is_some() {}
            let (share, log) = (self.clone(), log.clone());
            requests.spawn(async move {
                if let Err(failure) = share.answer(stream).await {
                    log(&failure);
                }
                drop(slot);
            });
        }
        while requests.join_next().await.is_some() {}
        Ok(())
    }

    /// Answers the request on one stream.
    pub(crate) async fn answer<S>(&self, stream: S) -> Result<(), Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut channel = Channel::new(stream);
        let answered = self.answer_on(&mut channel).await;
        match &answered {
            Ok(()) => channel.finish_both().await,
            // When the connection itself is gone nobody hears this, and that is no second failure.
            Err(failure) => drop(channel.refuse(failure).await),
        }
        answered
    }

    async fn answer_on<S>(&self, channel: &mut Channel<S>) -> Result<(), Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Ok(request) = timeout(REQUEST_TIMEOUT, channel.receive()).await else {
            return Err(Failure::protocol("a stream without a request on it"));
        };
        match request? {
            Message::List { name } => self.list(channel, name).await,
            Message::Get { name, have } => self.get(channel, name, have).await,
            Message::Put {
                name,
                facts,
                resume,
            } => {
                self.check_writable()?;
                self.put(channel, name, facts, resume).await
            }
            Message::MakeDirectory { name } => {
                self.check_writable()?;
                let root = Arc::clone(&self.root);
                blocking(move || root.make_directory(&name)).await?;
                channel.send(&Message::Stored).await
            }
            _ => Err(unexpected()),
        }
    }

    async fn list<S>(&self, channel: &mut Channel<S>, name: Name) -> Result<(), Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let root = Arc::clone(&self.root);
        let mut walk = blocking(move || root.walk(&name)).await?;
        loop {
            let (rest, batch) = blocking(move || next_batch(walk)).await?;
            walk = rest;
            let Message::Entries(entries) = &batch else {
                return Err(unexpected());
            };
            if entries.is_empty() {
                return channel.send(&Message::ListEnd(walk.left_out())).await;
            }
            channel.send(&batch).await?;
        }
    }

    async fn get<S>(
        &self,
        channel: &mut Channel<S>,
        name: Name,
        have: Option<Prefix>,
    ) -> Result<(), Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let root = Arc::clone(&self.root);
        let opened = blocking(move || {
            let mut source = Source::open(&root, &name)?;
            let offset = have.map_or(Ok(0), |have| source.skip(&have, &mut Vec::new()))?;
            Ok((source, offset))
        });
        let (source, offset) = opened.await?;
        channel
            .send(&Message::File {
                facts: source.facts(),
                offset,
            })
            .await?;
        send_file(channel, source, &Progress::none()).await
    }

    async fn put<S>(
        &self,
        channel: &mut Channel<S>,
        name: Name,
        facts: Facts,
        resume: bool,
    ) -> Result<(), Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut ask = resume;
        if resume {
            match self.look_at_finished(channel, &name, &facts).await? {
                Finished::Same => return channel.send(&Message::Stored).await,
                Finished::Other => ask = false,
                Finished::Not => {}
            }
        }
        let root = Arc::clone(&self.root);
        let opened = blocking(move || {
            let mut partial = Partial::open(&root, &name, facts.executable)?;
            let have = if ask {
                partial.resume(facts.size)?
            } else {
                Prefix::none()
            };
            Ok((partial, have))
        });
        let (mut partial, have) = opened.await?;
        let offset = if ask {
            ask_for_start(channel, have).await?
        } else {
            0
        };
        if offset == 0 {
            partial = blocking(move || partial.restart().map(|()| partial)).await?;
        }
        receive_file(channel, partial, facts, &Progress::none()).await?;
        channel.send(&Message::Stored).await
    }

    /// A file of the same size and time under the final name may be the same one: the digests tell.
    async fn look_at_finished<S>(
        &self,
        channel: &mut Channel<S>,
        name: &Name,
        facts: &Facts,
    ) -> Result<Finished, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (root, name, facts) = (Arc::clone(&self.root), name.clone(), *facts);
        let Some(have) = blocking(move || Ok(Source::whole(&root, &name, &facts))).await? else {
            return Ok(Finished::Not);
        };
        if ask_for_start(channel, have).await? == 0 {
            return Ok(Finished::Other);
        }
        match channel.receive().await? {
            Message::Done { digest } if digest == have.digest => Ok(Finished::Same),
            _ => Err(unexpected()),
        }
    }

    fn check_writable(&self) -> Result<(), Failure> {
        if self.writable {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Refused,
            "uploads are off",
            "start the server with --writable",
        )
        .for_all())
    }
}

/// What stands under the final name of a file that is put.
enum Finished {
    /// Nothing, or an older file.
    Not,
    /// The very file.
    Same,
    /// Another of the same size and time; the client begins at the front.
    Other,
}

/// Tells the client what is here of its file, and hears where it will begin: there, or at the front.
async fn ask_for_start<S>(channel: &mut Channel<S>, have: Prefix) -> Result<u64, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    channel.send(&Message::Ready { have }).await?;
    match channel.receive().await? {
        Message::Start { offset } if offset == 0 || offset == have.length => Ok(offset),
        _ => Err(unexpected()),
    }
}

fn next_batch(mut walk: Walk) -> Result<(Walk, Message), Failure> {
    let mut entries = Vec::new();
    let mut length = 0;
    // The longest entry still fits behind those that are there.
    while length + NAME_MAX + 64 < MESSAGE_MAX {
        let Some(entry) = walk.next_entry()? else {
            break;
        };
        length += entry.encoded_max();
        entries.push(entry);
    }
    Ok((walk, Message::Entries(entries)))
}
