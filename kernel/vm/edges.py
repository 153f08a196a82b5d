"""What the kernel does with sockets beside the calls of programs: rings, hooks that refuse, waits that end while others are served."""

import fcntl
import mmap
import os
import re
import select
import socket
import struct
import subprocess
import threading
import time

from groups import Group
from quic import *

EPERM, ENETUNREACH = 1, 101
EVENT, KEY_UPDATE, KEY_UPDATED = 0, 7, 7
PF_MEMALLOC_NOIO = 0x80000


class Ring:
    """io_uring by its system calls: one request at a time."""

    SETUP, ENTER, SEND, GETEVENTS = 425, 426, 26, 1

    def __init__(self):
        params = ctypes.create_string_buffer(120)
        self.fd = libc.syscall(self.SETUP, 8, params)
        assert self.fd >= 0, ctypes.get_errno()
        self.sq, self.cq = struct.unpack_from("8I", params, 40), struct.unpack_from("8I", params, 80)
        self.ring, self.results, self.entries = (mmap.mmap(self.fd, 4096, offset=at) for at in (0, 0x800_0000, 0x1000_0000))

    def send(self, sock, data, flags):
        """Asks for send(), and goes on; the data stays where it is until result()."""
        self.data = ctypes.create_string_buffer(data, len(data))
        tail = struct.unpack_from("I", self.ring, self.sq[1])[0]
        at = tail % 8
        request = struct.pack("BBHiQQIIQ", self.SEND, 0, 0, sock.fileno(), 0, ctypes.addressof(self.data), len(data), flags, 0)
        self.entries[at * 64 : at * 64 + 64] = request.ljust(64, b"\0")
        struct.pack_into("I", self.ring, self.sq[6] + at * 4, at)
        struct.pack_into("I", self.ring, self.sq[1], tail + 1)
        assert libc.syscall(self.ENTER, self.fd, 1, 0, 0, None, 0) == 1, ctypes.get_errno()

    def result(self):
        """What the call returned."""
        assert libc.syscall(self.ENTER, self.fd, 0, 1, self.GETEVENTS, None, 0) == 0, ctypes.get_errno()
        head = struct.unpack_from("I", self.results, self.cq[0])[0]
        result = struct.unpack_from("i", self.results, self.cq[5] + head % 16 * 16 + 8)[0]
        struct.pack_into("I", self.results, self.cq[0], head + 1)
        return result


