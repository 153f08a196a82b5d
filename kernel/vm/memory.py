"""What QUIC sockets of the module are charged for the data that their connections hold, its bounds, and the memory group that pays."""

import fcntl
import os
import socket
import struct
import termios
import time

from groups import Group
from quic import *

SO_MEMINFO = 55
# Words of SO_MEMINFO: what is held for received data, its bound, the bound for written data, and what is held for that.
RECEIVED, RECEIVE_BOUND, SEND_BOUND, WRITTEN = 0, 1, 3, 5
KIB = 1024
ENOMEM = 12
# A kernel that watches itself keeps as much beside each piece of memory as is in it.
OVERHEAD = 3 if os.path.exists("/proc/lockdep_stats") else 1


def charged(sock):
    return struct.unpack("9I", sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))


def waiting(sock):
    """Bytes that can be read."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))[0]


def fill(client):
    """Writes until there is no room, and the peer has what its windows let in."""
    client.setblocking(False)
    client.send(b"x", NEW)

    def is_full():
        try:
            while client.send(bytes(64 * KIB)):
                pass
        except BlockingIOError:
            time.sleep(0.3)
        try:
            return not client.send(bytes(64 * KIB))
        except BlockingIOError:
            return True

    until(is_full)


@test
def a_socket_is_charged_for_the_data_that_it_holds():
    listener = listen(("127.0.0.1", 0))
    reader, writer = os.pipe()

    def each(connection):
        last = -1
        while last <= 0 or waiting(connection) != last:
            last = waiting(connection)
            time.sleep(1)
        words = charged(connection)
        assert last <= words[RECEIVED], (last, words)
        # Pages cost a quarter more than what is in them, and 24 KiB are there for whoever sends little (docs/abi.md).
        assert words[RECEIVED] <= words[RECEIVE_BOUND] * 5 // 4 + 24 * KIB, words
        os.write(writer, b"held")

        def is_read_and_rests():
            # As it is read, the client sends what waits with it.
            while waiting(connection):
                hear(connection)
            # What is kept for the next data is given back when the connection rests.
            return charged(connection)[RECEIVED] < 4 * KIB

        until(is_read_and_rests)
        os.write(writer, b"read")
        hear(connection)

    child = serve(listener, each)
    client = connect(listener.getsockname())
    assert charged(client)[WRITTEN] < 4 * KIB, charged(client)
    fill(client)
    words = charged(client)
    assert 64 * KIB < words[WRITTEN] <= words[SEND_BOUND] + 4 * KIB, words
    assert os.read(reader, 4) == b"held"
    assert os.read(reader, 4) == b"read"
    stop(child)
    listener.close()


def serve_in(group, each):
    """Serves in a memory group; the address. Whoever binds the port pays, though it is the kernel's workers that receive."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        group.enter()
        listener = listen(("127.0.0.1", 0))
        os.write(writer, b"%5d" % listener.getsockname()[1])
        os.waitpid(serve(listener, each), 0)
        os._exit(1)
    return "127.0.0.1", int(os.read(reader, 5))


@test
def the_memory_group_of_the_port_pays_for_what_is_received():
    group = Group("receives")
    reader, writer = os.pipe()

    def each(connection):
        before = group.charged("kernel")
        os.write(writer, b"fill")
        last = -1
        while last <= 0 or waiting(connection) != last:
            last = waiting(connection)
            time.sleep(1)
        held, paid = charged(connection)[RECEIVED], group.charged("kernel") - before
        print(f"{held} bytes are held for received data, {paid} were charged to the group", flush=True)
        assert held - 64 * KIB <= paid <= (held + 256 * KIB) * OVERHEAD
        os.write(writer, b"held")
        hear(connection)

    client = connect(serve_in(group, each))
    assert os.read(reader, 4) == b"fill"
    fill(client)
    assert os.read(reader, 4) == b"held"


@test
def nobody_has_to_go_for_what_peers_send():
    group = Group("bounded")
    reader, writer = os.pipe()
    told, tell = os.pipe()

    def each(connection):
        os.write(writer, b"here")
        os.read(told, 1)
        try:
            while True:
                hear(connection)
        except OSError:
            pass

    address = serve_in(group, each)
    client = connect(address)
    assert os.read(reader, 4) == b"here"
    group.bound(128 * KIB)
    try:
        fill(client)
    except BrokenPipeError:
        # There was no memory to go on with the connection, either.
        print("a connection has ended for want of memory", flush=True)
    time.sleep(2)
    assert group.killed() == 0
    group.bound(None)
    os.write(tell, b"12")
    client.close()
    connect(address)
    assert os.read(reader, 4) == b"here"


@test
def beyond_the_bound_of_all_sockets_data_stops_and_the_machine_goes_on():
    pages = 256
    refused = lambda: counters()["QuicMemRefused"]
    listener = listen(("127.0.0.1", 0))
    told, tell = os.pipe()
    reader, writer = os.pipe()

    def each(connection):
        os.read(told, 1)
        os.write(writer, b"%9d" % charged(connection)[RECEIVED])
        os.read(told, 1)
        heard, flags = 0, 0
        while not flags & FIN:
            data, _, flags = hear(connection)
            heard += len(data)
        os.write(writer, b"%9d" % heard)
        hear(connection)

    child = serve(listener, each)
    client = connect(listener.getsockname())
    client.setblocking(False)
    client.send(b"x", NEW)
    before = refused()
    with sysctl("quic_mem", f"{pages} {pages} {pages}"):
        written, over, end = 1, False, time.monotonic() + 5
        while not over and time.monotonic() < end:
            try:
                written += client.send(bytes(64 * KIB))
            except BrokenPipeError:
                # There was no memory to go on with the connection, either.
                over = True
            except OSError as error:
                assert error.errno in (EAGAIN, ENOMEM), error
                time.sleep(0.01)
        os.write(tell, b"1")
        held = charged(client)[WRITTEN] + int(os.read(reader, 9))
        print(f"{held} bytes are held of {pages * 4} KiB for all, {written} were written, {refused() - before} times none were had", flush=True)
        # An eighth more is for what is not data, and each processor's part of the count may be 64 KiB off.
        assert held <= pages * 4096 * 9 // 8 + 64 * KIB * os.cpu_count(), held
        assert refused() > before
        fails(ENOMEM, quic)
    if over:
        print("the connection has ended for want of memory", flush=True)
    else:
        client.setblocking(True)
        # FIN goes with the last byte that is taken.
        assert client.send(b"y", FIN) == 1
        os.write(tell, b"2")
        assert int(os.read(reader, 9)) == written + 1
    stop(child)
    listener.close()
    other = listen(("127.0.0.1", 0))
    child = serve(other)
    assert exchange(connect(other.getsockname()), b"as before") == b"as before"
    stop(child)


run()
