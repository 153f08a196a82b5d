//! The functions of `netinet/quic.h`. Pointers of C come in and are checked for null; results of safe code go out, failures as
//! negative errno values. What a function may not be given is in the header.
#![expect(unsafe_code, reason = "C gives pointers")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::time::Duration;

use crate::c::{as_call, bytes, give, path, text};
use crate::kept::SESSION_DATA_BYTES;
use crate::log::{self, LogFunc};
use crate::session::{Failed, Handshake};
use crate::steps::{QuicSession, Step};
use crate::wishes::names;
use inquic_descriptor::errno;
use inquic_descriptor::sys;

use crate::{limits, messages};

/// Begins a session for a connected or accepted socket.
#[unsafe(no_mangle)]
pub extern "C" fn quic_session_new(sockfd: c_int) -> *mut QuicSession {
    match sys::is_open(sockfd) {
        Ok(()) => Box::into_raw(Box::new(QuicSession::new(sockfd))),
        Err(_) => ptr::null_mut(),
    }
}

/// Ends a session. The socket stays open.
///
/// # Safety
///
/// `session` is null, or from `quic_session_new` and not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_free(session: *mut QuicSession) {
    if !session.is_null() {
        // SAFETY: the caller has it from Box::into_raw and gives it up.
        drop(unsafe { Box::from_raw(session) });
    }
}

/// The name that the server's certificate must have.
///
/// # Safety
///
/// `session` is a session, `name` null or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_set_server_name(
    session: *mut QuicSession,
    name: *const c_char,
) -> c_int {
    // SAFETY: as the caller says.
    let (session, name) = (unsafe { session.as_mut() }, unsafe { text(name) });
    chosen(session, |handshake| {
        handshake.choices.server_name = name.map(|name| String::from_utf8_lossy(name).into_owned());
        Ok(())
    })
}

/// A PEM file of the authorities to trust in place of the system's.
///
/// # Safety
///
/// `session` is a session, `file` null or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_set_ca_file(
    session: *mut QuicSession,
    file: *const c_char,
) -> c_int {
    // SAFETY: as the caller says.
    let (session, file) = (unsafe { session.as_mut() }, unsafe { text(file) });
    chosen(session, |handshake| {
        handshake.choices.authorities = file.map(path);
        Ok(())
    })
}

/// PEM files of a server's chain and key.
///
/// # Safety
///
/// `session` is a session, the others are strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_set_certificate(
    session: *mut QuicSession,
    cert_file: *const c_char,
    key_file: *const c_char,
) -> c_int {
    // SAFETY: as the caller says.
    let (session, chain) = (unsafe { session.as_mut() }, unsafe { text(cert_file) });
    // SAFETY: as the caller says.
    let key = unsafe { text(key_file) };
    chosen(session, |handshake| {
        let (chain, key) = chain.zip(key).ok_or(Failed(libc::EINVAL))?;
        handshake.choices.certificate = Some((path(chain), path(key)));
        Ok(())
    })
}

/// A file of pre-shared keys, which stand in for certificates.
///
/// # Safety
///
/// `session` is a session, `file` null or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_set_psk_file(
    session: *mut QuicSession,
    file: *const c_char,
) -> c_int {
    // SAFETY: as the caller says.
    let (session, file) = (unsafe { session.as_mut() }, unsafe { text(file) });
    chosen(session, |handshake| {
        handshake.choices.shared_keys = file.map(path);
        Ok(())
    })
}

/// How long the handshake may take, in milliseconds.
///
/// # Safety
///
/// `session` is a session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_set_timeout(
    session: *mut QuicSession,
    milliseconds: u32,
) -> c_int {
    // SAFETY: as the caller says.
    chosen(unsafe { session.as_mut() }, |handshake| {
        handshake.choices.timeout = Duration::from_millis(milliseconds.into());
        Ok(())
    })
}

/// Why the last call on the session failed.
///
/// # Safety
///
/// `session` is a session; the text lives until the next call on it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_error(session: *mut QuicSession) -> *const c_char {
    // SAFETY: as the caller says.
    let Some(session) = (unsafe { session.as_mut() }) else {
        return c"no session".as_ptr();
    };
    session.why = CString::new(session.handshake.why().replace('\0', "")).unwrap_or_default();
    session.why.as_ptr()
}

