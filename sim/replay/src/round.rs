//! A round: a connection from its first datagram to its last, and what strangers get afterwards.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddr};

use inquic_platform::{Duration, Instant, Platform};
use inquic_socket::Sock;
use inquic_socket::sock::Set;
use inquic_uapi::flags::MSG_QUIC_DATAGRAM;
use inquic_uapi::option::{
    QUIC_SOCKOPT_CONFIG, QUIC_SOCKOPT_CONNECTION_CLOSE, QUIC_SOCKOPT_CONNECTION_MIGRATION,
    QUIC_SOCKOPT_CRYPTO_SECRET, QUIC_SOCKOPT_KEY_UPDATE, QUIC_SOCKOPT_STATISTICS,
    QUIC_SOCKOPT_TRANSPORT_PARAM, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
};
use inquic_uapi::structs::{Config, ConnectionClose, CryptoSecret, Statistics, TransportParam};
use inquic_uapi::{
    Layout, QUIC_CONG_ALG_BBR, QUIC_CONG_ALG_CUBIC, QUIC_CRYPTO_APP, QUIC_CRYPTO_HANDSHAKE,
    QUIC_CRYPTO_INITIAL, QUIC_VERSION_V1, QUIC_VERSION_V2, TLS_CIPHER_AES_CCM_128,
    TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256, TLS_CIPHER_CHACHA20_POLY1305,
};

use crate::Wrong;
use crate::calls::{self, handshake};
use crate::flows::{End, Flows};
use crate::host::{Host, Wire};
use crate::network::{Datagram, Network};
use crate::record::Recorder;
use crate::rng::Rng;

/// In what rounds differ.
pub(crate) struct Round {
    cipher: u32,
    version: u32,
    congestion: u8,
    retry: bool,
    /// The largest datagram that a device takes.
    largest: usize,
}

/// A round under way.
pub(crate) struct Stage<'a, 'b> {
    round: &'a Round,
    now: Instant,
    client: Box<Host>,
    server: Box<Host>,
    network: Network,
    flows: Flows,
    recorder: &'a mut Recorder<'b>,
    /// Deeds that were done.
    done: usize,
    steps: usize,
    /// When the programs say something for which there is no reason.
    chat: Instant,
}

/// What happens when so much of a thousand parts of the data has arrived.
#[derive(Clone, Copy)]
enum Deed {
    KeyUpdate(End),
    /// The client's address changes for others, and it does not know.
    Rebinding,
    Migration,
}

impl<'a, 'b> Stage<'a, 'b> {
    #[inline(never)]
    pub(crate) fn set(
        round: &'a Round,
        [client, server]: [Arc<dyn Platform>; 2],
        network: Network,
        rng: Rng,
        recorder: &'a mut Recorder<'b>,
    ) -> Result<Box<Self>, Wrong> {
        let mut stage = Box::new(Self {
            round,
            now: Instant::from_nanos(1_000_000_000),
            client: Host::new(client, CLIENT)?,
            server: Host::new(server, SERVER)?,
            network,
            flows: Flows::new(rng),
            recorder,
            done: 0,
            steps: 0,
            chat: Instant::from_nanos(0),
        });
        let config = |validate_peer_address| Config {
            version: round.version,
            congestion_control_algo: round.congestion,
            validate_peer_address,
            ..Config::default()
        };
        let param = TransportParam {
            max_datagram_frame_size: 1_200,
            grease_quic_bit: 1,
            ..TransportParam::default()
        };
        for (host, retry) in [
            (&mut *stage.client, 0),
            (&mut *stage.server, u8::from(round.retry)),
        ] {
            for (name, value) in [
                (QUIC_SOCKOPT_CONFIG, calls::bytes(&config(retry))),
                (QUIC_SOCKOPT_TRANSPORT_PARAM, calls::bytes(&param)),
            ] {
                let set = calls::set(&mut host.first, stage.now, name, &value);
                set.map_err(|_| "an option")?;
            }
        }
        let Host { port, first, .. } = &mut *stage.server;
        first.listen(port, 4).map_err(|_| "a listener")?;
        stage.client.connect(stage.now, SERVER)?;
        Ok(stage)
    }

    /// Plays it to its end.
    #[inline(never)]
    pub(crate) fn play(&mut self) -> Result<(), Wrong> {
        self.shake_hands()?;
        self.until(|stage| {
            stage.talk()?;
            let done = stage.flows.is_done() && stage.done == DEEDS.len();
            Ok(done && stage.has_come_about()?)
        })?;
        self.look()?;
        self.close()?;
        self.strangers()
    }

