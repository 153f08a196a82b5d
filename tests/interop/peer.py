"""What the peers in Python share. In: their two parts. Out: the command line that all peers have, and an exit code."""

import argparse
import asyncio
import pathlib
import sys

ALPN = ["hq-interop"]


def say(line):
    print(line, flush=True)


def address(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def below(directory, path):
    root = pathlib.Path(directory).resolve()
    file = (root / path.lstrip("/")).resolve()
    if not file.is_relative_to(root):
        raise ValueError(f"refused path {path!r}")
    return file


def parsers(description, ciphers):
    """The parser of the command line, and those of its two roles, to which a peer adds options of its own."""
    parser = argparse.ArgumentParser(description=description)
    roles = parser.add_subparsers(dest="role", required=True)
    server = roles.add_parser("server")
    server.add_argument("--listen", required=True)
    server.add_argument("--cert", required=True)
    server.add_argument("--key", required=True)
    server.add_argument("--retry", action="store_true")
    server.add_argument("--early", action="store_true", help="accept 0-RTT, as it does anyway")
    client = roles.add_parser("client")
    client.add_argument("--connect", required=True)
    client.add_argument("--server-name", default="localhost")
    client.add_argument("--ca", required=True)
    client.add_argument("--resume", action="store_true")
    client.add_argument("--early", action="store_true", help="with --resume: ask again in 0-RTT")
    client.add_argument("--multiconnect", action="store_true", help="a connection for every path")
    client.add_argument("paths", nargs="+")
    for role in (server, client):
        role.add_argument("--dir", required=True)
        role.add_argument("--cipher", choices=ciphers)
        role.add_argument("--key-update", action="store_true")
        role.add_argument("--prefer-version-2", action="store_true", help="version 2, then version 1")
    return parser, server, client


def play(name, part):
    """Plays a part to its end; the exit code."""
    try:
        asyncio.run(part)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # A peer says in one line what went wrong; its trace is of no use to ours.
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0
