//! The words on the Unix socket between a program and its home: a wish in, a descriptor and a number out. One connection, one
//! wish.

/// Bytes of what lets a program in.
pub const TOKEN_BYTES: usize = 16;

/// Bytes of a [`Hello`].
pub const HELLO_BYTES: usize = 64;

/// What a program asks of its home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// What lets it in.
    pub token: [u8; TOKEN_BYTES],
    /// Another number for each program that was started, and for each copy that fork made.
    pub instance: u64,
    /// What it wants.
    pub wish: Wish,
}

/// What a program wants: a descriptor in each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The memory of a [`crate::Page`]. The home tries to read `sample` at `address`, to see whether it may.
    Page {
        /// Where in the program's memory.
        address: u64,
        /// What stands there.
        sample: u64,
    },
    /// A new socket, with the values of socket(2).
    Socket {
        /// `AF_INET` or `AF_INET6`.
        family: u64,
        /// `SOCK_STREAM` or `SOCK_DGRAM`.
        kind: u64,
    },
    /// The descriptor of a ticket.
    Fetch(u64),
}

impl Hello {
    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HELLO_BYTES] {
        let (number, first, second) = match self.wish {
            Wish::Page { address, sample } => (1, address, sample),
            Wish::Socket { family, kind } => (2, family, kind),
            Wish::Fetch(ticket) => (3, ticket, 0),
        };
        let mut bytes = [0; HELLO_BYTES];
        let (token, rest) = bytes.split_at_mut(TOKEN_BYTES);
        token.copy_from_slice(&self.token);
        let fields = [VERSION, self.instance, number, first, second];
        for (to, from) in rest.chunks_exact_mut(8).zip(fields) {
            to.copy_from_slice(&from.to_ne_bytes());
        }
        bytes
    }

    /// From bytes; none when they are of another version, or no wish.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; HELLO_BYTES]) -> Option<Self> {
        let (token, rest) = bytes.split_first_chunk()?;
        let mut fields = rest
            .as_chunks::<8>()
            .0
            .iter()
            .map(|field| u64::from_ne_bytes(*field));
        if fields.next()? != VERSION {
            return None;
        }
        let (instance, number) = (fields.next()?, fields.next()?);
        let (first, second) = (fields.next()?, fields.next()?);
        let wish = match number {
            1 => Wish::Page {
                address: first,
                sample: second,
            },
            2 => Wish::Socket {
                family: first,
                kind: second,
            },
            3 => Wish::Fetch(first),
            _ => return None,
        };
        Some(Self {
            token: *token,
            instance,
            wish,
        })
    }
}

/// What the home says to a wish; a descriptor comes with it when `errno` is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Why there is none. EPERM for a page: say it again with a descriptor of `/proc/self/mem`.
    pub errno: u32,
    /// The cookie of the socket whose descriptor it is.
    pub cookie: u64,
}

impl Answer {
    /// Bytes of an answer.
    pub const BYTES: usize = 16;

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (errno, cookie) = bytes.split_at_mut(8);
        errno.copy_from_slice(&u64::from(self.errno).to_ne_bytes());
        cookie.copy_from_slice(&self.cookie.to_ne_bytes());
        bytes
    }

    /// From bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let [errno, cookie] = [0, 8].map(|at| {
            let mut field = [0; 8];
            field
                .iter_mut()
                .zip(bytes.iter().skip(at))
                .for_each(|(to, from)| *to = *from);
            u64::from_ne_bytes(field)
        });
        Self {
            errno: u32::try_from(errno).unwrap_or(u32::MAX),
            cookie,
        }
    }
}

/// Of what is said in here and in a page. A library and a home of different builds do not talk.
const VERSION: u64 = 2;
