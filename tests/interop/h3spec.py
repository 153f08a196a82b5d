"""The transport and TLS error cases of h3spec, and their mirror images: aioquic, bent to break one rule at a time. In: the
address of a server to attack, or the command of a client. Out: a line for each case, one line of JSON.

It fails unless every offence is answered with CONNECTION_CLOSE and the error that the RFCs ask for.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import ssl
import sys
from collections.abc import Callable

import aioquic.asyncio.client
import aioquic.asyncio.server
from aioquic.asyncio import connect, serve
from aioquic.buffer import Buffer, encode_uint_var
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicErrorCode as Code
from aioquic.tls import AlertDescription as Alert
from aioquic.tls import Epoch, ExtensionType
from peer import ALPN, address, play, say

# Of the parameters (RFC 9000 section 18.2).
ORIGINAL_ID, RESET_TOKEN, UDP_PAYLOAD, EXPONENT, ACK_DELAY = 0x00, 0x02, 0x03, 0x0A, 0x0B
PREFERRED, SOURCE_ID, RETRY_ID = 0x0D, 0x0F, 0x10
# TLS messages without anything in them (RFC 8446 sections 4.5, 4.6.3).
KEY_UPDATE, END_OF_EARLY_DATA = bytes([24, 0, 0, 1, 0]), bytes([5, 0, 0, 0])
# What the extension of the transport parameters was before RFC 9001.
DRAFT_EXTENSION = 0xFFA5
LONG_RESERVED, SHORT_RESERVED = 0x0C, 0x18
# The 400th stream of a kind has never been opened.
UNOPENED = 400 * 4
# A victim answers at once.
PATIENCE = 5.0
# Connections on which an offence is tried until one is ended for it.
TRIES = 5


@dataclasses.dataclass
class Case:
    """One rule to break, and the errors that may answer."""

    name: str
    codes: tuple
    # The frames of one packet, which the attacker adds.
    frames: Callable | None = None
    epoch: Epoch = Epoch.ONE_RTT
    # Flipped in the first byte of that packet.
    bits: int = 0
    # What becomes of the transport parameters, or of the TLS extensions.
    parameters: Callable | None = None
    extensions: Callable | None = None
    alpn: list = dataclasses.field(default_factory=lambda: ALPN)


def alert(description):
    return (0x100 + description,)


def frame(kind, *fields):
    return b"".join(encode_uint_var(field) for field in (kind, *fields))


def crypto(message, offset=0):
    return frame(0x06, offset, len(message)) + message


def without(key):
    return lambda parameters: [pair for pair in parameters if pair[0] != key]


def having(key, value):
    return lambda parameters: without(key)(parameters) + [(key, value)]


def new_connection_id(sequence, retire_prior_to, identifier):
    return frame(0x18, sequence, retire_prior_to) + bytes([len(identifier)]) + identifier + bytes(16)


def of_both(attacks_server):
    """The cases that concern both ends; a stream's number says who opened it."""
    ours, theirs = (0, 1) if attacks_server else (1, 0)
    ours_uni, theirs_uni = ours + 2, theirs + 2 + UNOPENED
    theirs += UNOPENED
    state, encoding, violation = Code.STREAM_STATE_ERROR, Code.FRAME_ENCODING_ERROR, Code.PROTOCOL_VIOLATION
    parameter = (Code.TRANSPORT_PARAMETER_ERROR,)

    def late_key_update(quic):
        # Behind the messages that the attacker has sent as an honest peer would.
        sender = quic._crypto_streams[Epoch.HANDSHAKE].sender
        return crypto(KEY_UPDATE, 0 if attacks_server else sender._buffer_stop)

    yield Case("no initial_source_connection_id", parameter, parameters=without(SOURCE_ID))
    yield Case("retry_source_connection_id without Retry", parameter, parameters=having(RETRY_ID, b"retry id"))
    yield Case("max_udp_payload_size of 1199", parameter, parameters=having(UDP_PAYLOAD, encode_uint_var(1199)))
    yield Case("ack_delay_exponent of 21", parameter, parameters=having(EXPONENT, encode_uint_var(21)))
    yield Case("max_ack_delay of 2^14", parameter, parameters=having(ACK_DELAY, encode_uint_var(1 << 14)))

    large = frame(0x0E, ours_uni, 1 << 40, 1) + b"x"
    limits = (Code.FRAME_ENCODING_ERROR, Code.STREAM_LIMIT_ERROR)
    cid = os.urandom(8)
    for name, codes, frames in [
        ("STREAM beyond the limits", (Code.FLOW_CONTROL_ERROR,), large),
        ("a frame of unknown type", (encoding,), frame(0x21)),
        ("a packet without frames", (violation,), b""),
        ("RESET_STREAM for a stream that only sends", (state,), frame(0x04, theirs_uni, 0, 0)),
        ("STOP_SENDING for a stream that is not", (state,), frame(0x05, theirs, 0)),
        ("STREAM for a stream that is not", (state,), frame(0x0A, theirs, 1) + b"x"),
        ("STREAM for a stream that only sends", (state,), frame(0x0A, theirs_uni, 1) + b"x"),
        ("MAX_STREAM_DATA for a stream that is not", (state,), frame(0x11, theirs, 1)),
        ("MAX_STREAM_DATA for a stream that only receives", (state,), frame(0x11, ours_uni, 1)),
        ("MAX_STREAMS of more than 2^60", (encoding,), frame(0x12, (1 << 60) + 1)),
        ("STREAMS_BLOCKED of more than 2^60", limits, frame(0x16, (1 << 60) + 1)),
        ("NEW_CONNECTION_ID that retires itself", (encoding,), new_connection_id(9, 10, cid)),
        ("NEW_CONNECTION_ID without an id", (encoding,), new_connection_id(9, 0, b"")),
        ("KeyUpdate of TLS in 1-RTT", alert(Alert.unexpected_message), crypto(KEY_UPDATE)),
    ]:
        yield Case(name, codes, frames=lambda _, frames=frames: frames)
    # A client has left that level when the last message of the server has come (RFC 9001 section 4.1.3).
    late = alert(Alert.unexpected_message) + (() if attacks_server else (violation,))
    ping = frame(0x01)
    yield Case("reserved bits of a short header", (violation,), frames=lambda _: ping, bits=SHORT_RESERVED)
    for name, codes, frames, bits in [
        ("reserved bits of a Handshake packet", (violation,), lambda _: ping, LONG_RESERVED),
        ("PATH_CHALLENGE in Handshake", (violation,), lambda _: frame(0x1A) + bytes(8), 0),
        ("KeyUpdate of TLS in Handshake", late, late_key_update, 0),
    ]:
        yield Case(name, codes, frames=frames, epoch=Epoch.HANDSHAKE, bits=bits)


