//! TCP with TLS in the kernel, to measure QUIC in the kernel against: a server and a client of the same transfers. TLS 1.3 is made by
//! rustls, its keys are then the kernel's, and from there on these are plain reads and writes.
#![deny(unsafe_code)]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use nix::libc;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{TcpTlsRx, TcpTlsTx, TcpUlp, TlsCryptoInfo};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, ConnectionTrafficSecrets, RootCertStore,
    ServerConfig, ServerConnection,
};

/// Bytes of one call, as the programs for QUIC sockets have it.
const CHUNK: usize = 64 * 1024;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let address = |text: &str| text.parse::<SocketAddr>().map_err(io::Error::other);
    match words.as_slice() {
        ["server", at, certificate, key] => serve(address(at)?, certificate, key),
        ["client", at, ca, mode, amount] => {
            let amount = amount.parse().map_err(io::Error::other)?;
            run(address(at)?, ca, mode, amount)
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "server ADDRESS CERTIFICATE KEY, or client ADDRESS CA bulk-down|bulk-up|rr AMOUNT",
        )),
    }
}

/// Serves one connection after the other.
fn serve(at: SocketAddr, certificate: &str, key: &str) -> io::Result<()> {
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(io::Error::other)?;
    config.enable_secret_extraction = true;
    // A ticket would come in the first record that the client's kernel decrypts.
    config.send_tls13_tickets = 0;
    let config = Arc::new(config);
    let listener = TcpListener::bind(at)?;
    println!("listening {}", listener.local_addr()?);
    let mut buffer = vec![0; CHUNK];
    loop {
        let (mut stream, _) = listener.accept()?;
        let session = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
        secure(&stream, session.into())?;
        // The client sends nothing before this, so nothing of it was read by rustls.
        stream.write_all(&[0])?;
        // The end of the client is the end of this.
        drop(answer(&mut stream, &mut buffer));
    }
}

/// Requests one after the other: how many bytes come up, how many go down, and the former.
fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        let mut head = [0; 16];
        stream.read_exact(&mut head)?;
        let (up, down) = head.split_at(8);
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        take(stream, number(up), buffer)?;
        give(stream, number(down), buffer)?;
    }
}

fn run(at: SocketAddr, ca: &str, mode: &str, amount: u64) -> io::Result<()> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(ca).map_err(io::Error::other)? {
        let root = root.map_err(io::Error::other)?;
        roots.add(root).map_err(io::Error::other)?;
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_secret_extraction = true;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let session = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(at)?;
    secure(&stream, session.into())?;
    stream.read_exact(&mut [0])?;
    let mut buffer = vec![0; CHUNK];
    let start = now();
    match mode {
        "bulk-down" => exchange(&mut stream, 0, amount, &mut buffer)?,
        "bulk-up" => exchange(&mut stream, amount, 0, &mut buffer)?,
        _ => {
            let mut times = Vec::new();
            for _ in 0..amount {
                let begun = now();
                exchange(&mut stream, 1024 - 16, 1024, &mut buffer)?;
                times.push(begun.elapsed().as_micros());
            }
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            let rate = amount as f64 / start.elapsed().as_secs_f64();
            println!("{{\"mode\":\"rr\",\"rate\":{rate:.0},\"p50_us\":{median}}}");
            return Ok(());
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let gbit_s = amount as f64 * 8.0 / seconds / 1e9;
    println!("{{\"mode\":\"{mode}\",\"gbit_s\":{gbit_s:.3},\"seconds\":{seconds:.3}}}");
    Ok(())
}

/// One request: so many bytes up, so many down, and a byte where there would be none.
fn exchange(stream: &mut TcpStream, up: u64, down: u64, buffer: &mut [u8]) -> io::Result<()> {
    let down = down.max(1);
    let mut request = [0; 4096];
    request[..8].copy_from_slice(&up.to_be_bytes());
    request[8..16].copy_from_slice(&down.to_be_bytes());
    let first = up.min(1024);
    stream.write_all(&request[..16 + first as usize])?;
    give(stream, up - first, buffer)?;
    take(stream, down, buffer)
}

fn give(stream: &mut TcpStream, mut bytes: u64, buffer: &[u8]) -> io::Result<()> {
    while bytes > 0 {
        let part = bytes.min(buffer.len() as u64);
        bytes -= stream.write(&buffer[..part as usize])? as u64;
    }
    Ok(())
}

fn take(stream: &mut TcpStream, mut bytes: u64, buffer: &mut [u8]) -> io::Result<()> {
    while bytes > 0 {
        let part = bytes.min(buffer.len() as u64);
        match stream.read(&mut buffer[..part as usize])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            got => bytes -= got as u64,
        }
    }
    Ok(())
}

/// Makes the handshake, and gives the kernel its keys.
fn secure(mut stream: &TcpStream, mut session: Connection) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while session.is_handshaking() || session.wants_write() {
        session.complete_io(&mut stream)?;
    }
    let secrets = session
        .dangerous_extract_secrets()
        .map_err(io::Error::other)?;
    setsockopt(&stream, TcpUlp::default(), b"tls")?;
    setsockopt(&stream, TcpTlsTx, &keys(secrets.tx)?)?;
    setsockopt(&stream, TcpTlsRx, &keys(secrets.rx)?)?;
    Ok(())
}

/// Keys as the kernel takes them (linux/tls.h).
fn keys((sequence, secrets): (u64, ConnectionTrafficSecrets)) -> io::Result<TlsCryptoInfo> {
    let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let mut info = libc::tls12_crypto_info_aes_gcm_128 {
        info: libc::tls_crypto_info {
            version: libc::TLS_1_3_VERSION,
            cipher_type: libc::TLS_CIPHER_AES_GCM_128,
        },
        iv: [0; 8],
        key: [0; 16],
        salt: [0; 4],
        rec_seq: sequence.to_be_bytes(),
    };
    let (salt, rest) = iv.as_ref().split_at(4);
    info.salt.copy_from_slice(salt);
    info.iv.copy_from_slice(rest);
    info.key.copy_from_slice(key.as_ref());
    Ok(TlsCryptoInfo::Aes128Gcm(info))
}

/// AES-128-GCM, as the programs for QUIC sockets have it.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
        ..aws_lc_rs::default_provider()
    })
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}