    /// The messages of a handshake with a certificate, of their usual sizes, and secrets from nowhere.
    #[inline(never)]
    fn shake_hands(&mut self) -> Result<(), Wrong> {
        self.say(End::Client, QUIC_CRYPTO_INITIAL, CLIENT_HELLO)?;
        self.until(|stage| Ok(stage.server.accept()))?;
        self.hear(End::Server, CLIENT_HELLO)?;
        let parameters = self.parameters(End::Client)?;
        self.take_parameters(End::Server, &parameters)?;
        self.say(End::Server, QUIC_CRYPTO_INITIAL, SERVER_HELLO)?;
        self.install(End::Server, QUIC_CRYPTO_HANDSHAKE, [1, 0])?;
        self.say(End::Server, QUIC_CRYPTO_HANDSHAKE, CERTIFICATE)?;
        self.install(End::Server, QUIC_CRYPTO_APP, [1])?;
        let parameters = self.parameters(End::Server)?;
        self.hear(End::Client, SERVER_HELLO)?;
        self.install(End::Client, QUIC_CRYPTO_HANDSHAKE, [1, 0])?;
        self.hear(End::Client, CERTIFICATE)?;
        self.take_parameters(End::Client, &parameters)?;
        self.say(End::Client, QUIC_CRYPTO_HANDSHAKE, FINISHED)?;
        self.install(End::Client, QUIC_CRYPTO_APP, [1, 0])?;
        self.hear(End::Server, FINISHED)?;
        self.install(End::Server, QUIC_CRYPTO_APP, [0])
    }

    fn sock(&mut self, end: End) -> Result<&mut Sock, Wrong> {
        match end {
            End::Client => self.client.sock(),
            End::Server => self.server.sock(),
        }
    }

    /// Sends a handshake message of so many bytes.
    #[inline(never)]
    fn say(&mut self, end: End, level: u8, bytes: usize) -> Result<(), Wrong> {
        let now = self.now;
        let message = vec![level; bytes];
        let sent = self.sock(end)?.sendmsg(now, &handshake(level), 0, &message);
        sent.map(drop).map_err(|_| "a handshake message to send")
    }

    /// Waits for handshake messages of so many bytes.
    fn hear(&mut self, end: End, bytes: usize) -> Result<(), Wrong> {
        let mut left = bytes;
        self.until(|stage| {
            let now = stage.now;
            while left > 0
                && let Ok(arrived) = calls::receive(stage.sock(end)?, now, left)
            {
                left -= arrived.data.len();
            }
            Ok(left == 0)
        })
    }

    fn parameters(&mut self, end: End) -> Result<Vec<u8>, Wrong> {
        let parameters = calls::get(self.sock(end)?, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT);
        parameters.map_err(|_| "transport parameters")
    }

    #[inline(never)]
    fn take_parameters(&mut self, end: End, value: &[u8]) -> Result<(), Wrong> {
        let now = self.now;
        let taken = calls::set(
            self.sock(end)?,
            now,
            QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
            value,
        );
        taken
            .map(drop)
            .map_err(|_| "the peer's transport parameters")
    }

    /// Installs the secrets of a level, for what is sent (1) and what is received (0).
    #[inline(never)]
    fn install<const N: usize>(
        &mut self,
        end: End,
        level: u8,
        sides: [u8; N],
    ) -> Result<(), Wrong> {
        let now = self.now;
        for send in sides {
            let sender = u8::from((end == End::Client) == (send == 1));
            let secret = CryptoSecret {
                send,
                level,
                cipher_type: self.round.cipher,
                secret: [0x40 + 2 * level + sender; 48],
                ..CryptoSecret::default()
            };
            let value = calls::bytes(&secret);
            let set = calls::set(self.sock(end)?, now, QUIC_SOCKOPT_CRYPTO_SECRET, &value);
            set.map_err(|_| "a secret")?;
        }
        Ok(())
    }

