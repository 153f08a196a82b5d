//! The dispatcher's side: processes that want to have the port, too, in; who is there, for the endpoint, out. Datagrams do not come
//! by here: the port's drivers hand them on.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use inquic_engine::{Members, Owner, OwnerError};
use inquic_platform::Instant;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::link::{Door, Link};
use super::message::{self, Join, Message, Refusal, Welcome, Wish};
use super::{Links, Share};
use crate::home::port::Port;
use crate::home::{clock, limits};

/// Serves who comes to the door, until the port has ended. `since` is when the dispatcher before was gone, if there was one.
pub(crate) fn dispatch(port: &Arc<Port>, share: &Share, door: &Door, since: Option<Instant>) {
    let mut desk = Desk {
        port,
        share,
        since,
        members: Vec::new(),
        joining: Vec::new(),
    };
    let mut buffer = vec![0; limits::LINK_MESSAGE];
    loop {
        let mut descriptors = vec![
            PollFd::from_borrowed_fd(port.ended.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(door.as_fd(), PollFlags::IN),
        ];
        let others = desk.members.iter().map(|(_, link)| link);
        for link in others.chain(&desk.joining) {
            descriptors.push(PollFd::from_borrowed_fd(link.as_fd(), PollFlags::IN));
        }
        let pause = desk.pause();
        // EINTR comes back as an error, and everything is looked at anyway.
        let _ = poll(&mut descriptors, pause.as_ref());
        if !descriptors[0].revents().is_empty() {
            return desk.close();
        }
        drop(descriptors);
        desk.hear_members(&mut buffer);
        desk.hear_joining(&mut buffer);
        desk.open_door(door);
        desk.begin();
    }
}

struct Desk<'a> {
    port: &'a Arc<Port>,
    share: &'a Share,
    since: Option<Instant>,
    members: Vec<(u8, Arc<Link>)>,
    /// Those who have not said what they want.
    joining: Vec<Arc<Link>>,
}

impl Desk<'_> {
    fn open_door(&mut self, door: &Door) {
        while let Ok(link) = door.accept() {
            // Whoever says nothing takes the place of others who say nothing.
            if self.joining.len() >= limits::JOINING as usize {
                self.joining.remove(0);
            }
            self.joining.push(Arc::new(link));
        }
    }

    fn hear_members(&mut self, buffer: &mut [u8]) {
        let mut gone = Members::default();
        for (number, link) in &self.members {
            loop {
                match link.receive(buffer) {
                    Ok(Some((bytes, _))) => {
                        let said = Message::read(clock::now(), &mut buffer[..bytes]);
                        self.hear(*number, link, said);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Ok(None) | Err(_) => {
                        gone.set(*number, true);
                        break;
                    }
                }
            }
        }
        if !gone.is_empty() {
            self.members.retain(|(number, _)| !gone.contains(*number));
            self.tell();
            for number in (0..=u8::MAX).filter(|number| gone.contains(*number)) {
                self.port.set_member(number, false);
            }
        }
    }

    fn hear(&self, number: u8, link: &Link, said: Option<Message<'_>>) {
        match said {
            Some(Message::Listen(asked, wish)) => {
                // Somebody who has not come back may have what is wished for.
                let entered = if self.is_new() {
                    Err(Refusal::Later)
                } else {
                    self.enter(number, wish)
                };
                // Whoever does not hear it asks again.
                drop(link.send(&[&message::answer(asked, entered)]));
            }
            Some(Message::Unlisten) => self.port.forget_owner(Owner::Remote(number)),
            Some(Message::Train { .. } | Message::Client(..) | Message::Answer(..)) | None => {}
        }
    }

    /// Enters what a process listens for.
    fn enter(&self, number: u8, wish: Wish) -> Result<(), Refusal> {
        let entered = self.port.add_owner(wish.of_member(number));
        entered.map_err(|error| match error {
            OwnerError::Overlap => Refusal::InUse,
            OwnerError::Full => Refusal::Full,
        })
    }

    fn hear_joining(&mut self, buffer: &mut [u8]) {
        for link in std::mem::take(&mut self.joining) {
            match link.receive(buffer) {
                Ok(Some((bytes, _))) => self.decide(&link, &buffer[..bytes]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.joining.push(link),
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Answers somebody who wants to have the port, too.
    fn decide(&mut self, link: &Arc<Link>, bytes: &[u8]) {
        // A client that is handed over meanwhile waits for the link.
        let mut links = self.share.links();
        match self.judge(link, bytes) {
            Ok(number) => {
                let welcome = Welcome {
                    number,
                    group: self.share.group,
                };
                let udp = self.port.udp[0].as_fd();
                if link.send_with(&[&welcome.encode()], Some(udp)).is_err() {
                    return self.port.set_member(number, false);
                }
                self.members.push((number, link.clone()));
                *links = Links::Members(self.members.clone());
            }
            // Whoever does not hear it sees that the door is closed.
            Err(refusal) => drop(link.send(&[&refusal.encode()])),
        }
    }

    fn judge(&self, link: &Link, bytes: &[u8]) -> Result<u8, Refusal> {
        let user = link.user().map_err(|_| Refusal::User)?;
        if !self.share.group.admits(user) {
            return Err(Refusal::User);
        }
        let Join { number, wish } = Join::read(bytes)?;
        let taken = |number: u8| {
            number == self.share.number || self.members.iter().any(|(other, _)| *other == number)
        };
        let number = match number {
            Some(number) if taken(number) => return Err(Refusal::InUse),
            Some(number) => number,
            // Until those who were there before have come back, nobody gets a number that may be one of theirs.
            None if self.is_new() => return Err(Refusal::Later),
            None if self.members.len() >= limits::MEMBERS => return Err(Refusal::Full),
            None => (0..=u8::MAX)
                .find(|number| !taken(*number))
                .ok_or(Refusal::Full)?,
        };
        if let Some(wish) = wish {
            self.enter(number, wish)?;
        }
        self.port.set_member(number, true);
        Ok(number)
    }

    fn is_new(&self) -> bool {
        self.since
            .is_some_and(|since| clock::now().since(since) < limits::SUCCESSION)
    }

    /// How long to wait before the port is read, if it is not yet.
    fn pause(&self) -> Option<Timespec> {
        let since = self.since.filter(|_| !self.share.reads())?;
        let wait = clock::until(clock::now(), since + limits::RETURN);
        Timespec::try_from(wait).ok()
    }

    /// Begins to read the port once the others have had the time to come back: what arrives meanwhile waits in the kernel.
    fn begin(&self) {
        let Some(since) = self.since.filter(|_| !self.share.reads()) else {
            return;
        };
        if clock::now().since(since) >= limits::RETURN {
            self.share.set_reads();
            self.port.begin_to_read(since + limits::SUCCESSION);
        }
    }

    /// Lets the drivers know who is there.
    fn tell(&self) {
        *self.share.links() = Links::Members(self.members.clone());
    }

    /// The port has ended: the others see it by their closed links, and one of them goes on.
    fn close(&mut self) {
        self.members.clear();
        self.tell();
    }
}
