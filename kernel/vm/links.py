"""Devices and namespaces that QUIC sockets of the module live in, and that are gone before them."""

import os
import select
import socket

from quic import *

HERE, THERE = "10.9.0.1", "10.9.0.2"


def link():
    """A cable from here to the namespace `there`."""
    ip("link add here type veth peer name there netns there")
    ip(f"addr add {HERE}/24 dev here")
    ip("link set here up")
    ip(f"-n there addr add {THERE}/24 dev there")
    ip("-n there link set there up")


def has_link():
    return os.path.exists("/sys/class/net/here")


def namespace():
    # The one before may take a moment to go.
    until(lambda: not has_link())
    ip("netns add there")
    ip("-n there link set lo up")
    link()


def enter():
    with open("/run/netns/there") as file:
        assert libc.setns(file.fileno(), CLONE_NEWNET) == 0


def inside(work):
    """A process in the namespace; returns once it is there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        enter()
        work(lambda: os.write(writer, b"x"))
        os._exit(0)
    os.close(writer)
    assert os.read(reader, 1) == b"x"
    return child


def serving(address, number=5990):
    """What serves one connection after the other at this address of the namespace."""

    def work(say_ready):
        listener = listen((address, number))
        child = serve(listener)
        listener.close()
        say_ready()
        os.waitpid(child, 0)

    return inside(work)


def lines(name):
    return open(f"/proc/net/quic/{name}").read().splitlines()[1:]


def parent_of(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        # It has ended.
        return 0


def children_of(process):
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and parent_of(name) == process]


@test
def a_port_belongs_to_the_device_that_it_is_bound_to():
    namespace()

    def on(device, mark):
        listener = quic()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device + b"\0")
        listener.setsockopt(SOL_QUIC, ALPN, b"test/1")
        listener.bind(("0.0.0.0", 5991))
        listener.listen(4)

        def answer(connection):
            number = None
            while number is None:
                _, number, _ = hear(connection)
            say(connection, mark, number, FIN)
            polled(connection, select.POLLRDHUP)

        return serve(listener, answer)

    children = [on(b"lo", b"by lo"), on(b"here", b"by here")]
    assert exchange(connect(("127.0.0.1", 5991)), b"x") == b"by lo"

    def asks(say_ready):
        assert exchange(connect((HERE, 5991)), b"x") == b"by here"
        say_ready()

    assert os.waitpid(inside(asks), 0)[1] == 0
    for child in children:
        stop(child)
    ip("netns del there")


@test
def a_connection_lives_on_while_its_device_is_another():
    namespace()
    server = serving(THERE)
    client = connect((THERE, 5990))
    assert exchange(client, b"before") == b"before"
    ip("link del here")
    # What is sent meanwhile is lost, and sent again.
    assert client.send(b"after", NEW | FIN) == 5
    time.sleep(0.5)
    link()
    back, flags = b"", 0
    while not flags & FIN:
        part, number, flags = hear(client)
        back += part
    assert back == b"after"
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    ip("netns del there")


@test
def a_namespace_goes_when_its_connections_have_drained():
    until(lambda: references() == 0)
    namespace()
    server = serving(THERE)
    client = connect((THERE, 5990))
    assert exchange(client, b"x") == b"x"
    # The name is gone; who is in the namespace goes on.
    ip("netns del there")
    assert has_link()
    assert exchange(client, b"y") == b"y"
    for child in children_of(server):
        os.kill(child, signal.SIGKILL)
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    # The other end of the cable goes with the namespace, and that with the last socket in it.
    until(lambda: not has_link())
    # The peer was told, or cannot be reached any more.
    client.close()
    until(lambda: references() == 0)


@test
def a_namespace_goes_though_a_client_in_it_was_never_answered():
    until(lambda: references() == 0)
    namespace()

    def asks(say_ready):
        client = quic()
        # Nobody is there.
        client.connect((HERE, 5989))
        client.setblocking(False)
        stream = quic()
        stream.bind((THERE, 0))
        stream.listen(1)
        say_ready()
        time.sleep(100)

    child = inside(asks)
    ip("netns del there")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    until(lambda: not has_link())
    until(lambda: references() == 0)


@test
def proc_says_of_sockets_what_they_say_themselves():
    until(lambda: not lines("conns") and not lines("eps"))
    before = counters()
    listener = listen(("127.0.0.1", 5988))
    child = os.fork()
    if child == 0:
        # A line names the owner, and not who looks.
        os.setuid(1000)
        other = listen(("127.0.0.1", 5987))
        time.sleep(100)
    until(lambda: len(lines("eps")) == 2)
    port, theirs = sorted((line.split() for line in lines("eps")), key=lambda words: words[4])
    inode = lambda sock: str(os.fstat(sock.fileno()).st_ino)
    # SOCK STATE LOCAL UDP UID INODE
    assert port[1:] == ["10", "127.0.0.1:5988", "127.0.0.1:5988", "0", inode(listener)], port
    assert theirs[2] == "127.0.0.1:5987" and theirs[4] == "1000", theirs
    stop(child)

    server = serve(listener)
    client = connect(listener.getsockname())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 50_000)
    buffers = [str(client.getsockopt(socket.SOL_SOCKET, name)) for name in (socket.SO_SNDBUF, socket.SO_RCVBUF)]
    assert client.send(b"seven b", NEW) == 7
    local = "%s:%d" % client.getsockname()
    # What is back waits to be read.
    until(lambda: "7" in {line.split()[9] for line in lines("conns") if line.split()[2] == local})
    (ours,) = (line.split() for line in lines("conns") if line.split()[2] == local)
    (theirs,) = (line.split() for line in lines("conns") if line.split()[3] == local)
    # SOCK STATE LOCAL REMOTE UDP_ADDRESS WINDOW MSS IN_FLIGHT TX_QUEUE RX_QUEUE SNDBUF RCVBUF UID INODE
    assert ours[1:5] == ["1", local, "127.0.0.1:5988", "0.0.0.0:%d" % client.getsockname()[1]], ours
    assert theirs[1:4] == ["1", "127.0.0.1:5988", local], theirs
    assert 2_400 <= int(ours[5]) and 1_200 <= int(ours[6]) <= 65_507, ours
    assert ours[8:10] == ["0", "7"], ours
    assert ours[10:] == [*buffers, "0", inode(client)], ours

    # What a slow handshake sends twice may come when its keys are gone (RFC 9001, section 4.9). Behind a round trip nothing does.
    assert client.send(b" and on") == 7
    heard = b""
    while heard != b"seven b and on":
        heard += hear(client)[0]
    settled = counters()["QuicPktDecDrop"]

    # No packet of anybody's, and one for a connection that there is not.
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.sendto(b"\x00" * 30, listener.getsockname())
    dropped = lambda now: now["QuicPktInvHdrDrop"] + now["QuicPktRcvDrop"] - before["QuicPktInvHdrDrop"] - before["QuicPktRcvDrop"]
    until(lambda: dropped(counters()) >= 1)
    stop(server)
    # Before the client ends it as well.
    until(lambda: counters()["QuicFrmInCloses"] > before["QuicFrmInCloses"])
    client.close()
    until(lambda: not lines("conns"))
    after = counters()
    moved = {name: after[name] - before[name] for name in after}
    assert after["QuicConnCurrentEstabs"] == 0, after
    assert moved["QuicConnActiveEstabs"] == moved["QuicConnPassiveEstabs"] >= 1, moved
    assert moved["QuicFrmOutCloses"] >= 1 and moved["QuicFrmInCloses"] >= 1, moved
    assert after["QuicPktDecDrop"] == settled, (settled, after)


run()