def of_clients():
    """What only a client can do wrong."""
    parameter, violation = (Code.TRANSPORT_PARAMETER_ERROR,), (Code.PROTOCOL_VIOLATION,)
    elsewhere = bytes([127, 0, 0, 1, 1, 1]) + bytes(18) + bytes([8]) + bytes(24)
    for name, key, value in [
        ("original_destination_connection_id", ORIGINAL_ID, b"original"),
        ("preferred_address", PREFERRED, elsewhere),
        ("stateless_reset_token", RESET_TOKEN, bytes(16)),
    ]:
        yield Case(f"{name} of a client", parameter, parameters=having(key, value))
    yield Case("NEW_TOKEN of a client", violation, frames=lambda _: frame(0x07, 1) + b"t")
    yield Case("HANDSHAKE_DONE of a client", violation, frames=lambda _: frame(0x1E))
    yield Case("no common application protocol", alert(Alert.no_application_protocol), alpn=["h3spec"])
    yield from without_parameters(Alert.missing_extension)
    yield Case(
        "EndOfEarlyData",
        alert(Alert.unexpected_message),
        frames=lambda _: crypto(END_OF_EARLY_DATA),
        epoch=Epoch.HANDSHAKE,
    )
    yield Case("CRYPTO in 0-RTT", violation, frames=lambda _: crypto(bytes(4)), epoch=Epoch.ZERO_RTT)


