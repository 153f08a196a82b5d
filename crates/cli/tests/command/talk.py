"""A client and a server by the standard socket module. Handshakes are another program's, which inherits the descriptor."""

import os
import select
import socket
import struct
import subprocess
import sys

IPPROTO_QUIC, SOL_QUIC, QUIC_STREAM_INFO = 261, 288, 0
NEW, FIN = 0x400, 0x200
program, certificate, key, ca = sys.argv[1:]


def shake(sock, role, *files):
    """Has the handshake made by a program that gets the descriptor."""
    number = str(sock.fileno())
    subprocess.run([program, "shake", role, number, *files], pass_fds=[sock.fileno()], check=True)


def receive(sock):
    """Data, with the stream's number and flags."""
    data, control, _, _ = sock.recvmsg(4096, 64)
    (level, kind, info), *_ = control
    assert (level, kind) == (SOL_QUIC, QUIC_STREAM_INFO)
    return data, *struct.unpack("qI", info[:12])


def serve(listener):
    """Shouts back what one client says."""
    connection, (host, _) = listener.accept()
    assert host == "127.0.0.1"
    shake(connection, "server", certificate, key)
    data, number, flags = receive(connection)
    info = struct.pack("qI4x", number, flags)
    connection.sendmsg([data.upper()], [(SOL_QUIC, QUIC_STREAM_INFO, info)])
    # Until the client is gone.
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    poll.poll(60_000)
    try:
        connection.recv(1)
    except OSError as error:
        assert error.errno == 107, error
        print("end of the connection", flush=True)


def main():
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, IPPROTO_QUIC)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    if os.fork() == 0:
        serve(listener)
        os._exit(0)
    address = listener.getsockname()
    listener.close()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_QUIC) as client:
        client.settimeout(60)
        client.connect(address)
        assert client.getpeername() == address
        shake(client, "client", ca)
        assert client.send(b"hello", NEW | FIN) == 5
        print(*receive(client), flush=True)
    os.wait()


main()
