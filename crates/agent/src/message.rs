//! The messages of the kernel's handshake service, family `handshake` of generic netlink: what the agent asks in, bytes out, and the
//! other way about. It judges no request, and whatever it cannot read is an error, never a panic.

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLA_F_NESTED, NLA_TYPE_MASK, NLM_F_ACK, NLM_F_REQUEST,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, Nla, NlasIterator, Parseable,
    ParseableParametrized,
};
use netlink_packet_generic::ctrl::nlas::{GenlCtrlAttrs, McastGrpAttrs};
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};

use crate::limits;

/// A message of the family, with its attributes as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Raw {
    command: u8,
    attributes: Vec<DefaultNla>,
}

/// Where the kernel has the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// The type of its messages.
    pub(crate) id: u16,
    /// The group that hears of new requests.
    pub(crate) group: u32,
}

/// A handshake that a user in the kernel wants made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The number of its socket, which is open in this process now.
    pub(crate) socket: i32,
    /// What it wants, or what is wrong with the message.
    pub(crate) wanted: Result<Wanted, &'static str>,
}

/// What a user in the kernel wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) role: Role,
    pub(crate) authentication: Authentication,
    /// Milliseconds that it may take; 0 where the user leaves that open.
    pub(crate) timeout_ms: u32,
    /// The name that the server must prove to have.
    pub(crate) peer_name: Option<String>,
    /// The certificate that it names to prove itself by.
    pub(crate) certificate: Option<Own>,
    /// The serial numbers of the pre-shared keys that it names.
    pub(crate) shared_keys: Vec<i32>,
}

/// The serial numbers of a certificate and of its private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) certificate: i32,
    pub(crate) private_key: i32,
}

/// Which side the socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// How the ends prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// A client without a certificate of its own.
    Anonymous,
    Certificates,
    SharedKey,
}

/// What an answer of the kernel's says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done as asked.
    Done,
    /// An errno.
    Failed(i32),
    /// A request.
    Request(Request),
    /// Where the family is.
    Family(Family),
    /// Nothing that was asked for.
    Other,
}

/// Asks where the family is.
pub(crate) fn find_family(sequence: u32) -> Vec<u8> {
    let question = GenlCtrl {
        cmd: GenlCtrlCmd::GetFamily,
        nlas: vec![GenlCtrlAttrs::FamilyName(Raw::family_name().to_owned())],
    };
    bytes(GenlMessage::from_payload(question), sequence, 0)
}

/// Asks for the oldest request that waits.
pub(crate) fn accept(family: Family, sequence: u32) -> Vec<u8> {
    let class = number(ACCEPT_HANDLER_CLASS, HANDLER_CLASS_TLSHD);
    ours(family, sequence, 0, ACCEPT, vec![class])
}

/// Says what became of the handshake on a socket: 0 or an errno, and the serial number of the key that it was made by, if it is one of
/// the kernel's.
pub(crate) fn done(
    family: Family,
    sequence: u32,
    socket: i32,
    status: u32,
    key: Option<i32>,
) -> Vec<u8> {
    let mut attributes = vec![
        number(DONE_STATUS, status),
        number(DONE_SOCKFD, socket.cast_unsigned()),
    ];
    attributes.extend(key.map(|key| number(DONE_REMOTE_AUTH, key.cast_unsigned())));
    ours(family, sequence, NLM_F_ACK, DONE, attributes)
}

/// What the kernel says, and to which question of ours.
///
/// # Errors
///
/// When it is not to be understood.
pub(crate) fn read(family: Option<Family>, bytes: &[u8]) -> Result<(u32, Answer), DecodeError> {
    let is_control = bytes.get(4..6) == Some(&CONTROL_TYPE.to_ne_bytes());
    if is_control {
        let message = NetlinkMessage::<GenlMessage<GenlCtrl>>::deserialize(bytes)?;
        let answer = match message.payload {
            NetlinkPayload::InnerMessage(inner) => found(&inner.payload.nlas)?,
            payload => settled(&payload),
        };
        return Ok((message.header.sequence_number, answer));
    }
    let message = NetlinkMessage::<GenlMessage<Raw>>::deserialize(bytes)?;
    let of_family = family.is_some_and(|family| family.id == message.header.message_type);
    let answer = match &message.payload {
        NetlinkPayload::InnerMessage(inner) if of_family && inner.payload.command == ACCEPT => {
            Answer::Request(request(&inner.payload.attributes)?)
        }
        payload => settled(payload),
    };
    Ok((message.header.sequence_number, answer))
}

