//! Who listens on the port of the corpus, and what its clients want: a client's wish in, whose it is out, by the precedence as it is
//! written in docs/port-sharing.md. It shares no code with the engine.

use inquic_engine::{Claim, Listen, Listener, Owner, RetryPolicy};

use crate::Rng;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The server's name.
    pub name: Option<&'static str>,
    /// The protocols, the preferred one first.
    pub protocols: Vec<&'static str>,
}

/// Names and protocols of each owner. Every level of the precedence is there, with a local owner and one in another process.
const CLAIMS: [(Owner, &[&str], &[&str]); 11] = [
    (Owner::Local(0), &["a.example"], &["h3"]),
    (Owner::Remote(1), &["a.example", "b.example"], &["smb"]),
    (Owner::Local(1), &["a.example", "c.example"], &[]),
    (Owner::Remote(2), &["b.example"], &[]),
    (Owner::Local(2), &["*.example"], &["h3", "doq"]),
    (Owner::Remote(3), &["*.example"], &[]),
    (Owner::Local(3), &["*.deep.example"], &["h3"]),
    (Owner::Remote(4), &[], &["h3"]),
    (Owner::Local(4), &[], &["smb", "doq"]),
    (Owner::Remote(5), &["only.test"], &["mqtt"]),
    (Owner::Local(5), &["*.only.test"], &["mqtt"]),
];

/// Takes all that nobody else claims, where somebody does.
const DEFAULT: Owner = Owner::Remote(6);

const NAMES: [Option<&str>; 14] = [
    None,
    Some("a.example"),
    Some("A.EXAMPLE"),
    Some("b.example"),
    Some("c.example"),
    Some("other.example"),
    Some("x.deep.example"),
    Some("deep.example"),
    Some("y.x.deep.example"),
    Some("only.test"),
    Some("z.only.test"),
    Some("nobody.test"),
    Some("example"),
    Some("127.0.0.1"),
];

const PROTOCOLS: [&[&str]; 9] = [
    &["h3"],
    &["h3", "h3-29"],
    &["smb"],
    &["doq"],
    &["smb", "h3"],
    &["h3", "smb"],
    &["mqtt"],
    &["unheard/1"],
    &[],
];

impl Wanted {
    /// Anything that a client of the corpus asks for.
    pub fn any(rng: &mut Rng) -> Self {
        Self {
            name: NAMES[rng.below(NAMES.len() as u64) as usize],
            protocols: PROTOCOLS[rng.below(PROTOCOLS.len() as u64) as usize].to_vec(),
        }
    }
}

/// The listeners of the port.
///
/// # Panics
///
/// Never: the claims are good.
#[must_use]
pub fn listeners(retry: RetryPolicy, with_default: bool) -> Vec<Listener> {
    let none: (Owner, &[&str], &[&str]) = (DEFAULT, &[], &[]);
    let all = CLAIMS.into_iter().chain(with_default.then_some(none));
    all.map(|(owner, names, protocols)| Listener {
        owner,
        listen: Listen {
            retry,
            max_half_open: 100_000,
            ..Listen::default()
        },
        claim: Claim::new(names, protocols).expect("good claims"),
        spreads: false,
    })
    .collect()
}

/// Whose a client is, or the alert that it is refused with.
///
/// # Errors
///
/// 112 when nobody has its name, 120 when nobody of the name has its protocols.
pub fn expected(wanted: &Wanted, with_default: bool) -> Result<Owner, u8> {
    let host = wanted.name.map(str::to_ascii_lowercase);
    let exact = |names: &[&str]| host.as_deref().is_some_and(|host| names.contains(&host));
    let wild = |names: &[&str]| {
        let parent = host.as_deref().and_then(|host| host.split_once('.'));
        parent.is_some_and(|(_, parent)| names.iter().any(|name| name[1..] == format!(".{parent}")))
    };
    let find = |named: &dyn Fn(&[&str]) -> bool, protocol: Option<&str>| {
        let fits = |protocols: &[&str]| match protocol {
            Some(protocol) => protocols.contains(&protocol),
            None => protocols.is_empty(),
        };
        let mut claims = CLAIMS.iter();
        let found = claims.find(|(_, names, protocols)| named(names) && fits(protocols));
        found.map(|(owner, ..)| *owner)
    };
    let stars = |names: &[&str]| names.iter().any(|name| name.starts_with('*')) && wild(names);
    let any = |names: &[&str]| names.is_empty();
    for named in [&exact as &dyn Fn(&[&str]) -> bool, &stars] {
        let with_protocol = wanted.protocols.iter();
        let mut with_protocol = with_protocol.filter_map(|one| find(named, Some(one)));
        if let Some(owner) = with_protocol.next().or_else(|| find(named, None)) {
            return Ok(owner);
        }
    }
    let mut by_protocol = wanted.protocols.iter();
    if let Some(owner) = by_protocol.find_map(|one| find(&any, Some(one))) {
        return Ok(owner);
    }
    if with_default {
        return Ok(DEFAULT);
    }
    // Owners without names have every name.
    Err(120)
}
