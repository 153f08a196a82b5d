//! In: which link. Out: commands that run on either end of it. A veth pair and its namespaces go when this is dropped.

use std::process::Command;

use anyhow::Result;

use crate::shell::{command, is_root, output};

/// What the packets cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Link {
    /// 127.0.0.1.
    Loopback,
    /// A veth pair with MTU 1500 between two network namespaces.
    Veth,
}

impl Link {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Veth => "veth",
        }
    }
}

/// One end of a link.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// Runs on the first core.
    Server,
    /// Runs on the second.
    Client,
}

/// A link that is there.
pub(crate) enum Network {
    /// Always is.
    Loopback,
    /// Made here.
    Veth(Namespaces),
}

impl Network {
    /// Makes it; nothing when only root could.
    pub(crate) fn make(link: Link) -> Result<Option<Self>> {
        match link {
            Link::Loopback => Ok(Some(Self::Loopback)),
            Link::Veth if is_root() => Ok(Some(Self::Veth(Namespaces::make()?))),
            Link::Veth => Ok(None),
        }
    }

    pub(crate) fn link(&self) -> Link {
        match self {
            Self::Loopback => Link::Loopback,
            Self::Veth(_) => Link::Veth,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.link().name()
    }

    /// Where a server listens.
    pub(crate) fn address(&self) -> &'static str {
        match self {
            Self::Loopback => "127.0.0.1",
            Self::Veth(_) => SERVER_ADDRESS,
        }
    }

    /// Runs a program at one end, on that end's core. `ip` and `taskset` become the program: its PID is theirs.
    pub(crate) fn command(&self, end: End, program: &std::path::Path) -> Command {
        let core = match end {
            End::Server => "0",
            End::Client => "1",
        };
        let mut command = match self {
            Self::Loopback => Command::new("taskset"),
            Self::Veth(namespaces) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespaces.name(end), "taskset"]);
                command
            }
        };
        command.args(["-c", core]).arg(program);
        command
    }
}

/// Two network namespaces, joined.
pub(crate) struct Namespaces {
    server: String,
    client: String,
}

impl Namespaces {
    fn make() -> Result<Self> {
        remove_abandoned()?;
        let id = std::process::id();
        let made = Self {
            server: format!("{PREFIX}{id}-s"),
            client: format!("{PREFIX}{id}-c"),
        };
        let (server, client) = (made.server.as_str(), made.client.as_str());
        ip(&["netns", "add", server])?;
        ip(&["netns", "add", client])?;
        // Made inside one namespace and moved into the other: nothing appears in the machine's own.
        ip(&[
            "-n", server, "link", "add", "v0", "mtu", "1500", "type", "veth", "peer", "name", "v1",
            "mtu", "1500",
        ])?;
        ip(&["-n", server, "link", "set", "v1", "netns", client])?;
        for (namespace, device, address) in [
            (server, "v0", SERVER_ADDRESS),
            (client, "v1", CLIENT_ADDRESS),
        ] {
            ip(&[
                "-n",
                namespace,
                "address",
                "add",
                &format!("{address}/24"),
                "dev",
                device,
            ])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
            ip(&["-n", namespace, "link", "set", device, "up"])?;
        }
        Ok(made)
    }

    fn name(&self, end: End) -> &str {
        match end {
            End::Server => &self.server,
            End::Client => &self.client,
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in [&self.server, &self.client] {
            // The veth pair goes with the first. One that was never made cannot be removed.
            if let Err(error) = ip(&["netns", "delete", name]) {
                println!("network namespace {name} stays: {error:#}");
            }
        }
    }
}

/// Removes what a run left that was killed.
fn remove_abandoned() -> Result<()> {
    for name in ip(&["netns", "list"])?
        .lines()
        .filter_map(|line| line.split(' ').next())
    {
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|id| !std::path::Path::new("/proc").join(id).exists()) {
            ip(&["netns", "delete", name])?;
        }
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<String> {
    output(command("ip").args(arguments))
}

const PREFIX: &str = "inquic-bench-";
/// Of TEST-NET-1 (RFC 5737): nobody's.
const SERVER_ADDRESS: &str = "192.0.2.1";
const CLIENT_ADDRESS: &str = "192.0.2.2";
