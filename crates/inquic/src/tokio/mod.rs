//! The tokio face: the same names as the blocking one, with `async` calls, [`AsyncRead`](tokio::io::AsyncRead) and
//! [`AsyncWrite`](tokio::io::AsyncWrite).
//!
//! Inside a runtime, which needs its I/O and time drivers (`enable_all`), a task of that runtime does all the work: with a
//! current-thread runtime everything happens in one thread. Keep the runtime running until connections are closed.
//!
//! ```
//! # use inquic::cert::CertificateAuthority;
//! use inquic::tokio::{Connection, Listener};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let ca = CertificateAuthority::new("Example CA")?;
//! # let issued = ca.issue(&["localhost"], std::time::Duration::from_secs(3600))?;
//! # let certificate = inquic::Certificate::from_pem(issued.certificate_pem.as_bytes(), issued.key_pem.as_bytes())?;
//! # let roots = inquic::Roots::pem(ca.pem().as_bytes())?;
//! let listener = Listener::builder().certificate(certificate).alpn(["hello/1"]).bind("[::1]:0")?;
//! let address = listener.local_addr();
//! let server = tokio::spawn(async move {
//!     let connection = listener.accept().await?;
//!     let mut stream = connection.accept().await?.expect("the client opens a stream");
//!     stream.write_all(b"hello").await?;
//!     stream.finish()?;
//!     connection.closed().await;
//!     Ok::<_, std::io::Error>(())
//! });
//!
//! let connection = Connection::builder()
//!     .roots(roots)
//!     .alpn(["hello/1"])
//!     .server_name("localhost")
//!     .connect(&address.to_string())
//!     .await?;
//! let mut stream = connection.open().await?;
//! stream.write_all(b"who is there?").await?;
//! stream.finish()?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer).await?;
//! assert_eq!(answer, "hello");
//! connection.close(0, "done");
//! server.await??;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod connection;
mod listener;
mod stream;

pub use connection::Connection;
pub use listener::Listener;
pub use stream::{ReceiveStream, SendStream, Stream};
