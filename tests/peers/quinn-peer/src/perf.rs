//! In: the settings of a measurement. Out: the performance protocol, both ends, as fast as quinn's interface permits.

use crate::tls;
use anyhow::Context;
use peers_common::{
    CONNECTION_WINDOW, Cipher, IDLE, PERF, PerfClientArgs, PerfConnection, PerfDialer,
    PerfServerArgs, SEND_BUFFER, STREAM_WINDOW, STREAMS, request, run_perf, say, udp_socket,
    unspecified,
};
use quinn::{
    Connection, Endpoint, EndpointConfig, RecvStream, SendStream, TokioRuntime, TransportConfig,
};
use std::net::SocketAddr;
use std::sync::Arc;

static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

fn transport(mtu: u16) -> anyhow::Result<Arc<TransportConfig>> {
    let mut config = TransportConfig::default();
    config
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(SEND_BUFFER.into())
        .max_concurrent_bidi_streams(STREAMS.into())
        .max_idle_timeout(Some(IDLE.try_into()?))
        .congestion_controller_factory(Arc::new(quinn::congestion::CubicConfig::default()))
        .initial_mtu(mtu)
        .mtu_discovery_config(None);
    Ok(Arc::new(config))
}

fn endpoint_config(mtu: u16) -> anyhow::Result<EndpointConfig> {
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(mtu.max(1472))?;
    Ok(config)
}

pub(crate) async fn serve(args: &PerfServerArgs) -> anyhow::Result<()> {
    let tls = tls::server(&args.cert, &args.key, &[PERF], Some(Cipher::Aes128), true)?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    config.transport_config(transport(args.transport.mtu)?);
    let socket = udp_socket(args.listen)?;
    let endpoint = Endpoint::new(
        endpoint_config(args.transport.mtu)?,
        Some(config),
        socket,
        Arc::new(TokioRuntime),
    )?;
    say(&format!("listening {}", endpoint.local_addr()?));
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let connection = incoming.await?;
            while let Ok((send, recv)) = connection.accept_bi().await {
                tokio::spawn(answer(send, recv));
            }
            anyhow::Ok(())
        });
    }
    Ok(())
}

async fn answer(mut send: SendStream, mut recv: RecvStream) -> anyhow::Result<()> {
    let mut wanted = [0; 8];
    recv.read_exact(&mut wanted).await?;
    drain(&mut recv).await?;
    write_zeros(&mut send, u64::from_be_bytes(wanted)).await?;
    send.finish()?;
    Ok(())
}

async fn drain(recv: &mut RecvStream) -> anyhow::Result<u64> {
    let mut total = 0;
    while let Some(chunk) = recv.read_chunk(usize::MAX, true).await? {
        total += chunk.bytes.len() as u64;
    }
    Ok(total)
}

async fn write_zeros(send: &mut SendStream, mut left: u64) -> anyhow::Result<()> {
    while left > 0 {
        let length = left.min(ZEROS.len() as u64);
        send.write_chunk(bytes::Bytes::from_static(&ZEROS[..length as usize]))
            .await?;
        left -= length;
    }
    Ok(())
}

pub(crate) async fn measure(args: &PerfClientArgs) -> anyhow::Result<()> {
    let tls = tls::client(&args.ca, PERF, Some(Cipher::Aes128), true, false)?;
    let mut config = quinn::ClientConfig::new(Arc::new(tls));
    config.transport_config(transport(args.transport.mtu)?);
    let socket = udp_socket(unspecified(args.connect))?;
    let endpoint = Endpoint::new(
        endpoint_config(args.transport.mtu)?,
        None,
        socket,
        Arc::new(TokioRuntime),
    )?;
    let dialer = Dialer {
        endpoint,
        config,
        remote: args.connect,
        name: args.server_name.clone().into(),
    };
    run_perf(&dialer, args).await?;
    dialer.endpoint.wait_idle().await;
    Ok(())
}

#[derive(Clone)]
struct Dialer {
    endpoint: Endpoint,
    config: quinn::ClientConfig,
    remote: SocketAddr,
    name: Arc<str>,
}

#[derive(Clone)]
struct Peer(Connection);

impl PerfDialer for Dialer {
    type Connection = Peer;

    async fn connect(&self) -> anyhow::Result<Peer> {
        let connecting =
            self.endpoint
                .connect_with(self.config.clone(), self.remote, &self.name)?;
        Ok(Peer(connecting.await?))
    }
}

impl PerfConnection for Peer {
    async fn exchange(&self, up: u64, down: u64) -> anyhow::Result<()> {
        let (mut send, mut recv) = self.0.open_bi().await?;
        let (first, rest) = request(up, down);
        send.write_chunk(first).await?;
        write_zeros(&mut send, rest).await?;
        send.finish()?;
        let got = drain(&mut recv).await?;
        (got == down)
            .then_some(())
            .with_context(|| format!("{got} bytes instead of {down}"))
    }

    fn close(&self) {
        self.0.close(0_u32.into(), b"");
    }
}
