"""aioquic as a peer: HTTP/0.9 over QUIC. In: the command line that all peers share. Out: files, one line of JSON.

It never leaves the directory given, and it stops by itself when its fetches are done.
"""

import asyncio
import json
import os
import ssl
import sys

import aioquic.asyncio.server
from aioquic.asyncio import connect, serve
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.buffer import Buffer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection, QuicConnectionId
from aioquic.quic.events import ConnectionIdIssued
from aioquic.quic.logger import QuicFileLogger
from aioquic.quic.packet import (
    QuicPreferredAddress,
    QuicProtocolVersion,
    QuicTransportParameters,
    push_quic_transport_parameters,
)
from aioquic.tls import CipherSuite
from peer import ALPN, address, below, parsers, play, say

RESERVED = 0x1A2A3A4A
CIPHERS = {
    "aes128": CipherSuite.AES_128_GCM_SHA256,
    "aes256": CipherSuite.AES_256_GCM_SHA384,
    "chacha20": CipherSuite.CHACHA20_POLY1305_SHA256,
}


def configuration(args, is_client):
    logs = os.environ.get("QLOGDIR")
    result = QuicConfiguration(
        alpn_protocols=ALPN, is_client=is_client, quic_logger=QuicFileLogger(logs) if logs else None
    )
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


def offering(preferred):
    """A server's connection that asks its client to go elsewhere, for which aioquic has no option."""
    addresses = {"ipv4_address": None, "ipv6_address": None}
    for pair in preferred:
        # The other address is one of those that an unspecified one to listen on stands for.
        host, port = address(pair.split("=")[0])
        addresses["ipv6_address" if ":" in host else "ipv4_address"] = (host, port)

    class Offering(QuicConnection):
        def _serialize_transport_parameters(self):
            given = QuicConnectionId(
                cid=os.urandom(8),
                sequence_number=self._host_cid_seq,
                stateless_reset_token=os.urandom(16),
                was_sent=True,
            )
            self._host_cids.append(given)
            self._host_cid_seq += 1
            self._events.append(ConnectionIdIssued(connection_id=given.cid))
            elsewhere = QuicPreferredAddress(
                connection_id=given.cid, stateless_reset_token=given.stateless_reset_token, **addresses
            )
            buffer = Buffer(capacity=512)
            push_quic_transport_parameters(buffer, QuicTransportParameters(preferred_address=elsewhere))
            return super()._serialize_transport_parameters() + buffer.data

    return Offering


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

    if args.preferred:
        aioquic.asyncio.server.QuicConnection = offering(args.preferred)
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
    parser, server, client = parsers(__doc__, CIPHERS)
    server.add_argument("--only-version-2", action="store_true", help="speak version 2, and nothing else")
    server.add_argument(
        "--preferred", action="append", default=[], metavar="PUBLIC=LOCAL", help="ask clients to go there"
    )
    client.add_argument("--version-negotiation", action="store_true")
    args = parser.parse_args()
    return play("aioquic_peer", run_server(args) if args.role == "server" else run_client(args))


if __name__ == "__main__":
    sys.exit(main())
