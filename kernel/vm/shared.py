"""A program's end of a connection by a pre-shared key, whose other end is in the kernel, and that key in the kernel's keyring:
`shared.py PROGRAM PKI key IDENTITY HEX`, `shared.py PROGRAM PKI client|server LIBQUIC FILE ADDRESS PORT [WORD]`."""

import ctypes
import os
import sys

from quic import *

ADD_KEY, KEYCTL = 248, 250
SETPERM, USER_KEYRING = 5, -4
# Whoever possesses it may do all, and its user's processes may read it.
PERMISSION = 0x3F1F0000
ETIMEDOUT = 110


def key(identity, digits):
    payload = bytes.fromhex(digits)
    serial = libc.syscall(ADD_KEY, b"user", identity.encode(), payload, len(payload), USER_KEYRING)
    assert serial > 0 and libc.syscall(KEYCTL, SETPERM, serial, PERMISSION) == 0, ctypes.get_errno()
    print(serial)


def agree(call, sock, *words):
    """A handshake of libquic's."""
    error = -call(sock.fileno(), *words, b"test/1")
    if error == ETIMEDOUT:
        sys.exit("kind: TimedOut")
    if error:
        sys.exit(f"no handshake: {error}")


def client(library, file, address, port, word):
    sock = quic()
    sock.connect((address, int(port)))
    agree(library.quic_client_handshake, sock, file.encode(), None)
    print(exchange(sock, word.encode()).decode())


def server(library, file, address, port):
    listener = listen((address, int(port)))
    print("listening", flush=True)
    while True:
        sock, _ = listener.accept()
        if os.fork() == 0:
            agree(library.quic_server_handshake, sock, file.encode(), None)
            echo(sock)
            os._exit(0)
        sock.close()


what, words = sys.argv[3], sys.argv[4:]
if what == "key":
    key(*words)
else:
    {"client": client, "server": server}[what](ctypes.CDLL(words[0]), *words[1:])
