"""Pages that go into QUIC sockets and come out of them without a copy by the program: sendfile(), splice() and vmsplice()."""

import ctypes
import hashlib
import mmap
import os
import select
import socket
import struct

from quic import *

EPIPE = 32
GIFT = 8
PAGE = 4096
# No whole number of pages, and more than the windows let in at once.
CONTENT = hashlib.shake_128(b"pages").digest(3_000_001)


def the_file():
    file = open("/tmp/pages", "w+b")
    file.write(CONTENT)
    file.flush()
    return file


def digests(connection):
    """Reads each stream to its end, once it is told to, and answers with what it held."""
    while True:
        stream = describe(connection)
        assert os.read(go_on[0], 1)
        digest = hashlib.sha256()
        while part := stream.recv(100_000):
            digest.update(part)
        stream.sendall(digest.digest())
        stream.close()


def ends(each):
    """A server, its child, and a client's connection."""
    listener = listen(("127.0.0.1", 0))
    child = serve(listener, each)
    return child, connect(listener.getsockname())


def holds(stream, data):
    """Whether the server read just this from the stream."""
    stream.shutdown(socket.SHUT_WR)
    assert stream.recv(64) == hashlib.sha256(data).digest()


def may_read():
    os.write(go_on[1], b"x")


@test
def a_whole_file_goes_into_a_stream():
    child, client = ends(digests)
    may_read()
    with the_file() as file:
        stream, sent = describe(client, flags=NEW), 0
        # The last call asks for more than there is.
        while part := os.sendfile(stream.fileno(), file.fileno(), sent, 700_000):
            sent += part
        assert sent == len(CONTENT)
        holds(stream, CONTENT)
    stop(child)


@test
def a_file_goes_as_far_as_there_is_room_where_nobody_may_wait():
    child, client = ends(digests)
    with the_file() as file:
        stream, sent, refused = describe(client, flags=NEW), 0, 0
        stream.setblocking(False)
        while sent < len(CONTENT):
            try:
                part = os.sendfile(stream.fileno(), file.fileno(), sent, len(CONTENT) - sent)
                assert part
                sent += part
            except BlockingIOError:
                assert sent
                if not refused:
                    # It is the server's windows that were full.
                    may_read()
                refused += 1
                assert polled(stream, select.POLLOUT) & select.POLLOUT
        assert refused
        stream.setblocking(True)
        holds(stream, CONTENT)
    stop(child)


@test
def no_file_goes_into_a_stream_that_is_closed():
    child, client = ends(digests)
    with the_file() as file:
        stream = describe(client, flags=NEW)
        stream.shutdown(socket.SHUT_WR)
        fails(EPIPE, os.sendfile, stream.fileno(), file.fileno(), 0, 10_000)
        rest = describe(client, flags=NEW)
        client.close()
        fails(EPIPE, os.sendfile, rest.fileno(), file.fileno(), 0, 10_000)
        # The file's position is where it was.
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == len(CONTENT)
    stop(child)


@test
def the_end_of_a_file_that_is_shorter_than_was_asked_for_goes_by_itself():
    child, client = ends(echo)
    with the_file() as file:
        client.send(b"<", NEW)
        # More was announced than comes, and nothing else is sent.
        start = len(CONTENT) - 10_000
        assert os.sendfile(client.fileno(), file.fileno(), start, 50_000) == 10_000
        back = b""
        while len(back) < 10_001:
            back += hear(client)[0]
        assert back == b"<" + CONTENT[start:]
    stop(child)


@test
def a_pipe_goes_into_a_stream_and_a_stream_into_a_pipe():
    child, client = ends(echo)
    source, sink, back = os.pipe(), os.pipe(), b""
    stream = describe(client, flags=NEW)
    for start in range(0, 200_000, 50_000):
        os.write(source[1], CONTENT[start : start + 50_000])
        left = 50_000
        while left:
            left -= os.splice(source[0], stream.fileno(), left)
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    while len(back) < 200_000:
        got = os.splice(stream.fileno(), sink[1], 50_000)
        assert got
        while got:
            part = os.read(sink[0], got)
            back += part
            got -= len(part)
    assert back == CONTENT[:200_000]
    stop(child)


@test
def pages_that_change_after_the_call_were_sent_as_they_were():
    child, client = ends(digests)
    memory = mmap.mmap(-1, 16 * PAGE)
    memory[:] = CONTENT[: 16 * PAGE]
    place = (ctypes.c_char * len(memory)).from_buffer(memory)
    part = struct.pack("PN", ctypes.addressof(place), len(memory))
    reader, writer = os.pipe()
    stream = describe(client, flags=NEW)
    # The windows are full, so that these pages wait.
    stream.setblocking(False)
    before = 0
    try:
        while True:
            before += stream.send(bytes(1_000))
    except BlockingIOError:
        pass
    stream.setblocking(True)
    given = libc.vmsplice(writer, part, 1, GIFT)
    assert given == len(memory), ctypes.get_errno()
    may_read()
    left = given
    while left:
        left -= os.splice(reader, stream.fileno(), left)
    memory[:] = b"x" * len(memory)
    holds(stream, bytes(before) + CONTENT[: 16 * PAGE])
    stop(child)


# By which a server is told that it may read.
go_on = os.pipe()
run()
