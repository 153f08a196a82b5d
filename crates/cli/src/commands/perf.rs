//! Comes in: one end of a measurement. Goes out: answers to measurements, or the measurement.

use std::sync::Arc;
use std::time::Duration;

use crate::args::{self, Mode};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{note, say};
use crate::perf::{self, Buffers, Plan, Work};
use crate::quic::{self, Dialer};

/// Answers measurements until it is ended.
pub(crate) async fn server(args: &args::PerfServer) -> Result<(), Failure> {
    warn(args.transport);
    let builder = inquic::tokio::Listener::builder()
        .certificate(quic::certificate(&args.cert, &args.key)?)
        .alpn([perf::ALPN])
        .key_log_from_env()
        .cipher_suites([quic::suite(args.transport.cipher)])
        .key_exchange([quic::exchange(args.transport.kx)])
        .tickets(0)
        .config(quic::measured(&args.transport));
    let listener = quic::listen(builder, args.listen)?;
    let mut interrupt = Interrupt::new()?;
    say(&format!("listening {}", listener.local_addr()));
    let buffers = Arc::new(Buffers::default());
    let accepting = async {
        while let Some(connection) = quic::accept(&listener).await? {
            tokio::spawn(perf::serve(connection, Arc::clone(&buffers)));
        }
        Ok(())
    };
    tokio::select! {
        done = accepting => done,
        () = interrupt.wait() => Ok(()),
    }
}

/// Measures, and prints what it found.
pub(crate) async fn client(args: &args::PerfClient) -> Result<(), Failure> {
    warn(args.transport);
    let builder = inquic::tokio::Connection::builder()
        .roots(quic::roots(Some(&args.ca))?)
        .server_name(&args.server_name)
        .alpn([perf::ALPN])
        .key_log_from_env()
        .cipher_suites([quic::suite(args.transport.cipher)])
        .key_exchange([quic::exchange(args.transport.kx)])
        .resumption(0)
        .config(quic::measured(&args.transport));
    let work = match args.mode {
        Mode::BulkDown => Work::BulkDown(args.bytes),
        Mode::BulkUp => Work::BulkUp(args.bytes),
        Mode::Rr => Work::Requests,
        Mode::Handshake => Work::Handshakes,
        Mode::Idle => Work::Idle,
    };
    let plan = Plan {
        work,
        in_flight: args.in_flight as usize,
        time: Duration::from_secs_f64(args.seconds),
        count: args.count,
    };
    let dialer = Dialer {
        builder,
        server: args.connect.clone(),
    };
    let measuring = perf::run(&dialer, &plan, |held| say(&format!("held {held}")));
    let report = Interrupt::new()?.or(measuring).await?;
    say(&if args.json {
        report.json()
    } else {
        report.to_string()
    });
    Ok(())
}

/// Says loudly what nobody should ask for by accident.
fn warn(transport: args::Transport) {
    if transport.insecure_disable_1rtt_encryption {
        note("INSECURE: packets are not encrypted if the other end asks for the same");
    }
}