/// What an answer says that carries nothing of a family.
fn settled<I>(payload: &NetlinkPayload<I>) -> Answer {
    match payload {
        NetlinkPayload::Error(error) => match error.code {
            None => Answer::Done,
            Some(code) => Answer::Failed(code.get().saturating_neg()),
        },
        _ => Answer::Other,
    }
}

fn found(attributes: &[GenlCtrlAttrs]) -> Result<Answer, DecodeError> {
    let mut id = None;
    let mut group = None;
    for attribute in attributes {
        match attribute {
            GenlCtrlAttrs::FamilyId(family) => id = Some(*family),
            GenlCtrlAttrs::McastGroups(groups) => {
                let ours = McastGrpAttrs::Name(GROUP.to_owned());
                let ours = groups.iter().find(|group| group.contains(&ours));
                group = ours
                    .into_iter()
                    .flatten()
                    .find_map(|attribute| match attribute {
                        McastGrpAttrs::Id(id) => Some(*id),
                        McastGrpAttrs::Name(_) => None,
                    });
            }
            _ => {}
        }
    }
    match (id, group) {
        (Some(id), Some(group)) => Ok(Answer::Family(Family { id, group })),
        _ => Err(DecodeError::from(
            "a family without a number or without its group",
        )),
    }
}

/// A request; what is wrong with it is told only when its socket is known, so that the user hears of it.
fn request(attributes: &[DefaultNla]) -> Result<Request, DecodeError> {
    let socket = number_in(attributes, ACCEPT_SOCKFD)
        .ok_or_else(|| DecodeError::from("a request without a socket"))?;
    let role = match number_in(attributes, ACCEPT_MESSAGE_TYPE) {
        Some(CLIENT_HELLO) => Ok(Role::Client),
        Some(SERVER_HELLO) => Ok(Role::Server),
        _ => Err("neither a client nor a server"),
    };
    let authentication = match number_in(attributes, ACCEPT_AUTH_MODE) {
        Some(AUTH_UNAUTH) => Ok(Authentication::Anonymous),
        Some(AUTH_PSK) => Ok(Authentication::SharedKey),
        Some(AUTH_X509) => Ok(Authentication::Certificates),
        _ => Err("no way for the ends to prove themselves"),
    };
    let peer_name = match value(attributes, ACCEPT_PEERNAME) {
        None => Ok(None),
        Some(name) => match std::str::from_utf8(&name) {
            Ok(name) => Ok(Some(name.trim_end_matches('\0').to_owned())),
            Err(_) => Err("a name that is no text"),
        },
    };
    let timeout_ms = number_in(attributes, ACCEPT_TIMEOUT).unwrap_or(0);
    let certificate = certificate(attributes);
    let shared_keys = numbers_in(attributes, ACCEPT_PEER_IDENTITY);
    let wanted = role.and_then(|role| {
        Ok(Wanted {
            role,
            authentication: authentication?,
            timeout_ms,
            peer_name: peer_name?.filter(|name: &String| !name.is_empty()),
            certificate: certificate?,
            shared_keys,
        })
    });
    Ok(Request {
        socket: socket.cast_signed(),
        wanted,
    })
}

/// The first certificate that a request names, in a nest with its key; 0 stands for none.
fn certificate(attributes: &[DefaultNla]) -> Result<Option<Own>, &'static str> {
    let Some(nest) = value(attributes, ACCEPT_CERTIFICATE) else {
        return Ok(None);
    };
    let parsed = NlasIterator::new(nest.as_slice())
        .map(|nla| DefaultNla::parse(&nla?))
        .collect::<Result<Vec<_>, DecodeError>>();
    let parsed = parsed.map_err(|_| "a certificate in a nest that cannot be read")?;
    let serial = |kind| number_in(&parsed, kind).unwrap_or(0).cast_signed();
    match (serial(CERTIFICATE_CERT), serial(CERTIFICATE_PRIVKEY)) {
        (0, 0) => Ok(None),
        (0, _) | (_, 0) => Err("a certificate or a private key without the other"),
        (certificate, private_key) => Ok(Some(Own {
            certificate,
            private_key,
        })),
    }
}

