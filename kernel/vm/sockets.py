"""What QUIC sockets of the module do: streams with descriptors, options, errors, addresses that change, ports that are shared."""

import os
import select
import socket
import struct
import time

from quic import *

EPERM, ENODEV, EINVAL, EPIPE, EDOM = 1, 19, 22, 32, 33
ENOPROTOOPT, EADDRINUSE, ECONNRESET, EISCONN, ENOTCONN = 92, 98, 104, 106, 107


def read_all(stream):
    parts = []
    while part := stream.recv(4096):
        parts.append(part)
    return b"".join(parts)


@test
def a_stream_has_a_descriptor_of_its_own():
    listener = listen(("127.0.0.1", 0))
    child = serve(listener)
    client = connect(listener.getsockname())
    stream = describe(client, flags=NEW)
    assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == IPPROTO_QUIC
    assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
    assert stream.getpeername() == listener.getsockname()
    fails(ENOPROTOOPT, stream.setsockopt, SOL_QUIC, CONNECTION_CLOSE, bytes(72))
    fails(EISCONN, stream.connect, listener.getsockname())
    assert os.write(stream.fileno(), b"by itself") == 9
    assert polled(stream, select.POLLIN) & select.POLLIN
    assert stream.recv(64, socket.MSG_PEEK) == b"by itself"
    assert os.read(stream.fileno(), 64) == b"by itself"
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 200_000))
    fails(EAGAIN, libc_recv, stream)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))
    stream.shutdown(socket.SHUT_WR)
    fails(EPIPE, stream.send, b"more", socket.MSG_NOSIGNAL)
    assert read_all(stream) == b""
    assert polled(stream, select.POLLRDHUP) & select.POLLRDHUP
    stop(child)


def libc_recv(sock):
    """recv() as it is: Python's own begins again after EAGAIN."""
    import ctypes

    buffer = ctypes.create_string_buffer(16)
    if libc.recv(sock.fileno(), buffer, 16, 0) < 0:
        raise OSError(ctypes.get_errno(), "recv")


@test
def streams_with_descriptors_do_not_mix():
    listener = listen(("127.0.0.1", 0))
    child = serve(listener)
    client = connect(listener.getsockname())
    streams = [describe(client, flags=NEW) for _ in range(10)]
    for number, stream in enumerate(streams):
        stream.sendall(b"%d" % number * 20_000)
        stream.shutdown(socket.SHUT_WR)
    for number, stream in reversed(list(enumerate(streams))):
        assert read_all(stream) == b"%d" % number * 20_000
    rest = describe(client, flags=NEW)
    client.close()
    fails(ECONNRESET, rest.recv, 1)
    fails(EPIPE, rest.send, b"x", socket.MSG_NOSIGNAL)
    stop(child)


@test
def a_server_takes_streams_as_descriptors():
    def each(connection):
        while True:
            stream = describe(connection)
            data = read_all(stream)
            stream.sendall(data.upper())
            stream.close()

    listener = listen(("127.0.0.1", 0))
    child = serve(listener, each)
    client = connect(listener.getsockname())
    for word in (b"one", b"two"):
        assert exchange(client, word) == word.upper()
    stop(child)


@test
def options_of_ip_are_the_udp_sockets():
    for family, level, pairs, ours in (
        (socket.AF_INET, 0, ((socket.IP_TTL, 33), (socket.IP_TOS, 0x20)), 8),
        (socket.AF_INET6, 41, ((16, 34), (67, 0x20), (26, 1)), 49),
    ):
        sock = quic(family)
        for name, number in pairs:
            sock.setsockopt(level, name, number)
        sock.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        for name, number in pairs:
            assert sock.getsockopt(level, name) == number, name
        # What the home needs is not the program's.
        fails(ENOPROTOOPT, sock.setsockopt, level, ours, 0)
    assert quic().getsockopt(0, 10) == 3, "IP_PMTUDISC_PROBE"
    fails(ENOPROTOOPT, quic().setsockopt, 17, 104, 1)


