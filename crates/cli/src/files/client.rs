//! Comes in: a connection and what the user wants moved. Goes out: a report of what was moved.
//! Must never believe the server's names: they are parsed like a stranger's, and opened below the destination only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::channel::{Channel, unexpected};
use super::limits::ENTRIES_MAX;
use super::message::{Entry, Facts, Kind, LeftOut, Message, Prefix};
use super::name::Name;
use super::partial::Partial;
use super::root::Root;
use super::source::Source;
use super::transfer::{blocking, receive_file, send_file};
use crate::failure::{Exit, Failure, shown};
use crate::progress::Progress;
use crate::transport::Streams;

/// One who asks for files.
#[derive(Clone, Debug)]
pub(crate) struct Client<T> {
    transport: T,
    streams: usize,
    resume: bool,
    progress: Progress,
}

/// What a transfer did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Files that are now the same at both ends.
    pub(crate) files: usize,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Bytes of them that were there before.
    pub(crate) kept: u64,
    /// What the tree has beside them.
    pub(crate) left_out: LeftOut,
}

/// One file to be moved: what it is called there, and here.
#[derive(Clone, Debug)]
struct Job {
    remote: Name,
    local: Name,
    facts: Facts,
}

/// How one file was moved.
#[derive(Clone, Copy, Debug)]
struct Moved {
    bytes: u64,
    kept: u64,
}

impl<T: Streams> Client<T> {
    /// Asks over `transport`, with so many requests in flight.
    pub(crate) const fn new(
        transport: T,
        streams: usize,
        resume: bool,
        progress: Progress,
    ) -> Self {
        Self {
            transport,
            streams,
            resume,
            progress,
        }
    }

    /// Fetches a file, or everything in a directory, to `destination`.
    pub(crate) async fn get(&self, remote: &Name, destination: &Path) -> Result<Report, Failure> {
        let (entries, left_out) = self.list(remote).await?;
        let single =
            matches!(entries.first(), Some(Entry { name, kind: Kind::File(_) }) if name.is_root());
        let (root, top) = if single {
            single_target(remote, destination)?
        } else {
            (destination.into(), Name::ROOT)
        };
        let root = Arc::new(blocking(move || Root::create(&root)).await?);
        let mut jobs = Vec::new();
        for Entry { name, kind } in entries {
            let refused = |why| Failure::protocol(format!("{why} is refused"));
            match kind {
                Kind::Directory => {
                    let root = Arc::clone(&root);
                    blocking(move || root.make_directory(&name)).await?;
                }
                Kind::File(facts) => {
                    let remote = remote.join(&name).map_err(refused)?;
                    let local = top.join(&name).map_err(refused)?;
                    jobs.push(Job {
                        remote,
                        local,
                        facts,
                    });
                }
            }
        }
        self.each(jobs, left_out, move |client, job| {
            let root = Arc::clone(&root);
            async move { client.get_file(&root, job).await }
        })
        .await
    }

    /// Brings a file, or everything in a directory, to `remote`; into it, under its own name, when `into` is said.
    pub(crate) async fn put(
        &self,
        source: &Path,
        remote: &Name,
        into: bool,
    ) -> Result<Report, Failure> {
        let (root, top, single) = local_source(source)?;
        let walked = blocking(move || {
            let root = Root::open(&root)?;
            let (entries, left_out) = collect(&root, &top)?;
            Ok((Arc::new(root), top, entries, left_out))
        });
        let (root, top, entries, left_out) = walked.await?;
        let target = match top.split() {
            Some((_, last)) if single && into => remote
                .join(&Name::parse(last).map_err(unsendable)?)
                .map_err(unsendable)?,
            _ => remote.clone(),
        };
        let mut jobs = Vec::new();
        let mut entries = entries.into_iter().peekable();
        while let Some(Entry { name, kind }) = entries.next() {
            let remote = target.join(&name).map_err(unsendable)?;
            match kind {
                // A directory with something in it is made with what is in it.
                Kind::Directory
                    if entries
                        .peek()
                        .is_some_and(|next| is_below(&next.name, &name)) => {}
                Kind::Directory => self.make_directory(remote).await?,
                Kind::File(facts) => {
                    jobs.push(Job {
                        remote,
                        local: top.join(&name).map_err(unsendable)?,
                        facts,
                    });
                }
            }
        }
        self.each(jobs, left_out, move |client, job| {
            let root = Arc::clone(&root);
            async move { client.put_file(&root, job).await }
        })
        .await
    }