def of_servers():
    """The same from the other side."""
    parameter, encoding = (Code.TRANSPORT_PARAMETER_ERROR,), (Code.FRAME_ENCODING_ERROR,)
    yield Case("no original_destination_connection_id", parameter, parameters=without(ORIGINAL_ID))
    yield Case("another original_destination_connection_id", parameter, parameters=having(ORIGINAL_ID, b"another one"))
    nameless = bytes([127, 0, 0, 1, 1, 1]) + bytes(18) + bytes([0]) + bytes(16)
    yield Case("preferred_address without an id", parameter, parameters=having(PREFERRED, nameless))
    yield Case("NEW_TOKEN without a token", encoding, frames=lambda _: frame(0x07, 0))
    yield Case("no application protocol", alert(Alert.no_application_protocol), alpn=[])
    # The client did not ask for that one (RFC 8446 section 4.2).
    yield from without_parameters(Alert.unsupported_extension)


def without_parameters(by_draft):
    missing = alert(Alert.missing_extension)
    yield Case("no transport parameters", missing, extensions=without(ExtensionType.QUIC_TRANSPORT_PARAMETERS))
    yield Case(
        "transport parameters by the number of the drafts",
        alert(by_draft),
        extensions=lambda extensions: [(DRAFT_EXTENSION, value) for _, value in extensions],
    )


def decode(parameters):
    buffer, pairs = Buffer(data=parameters), []
    while not buffer.eof():
        key = buffer.pull_uint_var()
        pairs.append((key, buffer.pull_bytes(buffer.pull_uint_var())))
    return pairs


def bent(case, outcome):
    """A connection that keeps every rule but one. `outcome` gets the error that the victim closes with."""

    class Bent(QuicConnection):
        struck = False

        def _serialize_transport_parameters(self):
            honest = super()._serialize_transport_parameters()
            pairs = case.parameters(decode(honest)) if case.parameters else decode(honest)
            return b"".join(frame(key, len(value)) + value for key, value in pairs)

        def _initialize(self, peer_cid):
            super()._initialize(peer_cid)
            if case.extensions:
                self.tls.handshake_extensions = case.extensions(self.tls.handshake_extensions)

        def _handle_connection_close_frame(self, context, frame_type, buffer):
            at = buffer.tell()
            if not outcome.done():
                outcome.set_result(buffer.pull_uint_var() if frame_type == 0x1C else None)
            buffer.seek(at)
            super()._handle_connection_close_frame(context, frame_type, buffer)

        def datagrams_to_send(self, now):
            ready = case.frames and self._cryptos and self._cryptos[case.epoch].send.is_valid()
            if case.epoch == Epoch.ONE_RTT:
                ready = ready and self._handshake_confirmed
            if self.struck or not ready:
                return super().datagrams_to_send(now)
            self.struck = True
            # A client's own message would come to the same place, and a server's must come first; 0-RTT follows an Initial.
            first = [] if self._is_client and case.epoch != Epoch.ZERO_RTT else super().datagrams_to_send(now)
            return first + [(self.offence(), self._network_paths[0].addr)]

        def offence(self):
            crypto = self._cryptos[case.epoch]
            number, self._packet_number = self._packet_number, self._packet_number + 1
            payload, to, own = case.frames(self), self._peer_cid.cid, self.host_cid
            if case.epoch == Epoch.ONE_RTT:
                header = bytes([0x43 | crypto.key_phase << 2]) + to
            else:
                kind = {Epoch.ZERO_RTT: 1, Epoch.HANDSHAKE: 2}[case.epoch]
                header = bytes([0xC3 | kind << 4]) + self._version.to_bytes(4, "big")
                header += bytes([len(to)]) + to + bytes([len(own)]) + own
                header += encode_uint_var(4 + len(payload) + 16)
            header = bytes([header[0] ^ case.bits]) + header[1:] + number.to_bytes(4, "big")
            return crypto.encrypt_packet(header, payload, number)

    return Bent