def pattern(start, length):
    """Bytes that say where they are."""
    words = range(start // 4, (start + length) // 4 + 1)
    return struct.pack(f"{len(words)}I", *words)[start % 4 :][:length]


@test
def what_a_ring_has_no_room_for_yet_is_sent_later():
    listener = listen(("127.0.0.1", 0))
    told, tell = os.pipe()
    reader, writer = os.pipe()

    def each(connection):
        # What was written next may come with the first byte.
        data, _, flags = hear(connection)
        os.read(told, 1)
        got = data[1:]
        while not flags & FIN:
            data, _, flags = hear(connection)
            got += data
        os.write(writer, b"%8d%8d" % (len(got), got == pattern(0, len(got))))

    child = serve(listener, each)
    for wait_all in (0, socket.MSG_WAITALL):
        client = connect(listener.getsockname())
        client.setblocking(False)
        client.send(b"x", NEW)
        sent = 0
        # Until there is no room, and the peer has what its windows let in.
        while True:
            try:
                sent += client.send(pattern(sent, 65536))
            except BlockingIOError:
                time.sleep(0.5)
                if not polled(client, select.POLLOUT, 0) & select.POLLOUT:
                    break
        client.setblocking(True)
        ring = Ring()
        ring.send(client, pattern(sent, 300_000), wait_all)
        os.write(tell, b"g")
        done = ring.result()
        assert done == 300_000 if wait_all else 0 < done <= 300_000, done
        client.send(pattern(sent + done, 4), FIN)
        heard = os.read(reader, 16)
        assert heard == b"%8d%8d" % (sent + done + 4, True), (sent, done, heard)
        client.close()
    stop(child)


def protect(here, there):
    """IPsec between two addresses, both ways."""
    for number, (source, target) in enumerate((sorted((here, there)), sorted((here, there), reverse=True)), 1):
        key = "0x" + "07" * 20
        ip(f"xfrm state add src {source} dst {target} proto esp spi {number} mode transport aead rfc4106(gcm(aes)) {key} 128")
    ip(f"xfrm policy add src {here} dst {there} dir out tmpl proto esp mode transport")


@test
def trains_leave_one_by_one_where_the_way_out_cuts_none():
    isolate()
    near, far = "10.9.0.1", "10.9.0.2"
    ready, go = os.pipe()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        isolate()
        os.write(go, b"1")
        until(lambda: os.path.exists("/proc/net/dev") and "far:" in open("/proc/net/dev").read())
        ip(f"addr add {far}/24 dev far")
        ip("link set far up")
        protect(far, near)
        listener = listen((far, 5995))
        os.write(writer, b"1")
        os.waitpid(serve(listener), 0)
        os._exit(1)
    os.read(ready, 1)
    ip(f"link add near type veth peer name far netns {child}")
    ip(f"addr add {near}/24 dev near")
    ip("link set near up")
    protect(near, far)
    os.read(reader, 1)
    client = connect((far, 5995))
    assert exchange(client, bytes(300_000)) == bytes(300_000)
    out = subprocess.run(["ip", "-s", "xfrm", "state"], check=True, capture_output=True, text=True).stdout
    assert int(re.search(r"(\d+)\(packets\)", out)[1]) > 200, out


@test
def no_way_is_no_way_whatever_the_reason():
    isolate()
    ip("link set lo up")
    fails(ENETUNREACH, quic().connect, ("192.0.2.1", 443))
    ip("route add unreachable 192.0.2.0/24")
    fails(ENETUNREACH, quic().connect, ("192.0.2.1", 443))


class Old:
    """sendmsg() and recvmsg() as a 32-bit program makes them."""

    SEND, RECEIVE = 370, 372
    # The number and three words, to where interrupt 0x80 looks for them.
    CODE = bytes.fromhex("53 89f8 89f3 87ca cd80 5b c3")

    def __init__(self):
        libc.mmap.restype = ctypes.c_void_p
        # Below 2 GiB, readable, writeable, executable.
        self.at = libc.mmap(None, ctypes.c_size_t(4096), 7, 0x62, -1, ctypes.c_long(0))
        ctypes.memmove(self.at + 2048, self.CODE, len(self.CODE))
        self.enter = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint)(self.at + 2048)

    def call(self, number, sock, data, control):
        """What the call returned, and what is there now: data, control messages, and the flags."""
        parts, place, info = self.at + 64, self.at + 128, self.at + 1024
        header = struct.pack("IiIIIII", 0, 0, parts, 1, info, len(control), 0)
        for to, bytes_ in ((self.at, header), (parts, struct.pack("II", place, len(data))), (place, data), (info, control)):
            ctypes.memmove(to, bytes_, len(bytes_))
        result = self.enter(number, sock.fileno(), self.at, 0)
        length, flags = struct.unpack("II", ctypes.string_at(self.at + 20, 8))
        return result, ctypes.string_at(place, len(data)), ctypes.string_at(info, min(length, 64)), flags


@test
def programs_of_32_bits_name_streams():
    listener = listen(("127.0.0.1", 0))
    child = serve(listener)
    client = connect(listener.getsockname())
    old = Old()
    # What their structure has no padding for.
    info = lambda number, flags: struct.pack("=IiiqI", 24, SOL_QUIC, STREAM_INFO, number, flags)
    for number in (0, 4):
        assert old.call(old.SEND, client, b"word", info(number, NEW | FIN))[0] == 4
        result, data, control, flags = old.call(old.RECEIVE, client, bytes(100), bytes(24))
        assert result == 4 and data[:4] == b"word", (result, data)
        assert control == info(number, FIN), control
        assert flags & socket.MSG_CTRUNC == 0, flags
    stop(child)


