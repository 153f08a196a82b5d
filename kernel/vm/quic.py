"""QUIC sockets by the standard socket module, for the checks in the booted kernel. Handshakes are another program's, which inherits
the descriptor."""

import contextlib
import ctypes
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback

IPPROTO_QUIC, SOL_QUIC = 261, 288
STREAM_INFO = 0
CONNECTION_CLOSE, CONNECTION_MIGRATION, TRANSPORT_PARAM, ALPN, LINGER, STREAM_DESCRIPTOR = 5, 6, 8, 11, 68, 69
NEW, FIN = 0x400, 0x200
EAGAIN, EBUSY = 11, 16
CLONE_NEWNET = 0x4000_0000

program, pki = sys.argv[1:3]
libc = ctypes.CDLL(None, use_errno=True)
tests = []


def test(function):
    """One check: its name says what holds."""
    tests.append(function)
    return function


def run():
    """Makes every check, each in a process of its own, which must not take longer than two minutes."""
    failed = []
    for function in tests:
        name = function.__name__.replace("_", " ")
        child = os.fork()
        if child == 0:
            signal.alarm(120)
            os.setpgid(0, 0)
            try:
                function()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        status = os.waitpid(child, 0)[1]
        try:
            # What it has started and not ended.
            os.killpg(child, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if status:
            failed.append(name)
        print("failed:" if status else "held:", name, flush=True)
    sys.exit(1 if failed else 0)


def quic(family=socket.AF_INET, kind=socket.SOCK_STREAM):
    return socket.socket(family, kind, IPPROTO_QUIC)


def fails(errno, call, *words):
    """Checks that a call fails with that errno."""
    try:
        call(*words)
    except OSError as error:
        assert error.errno == errno, error
        return
    raise AssertionError(f"no error {errno}")


def get(sock, name, value, level=SOL_QUIC):
    """getsockopt() with something in the value."""
    out = ctypes.create_string_buffer(value, len(value))
    length = ctypes.c_int(len(value))
    if libc.getsockopt(sock.fileno(), level, name, out, ctypes.byref(length)) < 0:
        raise OSError(ctypes.get_errno(), "getsockopt")
    return out.raw[: length.value]


def shake(sock, role):
    """Has the handshake made by a program that gets the descriptor. TimeoutError: it took longer than the ten seconds that it has."""
    files = ["ca.pem"] if role == "client" else ["cert.pem", "key.pem"]
    command = [program, "shake", role, str(sock.fileno()), *(f"{pki}/{file}" for file in files)]
    done = subprocess.run(command, pass_fds=[sock.fileno()], stderr=subprocess.PIPE, text=True)
    if "kind: TimedOut" in done.stderr:
        raise TimeoutError
    assert done.returncode == 0, done.stderr


def listen(address, alpn=b"test/1", family=socket.AF_INET, before=lambda sock: None):
    listener = quic(family)
    before(listener)
    listener.setsockopt(SOL_QUIC, ALPN, alpn)
    listener.bind(address)
    listener.listen(16)
    return listener


def connect(address, family=socket.AF_INET, before=lambda sock: None):
    """A connection. On a machine that gives an emulator a tenth of itself a handshake takes longer than it may, and is made again;
    whatever else fails has failed."""
    while True:
        client = quic(family)
        before(client)
        client.connect(address)
        try:
            shake(client, "client")
            return client
        except TimeoutError:
            print("a handshake took too long", flush=True)


def sockaddr(address):
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", address[1]) + socket.inet_aton(address[0]) + bytes(8)


def move(client, place, word):
    """Has a client go to another address, saying the word until it is there."""
    client.setsockopt(SOL_QUIC, CONNECTION_MIGRATION, sockaddr(place))

    def moved():
        assert exchange(client, word) == word
        return client.getsockname() == place

    until(moved)


def say(sock, data, number, flags):
    sock.sendmsg([data], [(SOL_QUIC, STREAM_INFO, struct.pack("qI4x", number, flags))])


def hear(sock):
    """Data, with the stream's number and flags."""
    data, control, _, _ = sock.recvmsg(65536, 64)
    for level, kind, info in control:
        if (level, kind) == (SOL_QUIC, STREAM_INFO):
            return data, *struct.unpack("qI", info[:12])
    return data, None, 0


def exchange(sock, data):
    """A stream with these bytes there, and what comes back."""
    assert sock.send(data, NEW | FIN) == len(data)
    back = b""
    while True:
        part, number, flags = hear(sock)
        if number is not None:
            back += part
            if flags & FIN:
                return back


def echo(connection):
    """Gives everything back until the end of the connection."""
    while True:
        try:
            data, number, flags = hear(connection)
        except OSError:
            return
        if number is not None:
            say(connection, data, number, flags)


def serve(listener, each=echo, before=lambda connection: None):
    """Serves one connection after the other in a child; its process."""
    child = os.fork()
    if child:
        return child
    try:
        while True:
            connection, _ = listener.accept()
            before(connection)
            try:
                shake(connection, "server")
            except (TimeoutError, AssertionError):
                # The client knows why.
                continue
            each(connection)
            connection.close()
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def stop(child):
    os.kill(child, 9)
    os.waitpid(child, 0)


def describe(sock, number=-1, flags=0):
    """A stream's descriptor, as a socket: the next of the peer's, or with NEW a new one."""
    value = get(sock, STREAM_DESCRIPTOR, struct.pack("qIi", number, flags, -1))
    return socket.socket(fileno=struct.unpack("qIi", value)[2])


def references():
    """What keeps the module."""
    return int(open("/sys/module/quic/refcnt").read())


def counters():
    """What the kernel has counted."""
    return {name: int(number) for name, number in map(str.split, open("/proc/net/quic/snmp"))}


@contextlib.contextmanager
def sysctl(name, text):
    """A bound that is another one for a while."""
    place = f"/proc/sys/net/quic/{name}"

    def put(text):
        with open(place, "w") as file:
            file.write(text)

    usual = open(place).read()
    put(text)
    try:
        yield
    finally:
        put(usual)


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


def isolate():
    """Another namespace of the network, for this process."""
    assert libc.unshare(CLONE_NEWNET) == 0, ctypes.get_errno()


def until(holds, seconds=20, pause=0.02):
    """Waits for something to become so, looking at it that often."""
    for _ in range(int(seconds / pause)):
        if holds():
            return
        time.sleep(pause)
    raise AssertionError("it did not come about")


def polled(sock, events, seconds=20):
    poll = select.poll()
    poll.register(sock, events)
    return dict(poll.poll(seconds * 1000)).get(sock if isinstance(sock, int) else sock.fileno(), 0)