async def seen(outcome):
    with contextlib.suppress(asyncio.TimeoutError):
        return await asyncio.wait_for(asyncio.shield(outcome), PATIENCE)
    return "no close"


async def attack_server(args, case):
    host, port = address(args.connect)
    tickets = []

    def configuration():
        result = QuicConfiguration(alpn_protocols=case.alpn, is_client=True, server_name="localhost")
        result.load_verify_locations(args.ca)
        result.verify_mode = ssl.CERT_REQUIRED
        return result

    if case.epoch == Epoch.ZERO_RTT:
        aioquic.asyncio.client.QuicConnection = QuicConnection
        async with connect(host, port, configuration=configuration(), session_ticket_handler=tickets.append):
            while not tickets:
                await asyncio.sleep(0.01)
    outcome = asyncio.get_running_loop().create_future()
    aioquic.asyncio.client.QuicConnection = bent(case, outcome)
    config = configuration()
    config.session_ticket = tickets.pop() if tickets else None
    async with connect(host, port, configuration=config, wait_connected=False) as client:
        client.transmit()
        return await seen(outcome)


async def attack_client(args, case):
    outcome = asyncio.get_running_loop().create_future()
    aioquic.asyncio.server.QuicConnection = bent(case, outcome)
    config = QuicConfiguration(alpn_protocols=case.alpn or None, is_client=False)
    config.load_cert_chain(args.cert, args.key)
    server = await serve("127.0.0.1", 0, configuration=config)
    host, port = server._transport.get_extra_info("sockname")
    command = [part.replace("{}", f"{host}:{port}") for part in args.command]
    quiet = asyncio.subprocess.DEVNULL
    victim = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    try:
        return await seen(outcome)
    finally:
        with contextlib.suppress(ProcessLookupError):
            victim.kill()
        await victim.wait()
        server.close()


async def run(args):
    attacks_server = args.role == "server"
    cases = [*of_both(attacks_server), *(of_clients() if attacks_server else of_servers())]
    failed = 0
    for case in cases:
        if args.only and args.only not in case.name:
            continue
        for _ in range(TRIES):
            code = await (attack_server if attacks_server else attack_client)(args, case)
            # It ended as if nothing had been: an offence is not sent again where its packet was lost, as one may be that comes
            # before its keys. Who lets an offence pass ends so each time.
            if code is not None:
                break
        wanted = " or ".join(f"{int(code):#x}" for code in case.codes)
        got = f"{code:#x}" if isinstance(code, int) else code or "an end of its own"
        well = code in case.codes
        failed += not well
        say(f"{'ok' if well else 'FAILED'}: {case.name}: {got}" + ("" if well else f" instead of {wanted}"))
    say(json.dumps({"cases": len(cases), "failed": failed}))
    if failed:
        raise RuntimeError(f"{failed} of {len(cases)} offences were not answered as they should be")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    victims = parser.add_subparsers(dest="role", required=True)
    server = victims.add_parser("server", help="attack a server")
    server.add_argument("--connect", required=True)
    server.add_argument("--ca", required=True)
    client = victims.add_parser("client", help="attack a client")
    client.add_argument("--cert", required=True)
    client.add_argument("--key", required=True)
    client.add_argument("command", nargs="+", help="how to start it; {} is the address to connect to")
    for victim in (server, client):
        victim.add_argument("--only", help="the cases whose names hold this")
    return play("h3spec", run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
