"""aioquic as a peer: HTTP/0.9 over QUIC. In: the command line that all peers share. Out: files, one line of JSON.

It never leaves the directory given, and it stops by itself when its fetches are done.
"""

import argparse
import asyncio
import json
import pathlib
import ssl
import sys

from aioquic.asyncio import connect, serve
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion
from aioquic.tls import CipherSuite

ALPN = ["hq-interop"]
RESERVED = 0x1A2A3A4A
CIPHERS = {
    "aes128": CipherSuite.AES_128_GCM_SHA256,
    "aes256": CipherSuite.AES_256_GCM_SHA384,
    "chacha20": CipherSuite.CHACHA20_POLY1305_SHA256,
}


def say(line):
    print(line, flush=True)


def address(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def configuration(args, is_client):
    result = QuicConfiguration(alpn_protocols=ALPN, is_client=is_client)
    if args.cipher:
        result.cipher_suites = [CIPHERS[args.cipher]]
    if args.prefer_version_2:
        result.supported_versions = [QuicProtocolVersion.VERSION_2, QuicProtocolVersion.VERSION_1]
    if is_client:
        # What it begins with; the server chooses among the others.
        result.original_version = QuicProtocolVersion.VERSION_1
        result.load_verify_locations(args.ca)
        result.verify_mode = ssl.CERT_REQUIRED
        result.server_name = args.server_name
        result.max_data = 1 << 24
        result.max_stream_data = 1 << 23
    else:
        result.load_cert_chain(args.cert, args.key)
    return result


def below(directory, path):
    root = pathlib.Path(directory).resolve()
    file = (root / path.lstrip("/")).resolve()
    if not file.is_relative_to(root):
        raise ValueError(f"refused path {path!r}")
    return file


async def run_server(args):
    config = configuration(args, is_client=False)
    if args.only_version_2:
        config.supported_versions = [QuicProtocolVersion.VERSION_2]
    tickets = {}

    class Protocol(QuicConnectionProtocol):
        updated = False

        def answer(self, reader, writer):
            asyncio.ensure_future(self.serve_one(reader, writer))

        async def serve_one(self, reader, writer):
            request = (await reader.read()).decode()
            path = request.removeprefix("GET ").rstrip("\r\n")
            writer.write(below(args.dir, path).read_bytes())
            writer.write_eof()
            if args.key_update and not self.updated:
                self.updated = True
                self._quic.request_key_update()
                say("event key_update")
            self.transmit()

        def __init__(self, *given, **named):
            named["stream_handler"] = self.answer
            super().__init__(*given, **named)

    host, port = address(args.listen)
    server = await serve(
        host,
        port,
        configuration=config,
        create_protocol=Protocol,
        session_ticket_fetcher=lambda label: tickets.pop(label, None),
        session_ticket_handler=lambda ticket: tickets.__setitem__(ticket.ticket, ticket),
        retry=args.retry,
    )
    name = server._transport.get_extra_info("sockname")
    say(f"listening {name[0]}:{name[1]}")
    await asyncio.Future()


async def fetch_one(client, args, path):
    reader, writer = await client.create_stream()
    writer.write(f"GET {path}\r\n".encode())
    writer.write_eof()
    body = await reader.read()
    below(args.dir, path.rsplit("/", 1)[-1]).write_bytes(body)


async def fetch(client, args, paths):
    await asyncio.gather(*(fetch_one(client, args, path) for path in paths))


async def run_client(args):
    host, port = address(args.connect)
    tickets = []
    report = {"files": len(args.paths), "resumed": None, "key_update": False, "negotiation": None, "retried": False}

    def dial():
        config = configuration(args, is_client=True)
        if args.version_negotiation:
            config.original_version = RESERVED
            config.supported_versions = [RESERVED, QuicProtocolVersion.VERSION_1]
        early = args.early and bool(tickets)
        if tickets:
            config.session_ticket = tickets.pop()
        return connect(
            host, port, configuration=config, session_ticket_handler=tickets.append, wait_connected=not early
        )

    paths = args.paths
    if args.multiconnect:
        for path in paths:
            async with dial() as client:
                await fetch(client, args, [path])
        say(json.dumps(report))
        return
    if args.resume:
        async with dial() as client:
            await fetch(client, args, paths[:1])
        paths = paths[1:]
        if not tickets:
            raise RuntimeError("the server gave no ticket")
    async with dial() as client:
        report["retried"] = client._quic._retry_source_connection_id is not None
        if args.early:
            await fetch(client, args, paths)
            paths = []
            report["early"] = client._quic.tls.early_data_accepted
        if args.resume:
            report["resumed"] = client._quic.tls.session_resumed
        if args.key_update:
            await fetch(client, args, paths[:1])
            paths = paths[1:]
            client.request_key_update()
            report["key_update"] = True
        if args.version_negotiation:
            version = client._quic._version
            report["negotiation"] = f"{RESERVED:#x}, then {version:#x}"
            if not client._quic._version_negotiated_incompatible or version != QuicProtocolVersion.VERSION_1:
                raise RuntimeError(f"version negotiation: {report['negotiation']}")
        await fetch(client, args, paths)
    say(json.dumps(report))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    roles = parser.add_subparsers(dest="role", required=True)
    server = roles.add_parser("server")
    server.add_argument("--listen", required=True)
    server.add_argument("--cert", required=True)
    server.add_argument("--key", required=True)
    server.add_argument("--retry", action="store_true")
    server.add_argument("--early", action="store_true", help="accept 0-RTT, as it does anyway")
    server.add_argument("--only-version-2", action="store_true", help="speak version 2, and nothing else")
    client = roles.add_parser("client")
    client.add_argument("--connect", required=True)
    client.add_argument("--server-name", default="localhost")
    client.add_argument("--ca", required=True)
    client.add_argument("--resume", action="store_true")
    client.add_argument("--early", action="store_true")
    client.add_argument("--multiconnect", action="store_true", help="a connection for every path")
    client.add_argument("--version-negotiation", action="store_true")
    client.add_argument("paths", nargs="+")
    for role in (server, client):
        role.add_argument("--dir", required=True)
        role.add_argument("--cipher", choices=CIPHERS)
        role.add_argument("--key-update", action="store_true")
        role.add_argument("--prefer-version-2", action="store_true", help="version 2, then version 1")
    args = parser.parse_args()
    try:
        asyncio.run(run_server(args) if args.role == "server" else run_client(args))
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # A peer says in one line what went wrong; its trace is of no use to ours.
        print(f"aioquic_peer: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