/// The application protocols to speak, the preferred one first.
///
/// # Safety
///
/// `session` is a session, `data` has `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_set_alpn(
    session: *mut QuicSession,
    data: *const c_void,
    size: usize,
) -> c_int {
    // SAFETY: as the caller says.
    let (session, list) = (unsafe { session.as_mut() }, unsafe { bytes(data, size) });
    chosen(session, |handshake| {
        let names = list
            .filter(|list| list.len() <= limits::ALPN_BYTES)
            .map(names);
        let names = names.filter(|names| !names.is_empty());
        handshake.choices.alpn = names.ok_or(Failed(libc::EINVAL))?;
        Ok(())
    })
}

/// The application protocol that was agreed on.
///
/// # Safety
///
/// `session` is a session; `data` has `*size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_get_alpn(
    session: *mut QuicSession,
    data: *mut c_void,
    size: *mut usize,
) -> c_int {
    // SAFETY: as the caller says.
    let Some(session) = (unsafe { session.as_mut() }) else {
        return -libc::EINVAL;
    };
    let alpn = session.handshake.alpn();
    // SAFETY: as the caller says.
    unsafe { give(&alpn, data, size) }
}

/// What another session of this process resumes with.
///
/// # Safety
///
/// `session` is a session; `data` has `*size` bytes, or is null to ask how many there must be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_get_data(
    session: *mut QuicSession,
    data: *mut c_void,
    size: *mut usize,
) -> c_int {
    // SAFETY: as the caller says.
    let (session, wanted) = (unsafe { session.as_mut() }, unsafe { size.as_mut() });
    let (Some(session), Some(wanted)) = (session, wanted) else {
        return -libc::EINVAL;
    };
    // Nothing is kept for who has no room for its name.
    if data.is_null() || *wanted < SESSION_DATA_BYTES {
        *wanted = SESSION_DATA_BYTES;
        return if data.is_null() { 0 } else { -libc::ENOSPC };
    }
    match session.call(|session| session.handshake.session_data()) {
        // SAFETY: as the caller says.
        Ok(name) => unsafe { give(&name, data, size) },
        Err(failed) => failed,
    }
}

/// Resumes with what `quic_session_get_data` gave.
///
/// # Safety
///
/// `session` is a session; `data` has `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_session_set_data(
    session: *mut QuicSession,
    data: *const c_void,
    size: usize,
) -> c_int {
    // SAFETY: as the caller says.
    let (session, data) = (unsafe { session.as_mut() }, unsafe { bytes(data, size) });
    chosen(session, |handshake| {
        handshake.set_session_data(data.ok_or(Failed(libc::EINVAL))?)
    })
}

/// Makes the whole handshake.
///
/// # Safety
///
/// `session` is a session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_handshake(session: *mut QuicSession) -> c_int {
    // SAFETY: as the caller says.
    chosen(unsafe { session.as_mut() }, |handshake| {
        handshake.start()?;
        handshake.run()
    })
}

/// Begins a handshake whose socket calls the program makes.
///
/// # Safety
///
/// `session` is a session; `*pstep` is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_handshake_init(
    session: *mut QuicSession,
    pstep: *mut *mut Step,
) -> c_int {
    // SAFETY: as the caller says.
    let (session, pstep) = (unsafe { session.as_mut() }, unsafe { pstep.as_mut() });
    let (Some(session), Some(pstep)) = (session, pstep) else {
        return -libc::EINVAL;
    };
    if !pstep.is_null() {
        return -libc::EINVAL;
    }
    match session.call(|session| session.handshake.start()) {
        Ok(()) => {
            *pstep = session.next_step();
            0
        }
        Err(failed) => failed,
    }
}

/// Takes the result of the call in `*pstep`, and gives the next one; null when the handshake is complete.
///
/// # Safety
///
/// `session` is a session; `*pstep` is what the last call on it gave.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_handshake_step(
    session: *mut QuicSession,
    pstep: *mut *mut Step,
) -> c_int {
    // SAFETY: as the caller says.
    let (session, pstep) = (unsafe { session.as_mut() }, unsafe { pstep.as_mut() });
    let (Some(session), Some(pstep)) = (session, pstep) else {
        return -libc::EINVAL;
    };
    match session.call(QuicSession::take_step) {
        Ok(()) => {
            *pstep = session.next_step();
            0
        }
        Err(failed) => {
            *pstep = ptr::null_mut();
            failed
        }
    }
}

/// Ends a handshake of `quic_handshake_init`, complete or not.
///
/// # Safety
///
/// `session` is a session; the step is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_handshake_deinit(session: *mut QuicSession) {
    // SAFETY: as the caller says.
    if let Some(session) = unsafe { session.as_mut() } {
        session.step = None;
        session.handshake.stop();
    }
}

