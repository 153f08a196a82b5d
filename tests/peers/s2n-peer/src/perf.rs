//! In: the settings of a measurement. Out: the performance protocol, both ends, as fast as s2n-quic's interface permits.

use crate::tls;
use anyhow::Context;
use bytes::Bytes;
use peers_common::{
    CONNECTION_WINDOW, IDLE, PERF, PerfClientArgs, PerfConnection, PerfDialer, PerfServerArgs,
    SEND_BUFFER, STREAM_WINDOW, STREAMS, request, run_perf, say, unspecified,
};
use s2n_quic::client::Connect;
use s2n_quic::connection::Handle;
use s2n_quic::provider::congestion_controller::Cubic;
use s2n_quic::provider::io::tokio as io;
use s2n_quic::provider::limits::Limits;
use s2n_quic::stream::{BidirectionalStream, ReceiveStream, SendStream};
use s2n_quic::{Client, Server};
use std::net::SocketAddr;
use std::sync::Arc;

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
/// The headers of IPv4 and UDP: s2n-quic's MTU is that of the IP packet.
const HEADERS: u16 = 28;

fn limits() -> anyhow::Result<Limits> {
    Ok(Limits::new()
        .with_data_window(CONNECTION_WINDOW.into())?
        .with_bidirectional_local_data_window(STREAM_WINDOW.into())?
        .with_bidirectional_remote_data_window(STREAM_WINDOW.into())?
        .with_max_send_buffer_size(SEND_BUFFER)?
        .with_max_open_remote_bidirectional_streams(STREAMS.into())?
        .with_max_open_local_bidirectional_streams(STREAMS.into())?
        .with_max_idle_timeout(IDLE)?)
}

fn sockets(address: SocketAddr, mtu: u16) -> anyhow::Result<io::Provider> {
    Ok(io::Builder::default()
        .with_receive_address(address)?
        .with_send_buffer_size(4 << 20)?
        .with_recv_buffer_size(4 << 20)?
        .with_max_mtu(mtu + HEADERS)?
        .with_initial_mtu(mtu + HEADERS)?
        .build()?)
}

pub(crate) async fn serve(args: &PerfServerArgs) -> anyhow::Result<()> {
    let mut server = Server::builder()
        .with_tls(tls::server(&args.cert, &args.key, PERF, true)?)?
        .with_io(sockets(args.listen, args.transport.mtu)?)?
        .with_limits(limits()?)?
        .with_congestion_controller(Cubic::default())?
        .start()?;
    say(&format!("listening {}", server.local_addr()?));
    while let Some(mut connection) = server.accept().await {
        tokio::spawn(async move {
            while let Ok(Some(stream)) = connection.accept_bidirectional_stream().await {
                tokio::spawn(answer(stream));
            }
        });
    }
    Ok(())
}

async fn answer(stream: BidirectionalStream) -> anyhow::Result<()> {
    let (mut recv, mut send) = stream.split();
    let mut wanted = [0; 8];
    let got = drain(&mut recv, &mut wanted).await?;
    (got >= 8)
        .then_some(())
        .context("a request of fewer than 8 bytes")?;
    write_zeros(&mut send, u64::from_be_bytes(wanted)).await?;
    send.finish()?;
    Ok(())
}

/// Reads to the FIN; fills `head` with the first bytes.
async fn drain(recv: &mut ReceiveStream, mut head: &mut [u8]) -> anyhow::Result<u64> {
    let mut total = 0;
    let mut chunks = [const { Bytes::new() }; 64];
    loop {
        let (count, open) = recv.receive_vectored(&mut chunks).await?;
        for chunk in chunks.iter_mut().take(count) {
            let (now, later) = head.split_at_mut(head.len().min(chunk.len()));
            now.copy_from_slice(&chunk[..now.len()]);
            head = later;
            total += chunk.len() as u64;
            *chunk = Bytes::new();
        }
        if !open {
            return Ok(total);
        }
    }
}

async fn write_zeros(send: &mut SendStream, mut left: u64) -> anyhow::Result<()> {
    while left > 0 {
        let length = left.min(ZEROS.len() as u64);
        send.send(Bytes::from_static(&ZEROS[..length as usize]))
            .await?;
        left -= length;
    }
    Ok(())
}

pub(crate) async fn measure(args: &PerfClientArgs) -> anyhow::Result<()> {
    let client = Client::builder()
        .with_tls(tls::client(&args.ca, PERF, &args.server_name, true)?)?
        .with_io(sockets(unspecified(args.connect), args.transport.mtu)?)?
        .with_limits(limits()?)?
        .with_congestion_controller(Cubic::default())?
        .start()?;
    let connect = Connect::new(args.connect).with_server_name(args.server_name.as_str());
    let mut dialer = Dialer { client, connect };
    run_perf(&dialer, args).await?;
    dialer.client.wait_idle().await?;
    Ok(())
}

#[derive(Clone)]
struct Dialer {
    client: Client,
    connect: Connect,
}

/// The acceptor is kept, for a connection without one refuses the peer's streams.
#[derive(Clone)]
struct Peer {
    handle: Handle,
    _acceptor: Arc<std::sync::Mutex<s2n_quic::connection::StreamAcceptor>>,
}

impl PerfDialer for Dialer {
    type Connection = Peer;

    async fn connect(&self) -> anyhow::Result<Peer> {
        let (handle, acceptor) = self.client.connect(self.connect.clone()).await?.split();
        Ok(Peer {
            handle,
            _acceptor: Arc::new(std::sync::Mutex::new(acceptor)),
        })
    }
}

impl PerfConnection for Peer {
    async fn exchange(&self, up: u64, down: u64) -> anyhow::Result<()> {
        let stream = self.handle.clone().open_bidirectional_stream().await?;
        let (mut recv, mut send) = stream.split();
        let (first, rest) = request(up, down);
        send.send(first).await?;
        write_zeros(&mut send, rest).await?;
        send.finish()?;
        let got = drain(&mut recv, &mut []).await?;
        (got == down)
            .then_some(())
            .with_context(|| format!("{got} bytes instead of {down}"))
    }

    fn close(&self) {
        self.handle.close(0_u32.into());
    }
}