@test
def options_of_every_socket_have_their_values():
    sock = quic(kind=socket.SOCK_DGRAM)
    general = lambda name: sock.getsockopt(socket.SOL_SOCKET, name)
    assert general(socket.SO_TYPE) == socket.SOCK_DGRAM
    assert general(socket.SO_DOMAIN) == socket.AF_INET
    assert general(socket.SO_PROTOCOL) == IPPROTO_QUIC
    assert general(socket.SO_ACCEPTCONN) == 0
    for name in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        sock.setsockopt(socket.SOL_SOCKET, name, 100_000)
        assert general(name) == 200_000
    param = bytearray(56)
    struct.pack_into("Q", param, 24, 100_000)
    sock.setsockopt(SOL_QUIC, TRANSPORT_PARAM, bytes(param))
    assert general(socket.SO_RCVBUF) == 400_000
    fails(EDOM, sock.setsockopt, socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 1_000_000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    assert general(socket.SO_REUSEPORT) == 1
    sock.bind(("127.0.0.1", 0))
    sock.listen(1)
    assert general(socket.SO_ACCEPTCONN) == 1
    sock.listen(0)
    assert general(socket.SO_ACCEPTCONN) == 0


@test
def a_socket_can_be_bound_to_a_device():
    fails(ENODEV, quic().setsockopt, socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"nothing\0")
    bind = lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
    listener = quic()
    bind(listener)
    listener.setsockopt(SOL_QUIC, ALPN, b"test/1")
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    child = serve(listener)
    client = connect(listener.getsockname(), before=bind)
    assert exchange(client, b"by lo") == b"by lo"
    stop(child)


@test
def the_end_of_a_connection_is_its_error():
    def each(connection):
        hear(connection)
        connection.setsockopt(SOL_QUIC, CONNECTION_CLOSE, struct.pack("=IB3x64s", 7, 0, b"enough"))

    listener = listen(("127.0.0.1", 0))
    child = serve(listener, each)
    client = connect(listener.getsockname())
    client.send(b"x", NEW | FIN)
    assert polled(client, select.POLLRDHUP) & select.POLLERR
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == ECONNRESET
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    fails(ENOTCONN, client.recv, 1)
    assert client.getsockopt(SOL_QUIC, CONNECTION_CLOSE, 72)[:4] == struct.pack("=I", 7)
    stop(child)


@test
def what_was_written_before_close_arrives_where_so_linger_says():
    listener = listen(("127.0.0.1", 0))
    reader, writer = os.pipe()

    def each(connection):
        got = 0
        while True:
            data, number, flags = hear(connection)
            got += len(data)
            if flags & FIN:
                break
        os.write(writer, b"%d\n" % got)

    child = serve(listener, each)
    client = connect(listener.getsockname())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 10))
    client.sendall(bytes(100_000), NEW | FIN)
    client.close()
    assert os.read(reader, 64) == b"100000\n"
    stop(child)


@test
def a_file_can_be_sent():
    listener = listen(("127.0.0.1", 0))
    child = serve(listener)
    client = connect(listener.getsockname())
    content = bytes(range(256)) * 500
    with open("/tmp/file", "w+b") as file:
        file.write(content)
        file.flush()
        # What goes to the connection goes to its newest stream.
        assert client.send(b"x", NEW) == 1
        assert os.sendfile(client.fileno(), file.fileno(), 256, 10_000) == 10_000
        client.send(b"y", FIN)
        back = b""
        while not back.endswith(b"y"):
            back += hear(client)[0]
        assert back == b"x" + content[256:10_256] + b"y"
        stream = describe(client, flags=NEW)
        assert os.sendfile(stream.fileno(), file.fileno(), 0, 50_000) == 50_000
        stream.shutdown(socket.SHUT_WR)
        assert read_all(stream) == content[:50_000]
    stop(child)


@test
def a_client_moves_to_another_address():
    listener = listen(("127.0.0.1", 0))
    child = serve(listener)
    client = connect(listener.getsockname())
    assert exchange(client, b"here") == b"here"
    here, there = client.getsockname(), ("127.0.0.1", 5999)
    fails(EINVAL, client.setsockopt, SOL_QUIC, CONNECTION_MIGRATION, sockaddr(here))
    fails(EADDRINUSE, client.setsockopt, SOL_QUIC, CONNECTION_MIGRATION, sockaddr(listener.getsockname()))
    move(client, there, b"there")
    assert exchange(client, b"and on") == b"and on"
    stop(child)


@test
def a_client_goes_where_the_server_would_rather_be():
    listener = listen(("127.0.0.1", 0))
    rather = ("127.0.0.2", 5998)
    prefer = lambda connection: connection.setsockopt(SOL_QUIC, CONNECTION_MIGRATION, sockaddr(rather))
    child = serve(listener, before=prefer)
    client = connect(listener.getsockname())

    def gone():
        assert exchange(client, b"word") == b"word"
        return client.getpeername() == rather

    until(gone)
    assert exchange(client, b"and on") == b"and on"
    stop(child)