class Refusal:
    """A program of the kernel's that refuses every socket of IP in a group."""

    BPF, LOAD, ATTACH, CGROUP_SOCK, SOCK_CREATE = 321, 5, 8, 9, 2

    def __init__(self, group):
        code = ctypes.create_string_buffer(struct.pack("BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0), 16)
        licence = ctypes.create_string_buffer(b"GPL")
        words = struct.pack("IIQQ", self.CGROUP_SOCK, 2, ctypes.addressof(code), ctypes.addressof(licence)).ljust(68, b"\0")
        self.program = self.call(self.LOAD, words + struct.pack("I", self.SOCK_CREATE))
        self.group = os.open(group.place, os.O_RDONLY)
        self.call(self.ATTACH, struct.pack("IIII", self.group, self.program, self.SOCK_CREATE, 0))

    def call(self, command, words):
        attributes = ctypes.create_string_buffer(words.ljust(144, b"\0"), 144)
        result = libc.syscall(self.BPF, command, attributes, 144)
        assert result >= 0, ctypes.get_errno()
        return result


@test
def a_socket_that_a_program_of_the_kernel_refuses_leaves_nothing_behind():
    until(lambda: references() == 0)
    group = Group("refused")
    child = os.fork()
    if child == 0:
        group.enter()
        Refusal(group)
        for family in (socket.AF_INET, socket.AF_INET6):
            fails(EPERM, quic, family)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    until(lambda: references() == 0, 2)


@test
def a_wait_ends_in_time_while_another_stream_is_served():
    listener = listen(("127.0.0.1", 0))

    def each(connection):
        number = -1
        while number != 4:
            _, number, _ = hear(connection)
        while True:
            say(connection, bytes(2000), 4, 0)

    child = serve(listener, each)
    client = connect(listener.getsockname())
    streams = []
    for word in (b"quiet", b"loud"):
        streams.append(describe(client, flags=NEW))
        streams[-1].sendall(word)
    quiet, loud = streams
    others = os.fork()
    if others == 0:
        while loud.recv(4096):
            pass
        os._exit(1)
    quiet.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 8, 0))
    buffer = ctypes.create_string_buffer(16)
    start = time.monotonic()
    assert libc.recv(quiet.fileno(), buffer, 16, 0) == -1 and ctypes.get_errno() == EAGAIN
    lasted = time.monotonic() - start
    print(f"a wait of eight seconds was over after {lasted:.1f}", flush=True)
    assert 7.9 < lasted < 9.2
    stop(others)
    stop(child)


def asks_in_vain(call):
    """How long a call of this socket waits before there is nothing."""
    start = time.monotonic()
    fails(EAGAIN, call)
    return time.monotonic() - start


@test
def a_wait_for_the_peers_stream_is_one_for_what_is_received():
    listener = listen(("127.0.0.1", 0))
    child = serve(listener)
    client = connect(listener.getsockname())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 3, 0))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 1, 0))
    assert 2.9 < asks_in_vain(lambda: describe(client)) < 4.5
    stop(child)


@test
def sending_ends_in_time_though_a_slow_reader_takes_a_little_again_and_again():
    listener = listen(("127.0.0.1", 0))

    def slowly(connection):
        while True:
            hear(connection)
            time.sleep(0.3)

    child = serve(listener, slowly)
    data = bytes(64 << 20)
    for way in (lambda client: client, lambda client: describe(client, flags=NEW)):
        client = connect(listener.getsockname())
        sender = way(client)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 3, 0))
        start = time.monotonic()
        sent = libc.send(sender.fileno(), data, ctypes.c_size_t(len(data)), NEW if sender is client else 0)
        lasted = time.monotonic() - start
        print(f"{sent} bytes were taken in {lasted:.1f} of three seconds", flush=True)
        assert 0 < sent < len(data) and 2.9 < lasted < 6
        stop(child)
        child = serve(listener, slowly)
    stop(child)


