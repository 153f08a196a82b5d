"""One UDP socket for all that share a port: what one of them sets, binds or leaves, and what the others and the network see of it."""

import os
import re
import select
import socket
import struct
import subprocess
import time

from quic import *

SOL_SOCKET = socket.SOL_SOCKET
EPERM, EINVAL, EADDRINUSE = 1, 22, 98
REUSE = socket.SO_REUSEADDR, socket.SO_REUSEPORT


def below(number):
    """What the kernel says of the UDP sockets at a port."""
    command = ["ss", "-Huane", f"sport = :{number}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def may_not_lead(sock):
    """What would change the port for others."""
    for level, name, value in (
        (SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0"),
        (SOL_SOCKET, socket.SO_MARK, 9),
        (SOL_SOCKET, socket.SO_PRIORITY, 3),
        (SOL_SOCKET, socket.SO_DONTROUTE, 1),
        (socket.IPPROTO_IP, socket.IP_TTL, 1),
        (socket.IPPROTO_IP, socket.IP_TOS, 0x20),
    ):
        fails(EPERM, sock.setsockopt, level, name, value)
    # What programs set on every socket is the socket's own.
    for name, value in (
        (socket.SO_KEEPALIVE, 1),
        (socket.SO_REUSEADDR, 1),
        (socket.SO_RCVTIMEO, struct.pack("ll", 100, 0)),
        (socket.SO_LINGER, struct.pack("ii", 0, 0)),
    ):
        sock.setsockopt(SOL_SOCKET, name, value)


@test
def who_was_let_in_or_has_joined_leaves_the_port_as_it_is():
    first = listen(("127.0.0.1", 5986), b"other/1")
    second = listen(first.getsockname())
    # Whoever made the port goes on to lead it.
    first.setsockopt(SOL_SOCKET, socket.SO_MARK, 7)
    first.setsockopt(SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
    first.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 60)
    (before,) = below(5986)
    assert "127.0.0.1%lo:5986" in before and "fwmark:0x7" in before, before
    may_not_lead(second)
    child = serve(second, before=may_not_lead)
    client = connect(first.getsockname())
    assert exchange(client, b"goes on") == b"goes on"
    (after,) = below(5986)
    assert "127.0.0.1%lo:5986" in after and "fwmark:0x7" in after, after
    assert first.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 60
    # A client's port is its own.
    client.setsockopt(SOL_SOCKET, socket.SO_MARK, 5)
    client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 61)
    (own,) = below(client.getsockname()[1])
    assert "fwmark:0x5" in own, own
    assert exchange(client, b"marked") == b"marked"
    stop(child)


def reusing(sock):
    for name in REUSE:
        sock.setsockopt(SOL_SOCKET, name, 1)
    return sock


@test
def no_socket_of_udp_takes_a_port_that_may_be_reused():
    listener = listen(("127.0.0.1", 5985), before=reusing)
    reusing(listener)
    for user in (0, 1000):
        child = os.fork()
        if child == 0:
            os.setuid(user)
            thief = reusing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            for address in ("127.0.0.1", "0.0.0.0"):
                fails(EADDRINUSE, thief.bind, (address, 5985))
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0


@test
def who_binds_at_once_has_one_port():
    for _ in range(12):
        go, start = os.pipe()
        reader, writer = os.pipe()
        held, hold = os.pipe()
        children = []
        for number in range(6):
            children.append(os.fork())
            if children[-1] == 0:
                os.close(start)
                os.close(hold)
                sock = reusing(quic())
                sock.setsockopt(SOL_QUIC, ALPN, b"test/1")
                os.read(go, 1)
                try:
                    sock.bind(("127.0.0.1", 5984))
                    sock.listen(4)
                    os.write(writer, b"y")
                except OSError as error:
                    print(f"bind: {error}", flush=True)
                    os.write(writer, b"n")
                os.read(held, 1)
                os._exit(0)
        os.close(start)
        said = b""
        while len(said) < len(children):
            said += os.read(reader, len(children))
        assert said == b"y" * len(children), said
        assert len(below(5984)) == 1
        # The next ones come while these go.
        os.close(hold)
        for child in children[1:]:
            os.waitpid(child, 0)
        for end in (go, reader, writer, held):
            os.close(end)
        os.waitpid(children[0], 0)


class Tap:
    """What comes by as packets of UDP to or from a port: the traffic class of each."""

    RECVTCLASS = 66

    def __init__(self, family, number):
        self.sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self.six, self.number, self.seen = family == socket.AF_INET6, number, []
        if self.six:
            self.sock.setsockopt(socket.IPPROTO_IPV6, self.RECVTCLASS, 1)

    def look(self):
        """The classes until now, of packets from the port and of packets to it."""
        while select.select([self.sock], [], [], 0)[0]:
            data, control, _, _ = self.sock.recvmsg(65536, 64)
            kind, start = (struct.unpack("i", control[0][2])[0], 0) if self.six else (data[1], data[0] % 16 * 4)
            self.seen.append((*struct.unpack_from("!HH", data, start), kind))
        kinds = lambda end: {words[2] for words in self.seen if words[end] == self.number}
        return kinds(0), kinds(1)


@test
def packets_have_the_class_that_was_set_with_the_ecn_mark():
    for family, level, name, host in (
        (socket.AF_INET, socket.IPPROTO_IP, socket.IP_TOS, "127.0.0.1"),
        (socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_TCLASS, "::1"),
    ):
        # The ECN bits are not the program's.
        listener = listen((host, 5983), family=family, before=lambda sock: sock.setsockopt(level, name, 0xB8 | 3))
        child = serve(listener)
        tap = Tap(family, 5983)
        client = connect((host, 5983), family, lambda sock: sock.setsockopt(level, name, 0x20))
        assert exchange(client, b"classified") == b"classified"
        out, back = tap.look()
        assert 0xBA in out and out <= {0xB8, 0xBA}, out
        assert 0x22 in back and back <= {0x20, 0x22}, back
        stop(child)


@test
def rules_for_packets_of_a_user_find_those_of_his_connections():
    if not os.path.exists("/proc/net/netfilter"):
        print("skipped: this kernel filters no packets", flush=True)
        return
    nft = lambda words: subprocess.run(["nft", *words.split()], check=True, capture_output=True, text=True).stdout
    nft("add table ip users")
    nft("add chain ip users out { type filter hook output priority 0 ; }")
    nft("add rule ip users out meta skuid 1000 udp dport 5985 counter")
    counted = lambda: int(re.search(r"packets (\d+)", nft("list table ip users"))[1])
    listener = listen(("127.0.0.1", 5985))
    server = serve(listener)
    assert exchange(connect(listener.getsockname()), b"of root") == b"of root"
    assert counted() == 0
    child = os.fork()
    if child == 0:
        os.setuid(1000)
        os._exit(exchange(connect(listener.getsockname()), b"of another") != b"of another")
    assert os.waitpid(child, 0)[1] == 0
    assert counted() >= 4, counted()
    nft("delete table ip users")
    stop(server)


@test
def a_client_goes_to_and_fro():
    listener = listen(("127.0.0.1", 0))
    child = serve(listener)
    client = connect(listener.getsockname())
    assert exchange(client, b"here") == b"here"
    places = client.getsockname(), ("127.0.0.1", 5982)
    # There more often than it may be at different places.
    for step in range(1, 14):
        word = b"step %d" % step
        move(client, places[step % 2], word)
        assert exchange(client, word) == word
    stop(child)


def result(child):
    """How a process has ended; it must, within a few seconds."""
    until(lambda: os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None, 5)
    return os.waitpid(child, 0)[1]


@test
def who_waits_is_told_that_nobody_listens_any_more():
    listener = listen(("127.0.0.1", 0))
    children = []
    for wait in (lambda: fails(EINVAL, listener.accept), lambda: polled(listener, select.POLLIN)):
        children.append(os.fork())
        if children[-1] == 0:
            wait()
            os._exit(0)
    # They wait.
    time.sleep(1)
    listener.listen(0)
    for child in children:
        assert result(child) == 0
    # It can listen again.
    listener.listen(4)
    child = serve(listener)
    assert exchange(connect(listener.getsockname()), b"again") == b"again"
    stop(child)


run()