    /// Both programs read and write, and do what is to be done by now.
    #[inline(never)]
    fn talk(&mut self) -> Result<(), Wrong> {
        for (end, host) in [
            (End::Client, &mut *self.client),
            (End::Server, &mut *self.server),
        ] {
            let sock = host.sock()?;
            self.flows.read(end, sock, self.now, self.recorder)?;
            self.flows.write(end, sock, self.now)?;
        }
        if let Some((at, deed)) = DEEDS.get(self.done)
            && self.flows.per_mille() >= *at
            && self.perform(*deed)?
        {
            self.done += 1;
        }
        Ok(())
    }

    /// Whether it could be done yet.
    #[inline(never)]
    fn perform(&mut self, deed: Deed) -> Result<bool, Wrong> {
        let now = self.now;
        match deed {
            Deed::KeyUpdate(end) => {
                let update = calls::set(self.sock(end)?, now, QUIC_SOCKOPT_KEY_UPDATE, &[]);
                Ok(update.is_ok())
            }
            Deed::Rebinding => {
                self.network.translate(CLIENT, REBOUND);
                Ok(true)
            }
            Deed::Migration => {
                let value = calls::sockaddr(MIGRATED);
                let sock = self.client.sock()?;
                match calls::set(sock, now, QUIC_SOCKOPT_CONNECTION_MIGRATION, &value) {
                    Ok(Set::Receive(at)) => Ok(sock.on_receiving(now, at).is_ok()),
                    Ok(Set::Done | Set::Pass) | Err(_) => Ok(false),
                }
            }
        }
    }

    /// Whether all that the round is for has come about, by the ends' own statistics. An update of keys and a migration take some
    /// packets each way, for which the programs say a little every now and then.
    #[inline(never)]
    fn has_come_about(&mut self) -> Result<bool, Wrong> {
        let now = self.now;
        let says = now >= self.chat;
        if says {
            self.chat = now + CHAT;
        }
        let mut all = true;
        for end in [End::Client, End::Server] {
            let sock = self.sock(end)?;
            if says {
                // There may be no room for it, or nobody who listens: as with all messages of their own.
                let _ = sock.sendmsg(now, &[], MSG_QUIC_DATAGRAM, b"well?");
            }
            let value = calls::get(sock, QUIC_SOCKOPT_STATISTICS);
            let Statistics {
                packets_lost,
                key_updates,
                migrations,
                ecn_marked,
                ..
            } = Statistics::read(&value.map_err(|_| "statistics")?);
            // Where both ends want new keys at the same time, that is one update.
            all &= packets_lost > 0 && key_updates >= 2 && migrations > 0 && ecn_marked > 0;
        }
        Ok(all && self.flows.datagrams_read > 0)
    }

    /// What the ends have counted goes into the record.
    #[inline(never)]
    fn look(&mut self) -> Result<(), Wrong> {
        for end in [End::Client, End::Server] {
            let value = calls::get(self.sock(end)?, QUIC_SOCKOPT_STATISTICS);
            self.recorder.answer(&[&value.map_err(|_| "statistics")?]);
        }
        Ok(())
    }

    /// The client closes, and both ends forget.
    #[inline(never)]
    fn close(&mut self) -> Result<(), Wrong> {
        let mut words = ConnectionClose {
            errcode: 7,
            ..ConnectionClose::default()
        };
        words.phrase[..6].copy_from_slice(b"enough");
        let now = self.now;
        let sock = self.client.sock()?;
        let close = calls::bytes(&words);
        let set = calls::set(sock, now, QUIC_SOCKOPT_CONNECTION_CLOSE, &close);
        set.map_err(|_| "words to close with")?;
        sock.close(now);
        let mut heard = false;
        self.until(|stage| {
            // The server's program closes when it hears of it; where the word was lost, its connection ends by itself.
            let now = stage.now;
            let sock = stage.server.sock()?;
            if !heard && calls::receive(sock, now, 1).is_err_and(|errno| errno != AGAIN) {
                heard = true;
                sock.close(now);
            }
            Ok(stage.client.is_over() && stage.server.is_over())
        })?;
        let told = calls::get(self.server.sock()?, QUIC_SOCKOPT_CONNECTION_CLOSE);
        self.recorder
            .answer(&[&told.map_err(|_| "why it was closed")?]);
        Ok(())
    }

