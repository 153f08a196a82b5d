//! A hundredth of the corpus of hellos, for a port with many owners. `cargo xtask prove` takes all of it.

use inquic_sim::hellos::{Report, play};

#[test]
fn ten_thousand_hellos_come_to_their_owners() {
    let seed = 20_261_122;
    println!("seed {seed}");
    let mut sum = Report::default();
    for round in 0..200 {
        let report = play(seed + round, 50, &|| 0);
        assert_eq!((report.misdelivered, report.lost), (0, 0), "round {round}");
        sum.add(&report);
    }
    assert_eq!(sum.delivered + sum.refused, 10_000);
    assert!(
        sum.checked > 100 && sum.retried > 1_000 && sum.refused > 100,
        "{sum:?}"
    );
}