@test
def a_server_follows_a_client_whose_port_changes():
    listener = listen(("127.0.0.1", 0))
    near, first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3))
    for sock in (near, first, second):
        sock.bind(("127.0.0.1", 0))

    def each(connection):
        while True:
            data, number, flags = hear(connection)
            if number is not None:
                say(connection, str(connection.getpeername()[1]).encode() if data else b"", number, flags)

    server = listener.getsockname()
    child = serve(listener, each)
    relay = os.fork()
    if relay == 0:
        far, client, since = first, None, time.monotonic()
        while True:
            for ready in select.select([near, first, second], [], [])[0]:
                data, source = ready.recvfrom(65536)
                if ready is near:
                    client = source
                    # As a NAT that has forgotten.
                    if data[0] & 0x80 == 0 and time.monotonic() > since + 6:
                        far = second
                    far.sendto(data, server)
                elif client:
                    near.sendto(data, client)
    client = connect(near.getsockname())
    assert exchange(client, b"whence") == b"%d" % first.getsockname()[1]
    until(lambda: exchange(client, b"whence") == b"%d" % second.getsockname()[1])
    stop(relay)
    stop(child)


@test
def a_port_is_shared_by_what_is_spoken():
    first = listen(("127.0.0.1", 0), b"other/1")
    address = first.getsockname()
    second = quic()
    second.setsockopt(SOL_QUIC, ALPN, b"test/1")
    second.bind(address)
    second.listen(4)
    third = quic()
    third.setsockopt(SOL_QUIC, ALPN, b"test/1")
    third.bind(address)
    fails(EADDRINUSE, third.listen, 4)
    stranger = os.fork()
    if stranger == 0:
        os.setuid(1000)
        fails(EADDRINUSE, quic().bind, address)
        os._exit(0)
    assert os.waitpid(stranger, 0)[1] == 0
    child = serve(second)
    client = connect(address)
    assert exchange(client, b"to the second") == b"to the second"
    assert polled(first, select.POLLIN, 0) == 0
    stop(child)


@test
def a_socket_belongs_to_its_namespace():
    here = listen(("127.0.0.1", 5997))
    child = os.fork()
    if child == 0:
        isolate()
        os.system("ip link set lo up")
        # The same address is another one there.
        there = listen(("127.0.0.1", 5997))
        assert os.system("test $(grep -c :5997 /proc/net/quic/eps) = 1") == 0
        server = serve(there)
        client = connect(("127.0.0.1", 5997))
        assert exchange(client, b"elsewhere") == b"elsewhere"
        stop(server)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert polled(here, select.POLLIN, 0) == 0


@test
def sockets_are_listed_until_their_connections_have_drained():
    lines = lambda: open("/proc/net/quic/conns").read().splitlines()[1:]
    until(lambda: not lines())
    listener = listen(("127.0.0.1", 5996))
    assert "127.0.0.1:5996" in open("/proc/net/quic/eps").read()
    child = serve(listener)
    client = connect(listener.getsockname())
    assert exchange(client, b"x") == b"x"
    assert len(lines()) == 2, lines()
    assert any("127.0.0.1:5996" in line for line in lines())
    counted = counters()
    assert counted["QuicConnCurrentEstabs"] == 2
    assert counted["QuicConnActiveEstabs"] >= 1
    assert counted["QuicConnPassiveEstabs"] >= 1
    assert counted["QuicPktDecFastpaths"] > 10
    assert counted["QuicPktEncFastpaths"] > 10
    stop(child)
    client.close()
    until(lambda: not lines())
    assert counters()["QuicConnCurrentEstabs"] == 0


@test
def the_sysctls_are_the_bounds_of_buffers():
    buffer = lambda name: quic().getsockopt(socket.SOL_SOCKET, name)
    for name, option in (("quic_rmem", socket.SO_RCVBUF), ("quic_wmem", socket.SO_SNDBUF)):
        with sysctl(name, "4096 300000 400000"):
            assert buffer(option) == 300_000
            sock = quic()
            sock.setsockopt(socket.SOL_SOCKET, option, 1_000_000)
            assert sock.getsockopt(socket.SOL_SOCKET, option) == 400_000
    with sysctl("quic_mem", "0 0 0"):
        fails(12, quic)
    quic().close()


@test
def what_the_kernel_keeps_for_a_program_is_bounded_whatever_it_asks_for():
    with sysctl("quic_rmem", "4096 300000 400000"):
        sock = quic()
        # max_data, and the windows of streams of each kind, as large as the option takes them.
        sock.setsockopt(SOL_QUIC, TRANSPORT_PARAM, struct.pack("24x4Q", 2**29 - 1, *[2**28 - 1] * 3))
        windows = struct.unpack("24x4Q", get(sock, TRANSPORT_PARAM, bytes(56)))
    assert windows == (400_000,) * 4, windows
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 400_000
    # And the time for which a connection may outlive its program.
    sock.setsockopt(SOL_QUIC, LINGER, struct.pack("I", 2**32 - 1))
    assert get(sock, LINGER, bytes(4)) == struct.pack("I", 120_000_000)


run()