    /// Everything below a name.
    async fn list(&self, name: &Name) -> Result<(Vec<Entry>, LeftOut), Failure> {
        let mut channel = self.ask(&Message::List { name: name.clone() }).await?;
        channel.finish().await;
        let mut entries = Vec::new();
        loop {
            match channel.receive().await? {
                Message::Entries(batch) => entries.extend(batch),
                Message::ListEnd(left_out) => return Ok((entries, left_out)),
                _ => return Err(unexpected()),
            }
            if entries.len() > ENTRIES_MAX {
                return Err(Failure::protocol(format!(
                    "a listing of more than {ENTRIES_MAX} names"
                )));
            }
        }
    }

    async fn make_directory(&self, name: Name) -> Result<(), Failure> {
        let mut channel = self.ask(&Message::MakeDirectory { name }).await?;
        stored(&mut channel).await
    }

    async fn get_file(&self, root: &Arc<Root>, job: Job) -> Result<Moved, Failure> {
        let (here, local, facts) = (Arc::clone(root), job.local.clone(), job.facts);
        let resume = self.resume;
        let opened = blocking(move || {
            if resume && let Some(have) = Source::whole(&here, &local, &facts) {
                return Ok((None, have));
            }
            let mut partial = Partial::open(&here, &local, facts.executable)?;
            let have = if resume {
                partial.resume(facts.size)?
            } else {
                Prefix::none()
            };
            Ok((Some(partial), have))
        });
        let (partial, have) = opened.await?;
        let asked = Message::Get {
            name: job.remote.clone(),
            have: (have.length > 0).then_some(have),
        };
        let mut channel = self.ask(&asked).await?;
        channel.finish().await;
        let Message::File { facts, offset } = channel.receive().await? else {
            return Err(unexpected());
        };
        if offset != 0 && offset != have.length {
            return Err(unexpected());
        }
        self.progress.add(offset);
        if partial.is_none() && offset > 0 && facts.size == offset {
            return match channel.receive().await? {
                Message::Done { digest } if digest == have.digest => Ok(Moved {
                    bytes: facts.size,
                    kept: offset,
                }),
                _ => Err(unexpected()),
            };
        }
        let (here, local) = (Arc::clone(root), job.local);
        let opened = blocking(move || {
            let mut partial = match partial {
                Some(partial) => partial,
                None => Partial::open(&here, &local, facts.executable)?,
            };
            if offset == 0 {
                partial.restart()?;
            }
            Ok(partial)
        });
        receive_file(&mut channel, opened.await?, facts, &self.progress).await?;
        Ok(Moved {
            bytes: facts.size,
            kept: offset,
        })
    }

    async fn put_file(&self, root: &Arc<Root>, job: Job) -> Result<Moved, Failure> {
        let (here, local) = (Arc::clone(root), job.local);
        let mut source = blocking(move || Source::open(&here, &local)).await?;
        let facts = source.facts();
        let asked = Message::Put {
            name: job.remote,
            facts,
            resume: self.resume,
        };
        let mut channel = self.ask(&asked).await?;
        let mut offset = 0;
        if self.resume {
            let Message::Ready { have } = channel.receive().await? else {
                return Err(unexpected());
            };
            let skipped = blocking(move || {
                let offset = source.skip(&have, &mut Vec::new())?;
                Ok((source, offset))
            });
            (source, offset) = skipped.await?;
            channel.send(&Message::Start { offset }).await?;
            self.progress.add(offset);
        }
        match send_file(&mut channel, source, &self.progress).await {
            Ok(()) => stored(&mut channel).await?,
            Err(failure) if failure.is_connection() => return Err(channel.explain(failure).await),
            Err(failure) => {
                // The server need not wait for the rest. That it may be gone by now changes nothing.
                drop(channel.refuse(&failure).await);
                return Err(failure);
            }
        }
        Ok(Moved {
            bytes: facts.size,
            kept: offset,
        })
    }

    async fn ask(&self, request: &Message) -> Result<Channel<T::Stream>, Failure> {
        let stream = self
            .transport
            .open()
            .await
            .map_err(|e| Failure::broken(&e))?;
        let mut channel = Channel::new(stream);
        match channel.send(request).await {
            Ok(()) => Ok(channel),
            Err(failure) => Err(channel.explain(failure).await),
        }
    }

