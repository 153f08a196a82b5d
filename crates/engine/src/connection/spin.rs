//! The latency spin bit (RFC 9000 §17.4): bits of the newest packets in, the bit of ours out. By it anybody on the way can see the
//! round-trip time, so it is off unless asked for, and now and then even then; off, it is a random bit that follows nothing.

use inquic_platform::Platform;
use inquic_wire::{ConnectionId, Role};

/// The spin bit of the path in use.
pub(super) struct Spin {
    wanted: bool,
    enabled: bool,
    bit: bool,
    /// The id that the packets go to; another one begins anew.
    id: ConnectionId,
}

impl Spin {
    pub(super) fn new(platform: &dyn Platform, wanted: bool, id: ConnectionId) -> Self {
        let mut spin = Self {
            wanted,
            enabled: false,
            bit: false,
            id,
        };
        spin.begin(platform);
        spin
    }

    /// The packets go to `id` from now on.
    pub(super) fn set_id(&mut self, platform: &dyn Platform, id: &ConnectionId) {
        if *id != self.id {
            self.id = *id;
            self.begin(platform);
        }
    }

    fn begin(&mut self, platform: &dyn Platform) {
        let mut byte = [0];
        platform.random(&mut byte);
        let [byte] = byte;
        //= RFC 9000 §17.4: Even when the spin bit is not disabled by the administrator, endpoints MUST disable their use of
        //= the spin bit for a random selection of at least one in every 16 network paths, or for one in every 16 connection
        //= IDs
        self.enabled = self.wanted && byte & ONE_IN_16 != 0;
        //= RFC 9000 §17.4: An endpoint resets the spin value for a network path to 0 when changing the connection ID being
        //= used on that network path.
        self.bit = !self.enabled && byte & ANY != 0;
    }

    pub(super) const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// A packet of the peer with a higher number than all before had this bit.
    pub(super) const fn on_newest(&mut self, role: Role, bit: bool) {
        if self.enabled {
            self.bit = match role {
                Role::Server => bit,
                Role::Client => !bit,
            };
        }
    }

    pub(super) const fn bit(&self) -> bool {
        self.bit
    }
}

/// Zero in one of 16 random bytes.
const ONE_IN_16: u8 = 0x0f;
const ANY: u8 = 0x10;
