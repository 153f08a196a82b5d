"""Servers of several processes, and their client, by the standard socket module. libquic makes the handshakes in the same process."""

import ctypes
import os
import select
import socket
import struct
import sys

IPPROTO_QUIC, SOL_QUIC, QUIC_STREAM_INFO, QUIC_SOCKOPT_ALPN = 261, 288, 0, 11
NEW, FIN = 0x400, 0x200
how, library, certificate, key = sys.argv[1:]
quic = ctypes.CDLL(library)


def receive(sock):
    """Data, with the stream's number and flags."""
    data, control, _, _ = sock.recvmsg(4096, 64)
    (level, kind, info), *_ = control
    assert (level, kind) == (SOL_QUIC, QUIC_STREAM_INFO)
    return data, *struct.unpack("qI", info[:12])


def serve(connection):
    """Answers every stream with its words and the process, until the client is gone."""
    with connection:
        done = quic.quic_server_handshake(
            connection.fileno(), key.encode(), certificate.encode(), None
        )
        assert done == 0, os.strerror(-done)
        try:
            while True:
                data, number, flags = receive(connection)
                info = struct.pack("qI4x", number, flags)
                answer = b"%s %d" % (data, os.getpid())
                connection.sendmsg([answer], [(SOL_QUIC, QUIC_STREAM_INFO, info)])
        except OSError as error:
            assert error.errno == 107, error


def child(work, *values):
    """A process of its own for some work."""
    number = os.fork()
    if number == 0:
        work(*values)
        os._exit(0)
    return number


def work(channel):
    """Serves the connections that come from another process."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        if not descriptors:
            return
        connection = socket.socket(fileno=descriptors[0])
        assert connection.proto == IPPROTO_QUIC
        serve(connection)


def accept_and_fork(listener):
    """A process for each connection."""
    while True:
        connection, _ = listener.accept()
        child(serve, connection)
        connection.close()


def accept_and_pass(listener):
    """Two processes take turns."""
    channels = []
    for _ in range(2):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        child(work, theirs)
        channels.append(ours)
    while True:
        connection, _ = listener.accept()
        socket.send_fds(channels[0], [b"."], [connection.fileno()])
        connection.close()
        channels.reverse()


def accept_in_each(listener):
    """Two processes accept from one listener, which does not block."""
    listener.setblocking(False)
    child(accept_by_poll, listener)
    accept_by_poll(listener)


def accept_by_poll(listener):
    """Waits for all connections at once."""
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    while True:
        poll.poll()
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            # The other process was faster.
            continue
        connection.setblocking(True)
        child(serve, connection)
        connection.close()


def main():
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_QUIC)
    listener.setsockopt(SOL_QUIC, QUIC_SOCKOPT_ALPN, b"test/1")
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    address = listener.getsockname()
    serving = {"fork": accept_and_fork, "pass": accept_and_pass, "each": accept_in_each}
    server = child(serving[how], listener)
    listener.close()
    processes = set()
    for words in (b"one", b"two", b"three"):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_QUIC) as client:
            client.settimeout(60)
            client.connect(address)
            done = quic.quic_client_handshake(client.fileno(), None, b"localhost", b"test/1")
            assert done == 0, os.strerror(-done)
            assert client.send(words, NEW | FIN) == len(words)
            data, number, flags = receive(client)
            said, process = data.split()
            assert (said, number, flags) == (words, 0, FIN), data
            processes.add(int(process))
    assert server not in processes and os.getpid() not in processes
    print(len(processes), "processes", flush=True)
    os.killpg(0, 15)


os.setpgid(0, 0)
main()