    /// Moves every file, so many at once, the largest first. One that fails does not stop the others, unless they would too.
    async fn each<F, W>(
        &self,
        mut jobs: Vec<Job>,
        left_out: LeftOut,
        work: W,
    ) -> Result<Report, Failure>
    where
        F: Future<Output = Result<Moved, Failure>> + Send + 'static,
        W: Fn(Self, Job) -> F,
    {
        jobs.sort_by_key(|job| std::cmp::Reverse(job.facts.size));
        let all = jobs.len();
        self.progress
            .expect(jobs.iter().map(|job| job.facts.size).sum(), all);
        let mut jobs = jobs.into_iter();
        let mut running = JoinSet::new();
        let mut report = Report {
            left_out,
            ..Report::default()
        };
        let mut failed: Option<(usize, Failure)> = None;
        loop {
            while running.len() < self.streams.max(1)
                && let Some(job) = jobs.next()
            {
                running.spawn(work(self.clone(), job));
            }
            match running.join_next().await {
                None => break,
                Some(Ok(Ok(Moved { bytes, kept }))) => {
                    report.files += 1;
                    report.bytes = report.bytes.saturating_add(bytes);
                    report.kept = report.kept.saturating_add(kept);
                    self.progress.finished_one();
                }
                Some(Ok(Err(failure))) if failure.ends_everything() => return Err(failure),
                Some(Ok(Err(failure))) => {
                    let (count, first) = failed.unwrap_or((0, failure));
                    failed = Some((count + 1, first));
                }
                Some(Err(error)) => {
                    return Err(Failure::new(
                        Exit::Unexpected,
                        format!("a worker stopped: {error}"),
                        "report this",
                    ));
                }
            }
        }
        failed.map_or(Ok(report), |(count, first)| Err(first.first_of(count, all)))
    }
}

/// Waits for the server's word that it has it.
async fn stored<S>(channel: &mut Channel<S>) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    channel.finish().await;
    match channel.receive().await? {
        Message::Stored => Ok(()),
        _ => Err(unexpected()),
    }
}

/// Where one file goes: into a directory that is there under its own name, else under the name given.
fn single_target(remote: &Name, destination: &Path) -> Result<(PathBuf, Name), Failure> {
    let bad = |why| {
        Failure::new(
            Exit::Usage,
            format!("cannot write {}: {why}", shown(destination)),
            "name another file",
        )
    };
    let slash = destination.as_os_str().as_encoded_bytes().ends_with(b"/");
    if slash || destination.is_dir() {
        let own = remote.split().map_or("", |(_, last)| last);
        return Ok((destination.into(), Name::parse(own).map_err(bad)?));
    }
    let parent = destination
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let last = destination
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    Ok((
        parent.unwrap_or(Path::new(".")).into(),
        Name::parse(&last).map_err(bad)?,
    ))
}

/// Where what is to be sent is: a directory, or one file in its directory.
fn local_source(source: &Path) -> Result<(PathBuf, Name, bool), Failure> {
    let metadata = std::fs::metadata(source).map_err(|e| Failure::reading(&shown(source), &e))?;
    if metadata.is_dir() {
        return Ok((source.into(), Name::ROOT, false));
    }
    let parent = source
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let last = source
        .file_name()
        .and_then(|last| last.to_str())
        .unwrap_or_default();
    let name = Name::parse(last).map_err(unsendable)?;
    Ok((parent.unwrap_or(Path::new(".")).into(), name, true))
}

fn collect(root: &Root, top: &Name) -> Result<(Vec<Entry>, LeftOut), Failure> {
    let mut walk = root.walk(top)?;
    let mut entries = Vec::new();
    while let Some(entry) = walk.next_entry()? {
        entries.push(entry);
    }
    Ok((entries, walk.left_out()))
}

fn is_below(name: &Name, directory: &Name) -> bool {
    let rest = name.as_str().strip_prefix(directory.as_str());
    rest.is_some_and(|rest| rest.starts_with('/'))
}

fn unsendable(why: impl std::fmt::Display) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("{why} cannot be sent"),
        "rename it, or choose another name there",
    )
}
