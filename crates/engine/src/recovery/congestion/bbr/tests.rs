//! What tests may see, and numbers at their ends.

extern crate std;

use proptest::prelude::*;

use super::*;

impl Bbr {
    pub(in crate::recovery) fn is_probing_rtt(&self) -> bool {
        self.state.is_probe_rtt()
    }

    pub(in crate::recovery) fn is_cruising(&self) -> bool {
        self.state == State::Cruise
    }

    pub(in crate::recovery) fn is_in_cycle(&self) -> bool {
        self.state.is_cycle()
    }

    /// Bits in a second.
    pub(in crate::recovery) fn bandwidth(&self) -> u64 {
        8 * self.bandwidth.over(Duration::from_secs(1))
    }

    /// Bits in a second.
    pub(in crate::recovery) fn pace(&self) -> u64 {
        8 * self.pace.over(Duration::from_secs(1))
    }
}

fn config() -> Config {
    Config {
        algorithm: crate::recovery::Algorithm::Bbr,
        max_datagram_size: 1_452,
        max_window: u64::MAX,
        ..Config::default()
    }
}

#[test]
fn a_rate_gives_its_bytes_back() {
    for (bytes, length) in [
        (1_200, Duration::from_micros(7)),
        (12_500_000, Duration::from_millis(100)),
        (1 << 33, Duration::from_secs(3)),
    ] {
        let again = Bandwidth::of(bytes, length).over(length);
        assert!(bytes - again <= 1 + bytes / 1_000_000, "{again} of {bytes}");
    }
    assert_eq!(Bandwidth::of(1_000, Duration::ZERO), Bandwidth::ZERO);
    assert_eq!(Bandwidth::UNBOUNDED.over(Duration::MAX), u64::MAX);
    // 2.77 of 100 Mbit/s.
    let rate = Bandwidth::of(12_500_000, Duration::from_secs(1)).percent(277);
    assert!(rate.over(Duration::from_secs(1)).abs_diff(34_625_000) <= 10);
}

#[test]
fn a_sample_is_never_faster_than_its_packets_were_sent() {
    let at = |millis| Instant::ZERO + Duration::from_millis(millis);
    let mut sampler = Sampler::default();
    sampler.on_restart(at(0));
    let mut kept = std::vec::Vec::new();
    for number in 0..10 {
        kept.push((at(10 * number), sampler.snapshot(1_000)));
    }
    // All of them come back at once: 9,000 bytes after 90 ms of sending.
    sampler.on_acked(at(100), 1_000, Some(kept[0]), Duration::ZERO);
    let sample = sampler.on_acked(at(100), 9_000, Some(kept[9]), Duration::ZERO);
    assert_eq!(
        sample.rate,
        Bandwidth::of(10_000, Duration::from_millis(100))
    );
    assert!(!sample.limited);
}

#[test]
fn samples_are_limited_until_what_was_in_flight_is_delivered() {
    let at = |millis| Instant::ZERO + Duration::from_millis(millis);
    let mut sampler = Sampler::default();
    sampler.on_restart(at(0));
    sampler.limit(3_000);
    let limited = sampler.snapshot(4_000);
    sampler.on_acked(at(10), 3_000, Some((at(0), limited)), Duration::ZERO);
    assert!(sampler.is_limited());
    let sample = sampler.on_acked(at(11), 1_000, Some((at(1), limited)), Duration::ZERO);
    assert!(sample.limited && !sampler.is_limited());
}

#[test]
fn the_prefix_of_a_packet_that_lost_too_much_counts() {
    let sample = RateSample {
        in_flight: 100_000,
        lost: 2_400,
        ..RateSample::default()
    };
    assert!(is_too_high(&sample));
    // (0.02 * 98,800 - 1,200) / 0.98 = 791 bytes more than the 98,800 before it.
    assert_eq!(in_flight_at_loss(&sample, 1_200), 99_591);
}

proptest! {
    #[test]
    fn windows_up_to_2_to_the_40_stay_in_their_bounds(
        steps in prop::collection::vec((0..10_u8, 0..1_u64 << 41, 0..1_u64 << 41, 0..1_u64 << 36), 1..80),
    ) {
        let mut bbr = Bbr::new(&config());
        let mut now = Instant::ZERO;
        let mut kept = bbr.snapshot(1_452);
        let mut sent = now;
        for (kind, amount, in_flight, pass) in steps {
            now = now + Duration::from_nanos(pass);
            match kind {
                0 => bbr.on_lost_packet(now, &LostPacket {
                    number: amount,
                    size: 1_452,
                    snapshot: Some(kept),
                }),
                1 => { bbr.on_congestion(now, sent); }
                2 => bbr.on_mark(now, amount),
                3 if pass % 8 == 0 => bbr.on_persistent_congestion(),
                4 => { bbr.on_restart(now); }
                5 => { bbr.on_spurious(); }
                6 => bbr.on_app_limited(in_flight),
                7 => {
                    kept = bbr.snapshot(in_flight);
                    sent = now;
                    bbr.on_sent(in_flight);
                }
                _ => bbr.on_delivery(now, &Delivery {
                    acked: amount,
                    growth: 0,
                    in_flight,
                    newest_sent: sent,
                    snapshot: Some(kept),
                    sample: (pass % 3 > 0).then_some(Duration::from_nanos(pass)),
                    smoothed: Duration::from_nanos(pass),
                    min_rtt: Duration::from_nanos(pass / 2),
                }),
            }
            prop_assert!(bbr.window() >= 2 * 1_452);
            prop_assert!(bbr.window() <= limits::WINDOW_CEILING);
            prop_assert!(bbr.paced_bytes(Duration::from_nanos(pass)) > 0);
        }
    }
}