fn ours(
    family: Family,
    sequence: u32,
    flags: u16,
    command: u8,
    attributes: Vec<DefaultNla>,
) -> Vec<u8> {
    let raw = Raw {
        command,
        attributes,
    };
    let mut message = GenlMessage::from_payload(raw);
    message.set_resolved_family_id(family.id);
    bytes(message, sequence, flags)
}

fn bytes<F>(message: GenlMessage<F>, sequence: u32, flags: u16) -> Vec<u8>
where
    F: GenlFamily + Emitable + std::fmt::Debug,
{
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut out = vec![0; message.buffer_len()];
    message.serialize(&mut out);
    out
}

fn number(kind: u16, value: u32) -> DefaultNla {
    DefaultNla::new(kind, value.to_ne_bytes().to_vec())
}

/// The value of an attribute, whatever the kernel says of its form.
fn value(attributes: &[DefaultNla], kind: u16) -> Option<Vec<u8>> {
    let found = attributes
        .iter()
        .find(|nla| nla.kind() & NLA_TYPE_MASK == kind)?;
    let mut value = vec![0; found.value_len()];
    found.emit_value(&mut value);
    Some(value)
}

/// The numbers of an attribute that may come many times; 0 stands for none.
fn numbers_in(attributes: &[DefaultNla], kind: u16) -> Vec<i32> {
    let found = attributes
        .iter()
        .filter(|nla| nla.kind() & NLA_TYPE_MASK == kind);
    let number = |nla: &DefaultNla| Some(number_in(std::slice::from_ref(nla), kind)?.cast_signed());
    let numbers = found.filter_map(number).filter(|number| *number != 0);
    numbers.take(limits::KEYS_NAMED).collect()
}

fn number_in(attributes: &[DefaultNla], kind: u16) -> Option<u32> {
    let value = value(attributes, kind)?;
    Some(u32::from_ne_bytes(value.try_into().ok()?))
}

impl GenlFamily for Raw {
    fn family_name() -> &'static str {
        "handshake"
    }

    fn command(&self) -> u8 {
        self.command
    }

    fn version(&self) -> u8 {
        1
    }
}

impl Emitable for Raw {
    fn buffer_len(&self) -> usize {
        self.attributes.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes.as_slice().emit(buffer);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for Raw {
    fn parse_with_param(bytes: &[u8], header: GenlHeader) -> Result<Self, DecodeError> {
        let attributes = NlasIterator::new(bytes)
            .map(|nla| DefaultNla::parse(&nla?))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            command: header.cmd,
            attributes,
        })
    }
}

/// The type of messages about families (`GENL_ID_CTRL`).
const CONTROL_TYPE: u16 = 16;
/// The group of agents.
const GROUP: &str = "tlshd";
const HANDLER_CLASS_TLSHD: u32 = 1;

const ACCEPT: u8 = 2;
const DONE: u8 = 3;

const ACCEPT_SOCKFD: u16 = 1;
const ACCEPT_HANDLER_CLASS: u16 = 2;
const ACCEPT_MESSAGE_TYPE: u16 = 3;
const ACCEPT_TIMEOUT: u16 = 4;
const ACCEPT_AUTH_MODE: u16 = 5;
const ACCEPT_PEER_IDENTITY: u16 = 6;
const ACCEPT_CERTIFICATE: u16 = 7;
const ACCEPT_PEERNAME: u16 = 8;

const CERTIFICATE_CERT: u16 = 1;
const CERTIFICATE_PRIVKEY: u16 = 2;

const DONE_STATUS: u16 = 1;
const DONE_SOCKFD: u16 = 2;
const DONE_REMOTE_AUTH: u16 = 3;

const CLIENT_HELLO: u32 = 1;
const SERVER_HELLO: u32 = 2;

const AUTH_UNAUTH: u32 = 1;
const AUTH_PSK: u32 = 2;
const AUTH_X509: u32 = 3;

const _: () = assert!(NLA_TYPE_MASK & NLA_F_NESTED == 0);

#[cfg(test)]
mod tests;
