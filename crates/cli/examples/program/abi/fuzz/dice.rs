//! Random numbers, the same for the same seed, and values of options made of them.

use inquic_uapi::option::{FIRST_OWN, QUIC_SOCKOPT_CONNECTION_MIGRATION};
use inquic_uapi::structs::{EventOption, StreamInfo};
use inquic_uapi::{Layout, QUIC_HANDSHAKE_INFO, QUIC_STREAM_INFO, SOL_QUIC};
use libc::SOL_SOCKET;

use super::super::pair::{bytes, free, name};
use super::super::raw::control;

pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) const fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    /// Below 80.
    pub(super) const fn small(&mut self) -> u64 {
        self.below(80)
    }

    /// A length of data: mostly little.
    pub(super) const fn length(&mut self) -> usize {
        let bound = match self.below(10) {
            0 => 1 << 16,
            1..4 => 3_000,
            4 => 1,
            _ => 100,
        };
        self.below(bound) as usize
    }

    pub(super) fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1))
            .map(|_| self.next() as u8)
            .collect()
    }

    /// A level and an option: mostly one that there is.
    pub(super) fn option(&mut self) -> (i32, i32) {
        match self.below(20) {
            0 => (SOL_QUIC, self.next() as i32),
            1 => (77, self.below(20) as i32),
            2..5 => (
                SOL_SOCKET,
                GENERAL[self.below(GENERAL.len() as u64) as usize],
            ),
            5..10 => (SOL_QUIC, FIRST_OWN.cast_signed() + self.below(6) as i32),
            _ => (SOL_QUIC, self.below(15) as i32),
        }
    }

    /// A value for an option: mostly one that it may have.
    pub(super) fn value(&mut self, option: i32) -> Vec<u8> {
        if self.one_in(10) {
            return self.bytes(80);
        }
        if option == QUIC_SOCKOPT_CONNECTION_MIGRATION.cast_signed() {
            return if self.one_in(20) {
                name(free())
            } else {
                self.bytes(28)
            };
        }
        match option {
            0 => bytes(&EventOption {
                event_type: self.below(11) as u8,
                on: self.below(2) as u8,
            }),
            4 | 8 | 9 | 68 => {
                let mut value = vec![0; 64];
                let (at, number) = (self.below(32) as usize, self.below(5) as u8);
                value[at] = number;
                value
            }
            10 | 12 => self.bytes(90),
            11 | 64 => [&b"a"[..], b"h3,b", b"a.example"][self.below(3) as usize].to_vec(),
            13 => {
                let mut value = vec![9; 56];
                let (send, level, cipher) = (self.below(2), self.below(4), 50 + self.below(6));
                value[..8].copy_from_slice(&[send as u8, level as u8, 0, 0, cipher as u8, 0, 0, 0]);
                value
            }
            67 => vec![self.below(2) as u8, 0, 0, 0],
            _ => self.stream(),
        }
    }

    /// A value for an option of level SOL_SOCKET.
    pub(super) fn general(&mut self) -> Vec<u8> {
        let number = self.below(300_000);
        let mut value = number.to_ne_bytes().to_vec();
        value.extend_from_slice(&self.below(1_000_000).to_ne_bytes());
        value.truncate([16, 16, 8, 4, 3][self.below(5) as usize]);
        value
    }

    /// A stream, its flags or its code.
    fn stream(&mut self) -> Vec<u8> {
        let stream_id = match self.below(8) {
            0 => self.next().cast_signed(),
            1..4 => -1,
            _ => self.below(40).cast_signed(),
        };
        let stream_flags = match self.below(8) {
            0 => self.next() as u32,
            1 | 2 => 0,
            _ => self.next() as u32 & 0x1_0e00,
        };
        bytes(&StreamInfo {
            stream_id,
            stream_flags,
        })
    }

    /// Control data: mostly a stream's.
    pub(super) fn control(&mut self) -> Vec<u8> {
        match self.below(10) {
            0 => self.bytes(60),
            1 => control(SOL_QUIC, QUIC_HANDSHAKE_INFO, &[self.below(5) as u8]),
            2 => control(SOL_QUIC, self.below(4) as i32, &self.bytes(20)),
            3 => control(SOL_SOCKET, 7, &self.bytes(20)),
            4 => Vec::new(),
            _ => {
                let data = self.stream();
                debug_assert_eq!(data.len(), StreamInfo::SIZE);
                control(SOL_QUIC, QUIC_STREAM_INFO, &data)
            }
        }
    }
}

/// Options of level SOL_SOCKET.
const GENERAL: [i32; 11] = [
    libc::SO_TYPE,
    libc::SO_ERROR,
    libc::SO_SNDBUF,
    libc::SO_RCVBUF,
    libc::SO_REUSEPORT,
    libc::SO_RCVTIMEO,
    libc::SO_SNDTIMEO,
    libc::SO_ACCEPTCONN,
    libc::SO_PROTOCOL,
    libc::SO_DOMAIN,
    7_777,
];
