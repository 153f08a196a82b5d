//! What happens between the last turn of a driver and its sleep.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use inquic_engine::EndpointKeys;
use inquic_platform::aws_lc::AwsLc;

use crate::home::bell::Bell;
use crate::home::driver::{Driver, Source, Turn};
use crate::home::port::Port;
use crate::home::udp::Udp;

#[test]
fn a_port_that_nobody_uses_any_more_ends_though_its_driver_was_about_to_sleep() {
    let udp = Udp::bind(SocketAddr::from(([127, 0, 0, 1], 0)), false).unwrap();
    let platform = Arc::new(AwsLc::new());
    let keys = EndpointKeys::from_master([7; 32]);
    let bell = Bell::for_thread().unwrap();
    let port = Arc::new(Port::new(vec![udp], bell, platform, keys, None).unwrap());
    let mut driver = Driver::new(port.clone(), Source::Port(0));
    assert!(matches!(driver.turn(false), Turn::Idle));
    port.release();
    let (said, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let slept = driver.sleep();
        said.send((slept, matches!(driver.turn(false), Turn::Ended)))
    });
    let ended = heard.recv_timeout(Duration::from_secs(10));
    assert_eq!(ended, Ok((Some(false), true)));
}