/// A client's whole handshake.
///
/// # Safety
///
/// The strings are strings or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_client_handshake(
    sockfd: c_int,
    pkey_file: *const c_char,
    hostname: *const c_char,
    alpns: *const c_char,
) -> c_int {
    // SAFETY: as the caller says.
    let (hostname, alpns) = (unsafe { text(hostname) }, unsafe { text(alpns) });
    // SAFETY: as the caller says.
    let keys = unsafe { text(pkey_file) };
    whole(sockfd, alpns, |handshake| {
        handshake.choices.shared_keys = keys.map(path);
        handshake.choices.server_name =
            hostname.map(|name| String::from_utf8_lossy(name).into_owned());
    })
}

/// A server's whole handshake.
///
/// # Safety
///
/// The strings are strings or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_server_handshake(
    sockfd: c_int,
    pkey_file: *const c_char,
    cert_file: *const c_char,
    alpns: *const c_char,
) -> c_int {
    // SAFETY: as the caller says.
    let (key, chain) = (unsafe { text(pkey_file) }, unsafe { text(cert_file) });
    // SAFETY: as the caller says.
    let alpns = unsafe { text(alpns) };
    whole(sockfd, alpns, |handshake| match (chain, key) {
        (Some(chain), Some(key)) => {
            handshake.choices.certificate = Some((path(chain), path(key)));
        }
        (None, keys) => handshake.choices.shared_keys = keys.map(path),
        (Some(_), None) => {}
    })
}

/// Sends on a stream.
///
/// # Safety
///
/// `msg` has `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_sendmsg(
    sockfd: c_int,
    msg: *const c_void,
    len: usize,
    sid: i64,
    flags: u32,
) -> isize {
    // SAFETY: as the caller says.
    match unsafe { bytes(msg, len) } {
        Some(bytes) => as_call(messages::send(sockfd, bytes, sid, flags)),
        None => as_call(Err(errno(libc::EFAULT))),
    }
}

/// Receives; says of which stream, and with which flags.
///
/// # Safety
///
/// `msg` has `len` bytes; `sid` and `flags` are null or can be read and written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn quic_recvmsg(
    sockfd: c_int,
    msg: *mut c_void,
    len: usize,
    sid: *mut i64,
    flags: *mut u32,
) -> isize {
    // SAFETY: as the caller says.
    let (sid, flags) = (unsafe { sid.as_mut() }, unsafe { flags.as_mut() });
    if msg.is_null() && len > 0 {
        return as_call(Err(errno(libc::EFAULT)));
    }
    let out = if len == 0 {
        &mut []
    } else {
        // SAFETY: as the caller says.
        unsafe { slice::from_raw_parts_mut(msg.cast::<u8>(), len) }
    };
    let asked = flags.as_ref().map_or(0, |flags| **flags);
    let received = messages::receive(sockfd, out, asked);
    if let Ok((_, stream, got)) = received {
        if let Some(sid) = sid {
            *sid = stream;
        }
        if let Some(flags) = flags {
            *flags = got;
        }
    }
    as_call(received.map(|(len, ..)| len))
}

/// Sets the least important level that is logged, and returns the one before.
#[unsafe(no_mangle)]
pub extern "C" fn quic_set_log_level(level: c_int) -> c_int {
    log::set_level(level)
}

/// Sets the function that takes the log, and returns the one before.
#[unsafe(no_mangle)]
pub extern "C" fn quic_set_log_func(func: Option<LogFunc>) -> Option<LogFunc> {
    log::set_func(func)
}

/// A choice for a session that may be null.
fn chosen(
    session: Option<&mut QuicSession>,
    choose: impl FnOnce(&mut Handshake) -> Result<(), Failed>,
) -> c_int {
    let Some(session) = session else {
        return -libc::EINVAL;
    };
    match session.call(|session| choose(&mut session.handshake)) {
        Ok(()) => 0,
        Err(failed) => failed,
    }
}

/// A session of one call.
fn whole(sockfd: c_int, alpns: Option<&[u8]>, choose: impl FnOnce(&mut Handshake)) -> c_int {
    if let Err(error) = sys::is_open(sockfd) {
        return -Failed::from(error).0;
    }
    let mut session = QuicSession::new(sockfd);
    session.handshake.choices.alpn = alpns.map(names).unwrap_or_default();
    choose(&mut session.handshake);
    chosen(Some(&mut session), |handshake| {
        handshake.start()?;
        handshake.run()
    })
}
