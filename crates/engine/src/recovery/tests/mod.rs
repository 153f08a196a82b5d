extern crate std;
#[test]
fn sz() {
    use super::*;
    std::println!(
        "rec {} log {} ctl {} pacer {} rtt {} stats {} cfg {}",
        size_of::<Recovery>(),
        size_of::<Log>(),
        size_of::<Controller>(),
        size_of::<Pacer>(),
        size_of::<Rtt>(),
        size_of::<Stats>(),
        size_of::<Config>()
    );
}