    /// A packet of the connection that nobody knows any more, one of a version that nobody knows, and nonsense.
    #[inline(never)]
    fn strangers(&mut self) -> Result<(), Wrong> {
        self.network.clear();
        let late = self.network.last_short().ok_or("a late packet")?;
        let mut hello = vec![0; 1_250];
        hello[..15].copy_from_slice(&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 4, 9, 9, 9, 9, 4, 8, 8, 8, 8]);
        for bytes in [late.bytes, hello, vec![0x43; 400]] {
            let datagram = Datagram {
                from: STRANGER,
                to: SERVER,
                ecn: 0,
                bytes,
            };
            let mut wire = Wire {
                network: &mut self.network,
                recorder: self.recorder,
                largest: self.round.largest,
            };
            self.server.receive(self.now, datagram, &mut wire);
        }
        Ok(())
    }

    /// Goes on from one moment of interest to the next until something is so.
    fn until(
        &mut self,
        mut holds: impl FnMut(&mut Self) -> Result<bool, Wrong>,
    ) -> Result<(), Wrong> {
        loop {
            let done = holds(self)?;
            let mut wire = Wire {
                network: &mut self.network,
                recorder: self.recorder,
                largest: self.round.largest,
            };
            self.client.turn(self.now, &mut wire);
            self.server.turn(self.now, &mut wire);
            if done {
                return Ok(());
            }
            self.step()?;
        }
    }

    /// Goes to the next moment, and does what it brings.
    #[inline(never)]
    fn step(&mut self) -> Result<(), Wrong> {
        let moments = [
            self.network.next_arrival(),
            self.client.next_deadline(),
            self.server.next_deadline(),
        ];
        let next = moments.into_iter().flatten().min();
        self.now = self.now.max(next.ok_or("something that happens next")?);
        self.steps += 1;
        if self.steps > STEPS {
            return Err("an end after so many steps");
        }
        let mut wire = Wire {
            network: &mut self.network,
            recorder: self.recorder,
            largest: self.round.largest,
        };
        while let Some(datagram) = wire.network.receive(self.now) {
            let host = if datagram.to == SERVER {
                &mut self.server
            } else {
                &mut self.client
            };
            host.receive(self.now, datagram, &mut wire);
        }
        self.client.expire(self.now, &mut wire);
        self.server.expire(self.now, &mut wire);
        Ok(())
    }
}

pub(crate) const ROUNDS: [Round; 4] = [
    Round {
        cipher: TLS_CIPHER_AES_GCM_128,
        version: QUIC_VERSION_V1,
        congestion: QUIC_CONG_ALG_CUBIC,
        retry: false,
        largest: 65_507,
    },
    Round {
        cipher: TLS_CIPHER_CHACHA20_POLY1305,
        version: QUIC_VERSION_V2,
        congestion: QUIC_CONG_ALG_BBR,
        retry: true,
        largest: 1_452,
    },
    Round {
        cipher: TLS_CIPHER_AES_GCM_256,
        version: QUIC_VERSION_V1,
        congestion: QUIC_CONG_ALG_BBR,
        retry: false,
        largest: 1_300,
    },
    Round {
        cipher: TLS_CIPHER_AES_CCM_128,
        version: QUIC_VERSION_V2,
        congestion: QUIC_CONG_ALG_CUBIC,
        retry: true,
        largest: 1_472,
    },
];

/// What happens, in this order, when so much of a thousand parts has arrived.
const DEEDS: [(usize, Deed); 5] = [
    (150, Deed::KeyUpdate(End::Client)),
    (300, Deed::Rebinding),
    (450, Deed::KeyUpdate(End::Server)),
    (600, Deed::Migration),
    (750, Deed::KeyUpdate(End::Client)),
];

const CLIENT: SocketAddr = at([192, 0, 2, 1], 50_000);
/// What others see the client's address as, later.
const REBOUND: SocketAddr = at([192, 0, 2, 1], 50_001);
/// Where the client goes.
const MIGRATED: SocketAddr = at([198, 51, 100, 1], 50_002);
const SERVER: SocketAddr = at([192, 0, 2, 2], 443);
const STRANGER: SocketAddr = at([203, 0, 113, 1], 50_003);

const fn at([a, b, c, d]: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::new(a, b, c, d)), port)
}

/// Sizes of a handshake with X25519 and a chain of certificates.
const CLIENT_HELLO: usize = 250;
const SERVER_HELLO: usize = 90;
const CERTIFICATE: usize = 2_900;
const FINISHED: usize = 36;
/// From one such word to the next.
const CHAT: Duration = Duration::from_millis(5);
/// More than a round takes.
const STEPS: usize = 20_000;
const AGAIN: inquic_socket::Errno = inquic_socket::Errno::EAGAIN;
