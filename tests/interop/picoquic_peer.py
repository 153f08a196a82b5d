"""picoquic (aiopquic) as a peer: HTTP/0.9 over QUIC. In: the command line that all peers share. Out: files, one line of JSON.

It never leaves the directory given, and it stops by itself when its fetches are done.
"""

import asyncio
import json
import socket
import sys
import tempfile

from aiopquic.asyncio import QuicConnectionProtocol, connect, serve
from aiopquic.quic.configuration import QUIC_V1, QUIC_V2, QuicConfiguration
from aiopquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    StreamDataReceived,
    StreamReset,
)
from peer import ALPN, address, below, parsers, play, say

CIPHERS = {"aes128": 0x1301, "aes256": 0x1302, "chacha20": 0x1303}
# With --key-update, picoquic begins a key phase after so many packets of its own; a client sends little but acknowledgements.
KEY_PHASE_PACKETS = 25
# What is written at once; a stream's ring holds 4 MiB.
CHUNK = 1 << 20


def configuration(args, is_client, tickets=None):
    host, _ = address(args.connect if is_client else args.listen)
    result = QuicConfiguration(alpn_protocols=ALPN, is_client=is_client)
    result.ip_family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Its loss-based controllers suit a queue of 25 packets; its default was made for other links.
    result.congestion_control_algorithm = "cubic"
    result.max_streams_bidi = 1000
    result.idle_timeout = 60.0
    if args.cipher:
        result.cipher_suite = CIPHERS[args.cipher]
    if args.key_update:
        result.key_update_interval = KEY_PHASE_PACKETS
    if is_client:
        if args.prefer_version_2:
            result.supported_versions = [QUIC_V2, QUIC_V1]
        result.load_verify_locations(args.ca)
        result.server_name = args.server_name
        result.session_ticket_file = tickets
    else:
        result.load_cert_chain(args.cert, args.key)
    return result


async def run_server(args):
    class Protocol(QuicConnectionProtocol):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            self.requests = {}

        def quic_event_received(self, event):
            if isinstance(event, HandshakeCompleted):
                say(f"event connected resumed={event.session_resumed}")
            if isinstance(event, StreamDataReceived):
                request = self.requests.get(event.stream_id, b"") + bytes(event.data)
                self.requests[event.stream_id] = request
                if event.end_stream:
                    asyncio.ensure_future(self.answer(event.stream_id, self.requests.pop(event.stream_id)))

        async def answer(self, stream, request):
            try:
                path = request.decode().removeprefix("GET ").rstrip("\r\n")
                await send(self._quic, stream, below(args.dir, path).read_bytes())
            except (OSError, ValueError) as error:
                say(f"event stream {error}")
                self._quic.reset_stream(stream, 1)

    host, port = address(args.listen)
    await serve(
        host,
        port,
        configuration=configuration(args, is_client=False),
        create_protocol=Protocol,
        retry=args.retry,
    )
    say(f"listening {args.listen}")
    await asyncio.Future()


async def send(quic, stream, body):
    chunks = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)] or [b""]
    for number, chunk in enumerate(chunks, 1):
        await quic.send_stream_data_drained(stream, chunk, end_stream=number == len(chunks))


class Fetches(QuicConnectionProtocol):
    """Collects the answers of one connection."""

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.waiting = {}
        self.info = None

    def quic_event_received(self, event):
        if isinstance(event, HandshakeCompleted):
            self.info = event
        if isinstance(event, StreamDataReceived):
            body, done = self.waiting[event.stream_id]
            body += event.data
            if event.end_stream and not done.done():
                done.set_result(None)
        failed = None
        if isinstance(event, StreamReset):
            failed = [event.stream_id]
        if isinstance(event, ConnectionTerminated):
            failed = list(self.waiting)
        for stream in failed or []:
            done = self.waiting[stream][1]
            if not done.done():
                done.set_exception(ConnectionError(str(event)))

    async def fetch_one(self, args, path):
        stream = self._quic.get_next_available_stream_id()
        body, done = bytearray(), asyncio.get_running_loop().create_future()
        self.waiting[stream] = (body, done)
        await self._quic.send_stream_data_drained(stream, f"GET {path}\r\n".encode(), end_stream=True)
        await done
        below(args.dir, path.rsplit("/", 1)[-1]).write_bytes(body)

    async def fetch(self, args, paths):
        await asyncio.gather(*(self.fetch_one(args, path) for path in paths))


async def run_client(args):
    host, port = address(args.connect)
    report = {"files": len(args.paths), "resumed": None, "key_update": False, "negotiation": None}

    with tempfile.TemporaryDirectory() as directory:
        tickets = f"{directory}/tickets" if args.resume else None

        def dial(early):
            config = configuration(args, is_client=True, tickets=tickets)
            return connect(
                host, port, configuration=config, create_protocol=Fetches, wait_connected=not early
            )

        parts = [args.paths]
        if args.multiconnect:
            parts = [[path] for path in args.paths]
        elif args.resume:
            parts = [args.paths[:1], args.paths[1:]]
        for number, part in enumerate(parts):
            async with dial(early=args.early and number > 0) as client:
                await client.fetch(args, part)
                report["resumed"] = client.info.session_resumed
        report["key_update"] = args.key_update
    say(json.dumps(report))


def main():
    parser, _, _ = parsers(__doc__, CIPHERS)
    args = parser.parse_args()
    return play("picoquic_peer", run_server(args) if args.role == "server" else run_client(args))


if __name__ == "__main__":
    sys.exit(main())