class Absent:
    """A page of this process that is not there until it is brought; who touches it waits for that. Kernels know userfaultfd() or not."""

    CALL, SIZE = 323, 4096
    API, REGISTER, ZEROPAGE = 0xC018_AA3F, 0xC020_AA00, 0xC020_AA04
    VERSION, MISSING = 0xAA, 1

    def __init__(self):
        self.fd = libc.syscall(self.CALL, os.O_CLOEXEC)
        assert self.fd >= 0, ctypes.get_errno()
        self.memory = mmap.mmap(-1, self.SIZE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        fcntl.ioctl(self.fd, self.API, bytearray(struct.pack("3Q", self.VERSION, 0, 0)))
        fcntl.ioctl(self.fd, self.REGISTER, bytearray(struct.pack("4Q", self.address, self.SIZE, self.MISSING, 0)))

    def touched(self):
        """Waits until somebody touches it."""
        os.read(self.fd, 32)

    def bring(self):
        fcntl.ioctl(self.fd, self.ZEROPAGE, bytearray(struct.pack("3Qq", self.address, self.SIZE, 0, 0)))

    @classmethod
    def is_possible(cls):
        fd = libc.syscall(cls.CALL, os.O_CLOEXEC)
        if fd >= 0:
            os.close(fd)
        return fd >= 0


@test
def what_comes_first_while_a_place_is_made_for_less_is_whole():
    if not Absent.is_possible():
        print("skipped: this kernel knows no userfaultfd()", flush=True)
        return
    listener = listen(("127.0.0.1", 0))
    child = serve(listener)
    client = connect(listener.getsockname())
    client.setsockopt(SOL_QUIC, EVENT, bytes((KEY_UPDATED, 1)))
    client.send(b"x", NEW)
    assert polled(client, select.POLLIN)
    page = Absent()
    got = []
    words = client.fileno(), ctypes.c_void_p(page.address), ctypes.c_size_t(page.SIZE), 0
    reader = threading.Thread(target=lambda: got.append(libc.recv(*words)))
    reader.start()
    # The call has seen one byte, and makes sure of a place for it.
    page.touched()
    client.setsockopt(SOL_QUIC, KEY_UPDATE, b"")
    client.send(b"y")
    time.sleep(2)
    page.bring()
    reader.join()
    # The number of the event, and the phase of the keys.
    assert got == [2] and page.memory[:2] == bytes((KEY_UPDATED, 1)), (got, page.memory[:2])
    assert client.recv(16) == b"xy"
    stop(child)


class Preemption:
    """Has the kernel put off what runs in it at any place, as kernels for desktops do. One that knows nothing else has no such file."""

    PLACE = "/sys/kernel/debug/sched/preempt"

    def __enter__(self):
        if not os.path.exists(self.PLACE):
            subprocess.run(["mount", "-t", "debugfs", "none", "/sys/kernel/debug"], capture_output=True)
        self.before = os.path.exists(self.PLACE) and re.search(r"\((.*)\)", open(self.PLACE).read())[1]
        self.put("full")

    def __exit__(self, *_):
        self.put(self.before)

    def put(self, how):
        if self.before:
            with open(self.PLACE, "w") as file:
                file.write(how)


@test
def a_call_leaves_its_process_as_it_was():
    listener = listen(("127.0.0.1", 0))
    child = serve(listener)
    client = connect(listener.getsockname())
    exchange(client, b"there and back")
    flags = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[6])
    assert not flags & PF_MEMALLOC_NOIO, hex(flags)
    stop(child)


@test
def nobody_waits_for_a_packet_of_those_who_have_used_up_their_time():
    listener = listen(("127.0.0.1", 0))
    children = [serve(listener) for _ in range(4)]
    groups = [Group(f"slow{number}") for number in range(3)]
    for group in groups:
        client = connect(listener.getsockname())
        child = os.fork()
        children.append(child)
        if child == 0:
            # All of them where the one is that is looked at.
            os.sched_setaffinity(0, {0})
            group.throttle(1000)
            group.enter()
            while True:
                exchange(client, bytes(200))
    client = connect(listener.getsockname())
    os.sched_setaffinity(0, {0})
    longest, end = 0, time.monotonic() + 20
    with Preemption():
        while (start := time.monotonic()) < end:
            exchange(client, bytes(200))
            longest = max(longest, time.monotonic() - start)
    times = sum(group.throttled() for group in groups)
    print(f"others had used up their time {times} times, and an exchange took {longest:.3f} seconds at most", flush=True)
    assert times > 10
    # A slice of time that was more than they had is paid back by four seconds without any.
    assert longest < 2
    # To end takes time, too.
    for group in groups:
        group.throttle("max")
    for child in children:
        stop(child)


run()
