"""A program that knocks at the home's door and says its wish only after the home was stopped and went on."""

import os
import signal
import socket
import struct
import time

WISH_FOR_A_SOCKET = 2
name, token, _ = os.environ["INQUIC_SOCKETS"].split(":")
knock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
knock.connect("\0" + name)
# The home waits for the wish.
time.sleep(0.2)
for sent in (signal.SIGSTOP, signal.SIGCONT):
    os.kill(os.getppid(), sent)
    time.sleep(0.1)
fields = struct.pack("=5Q", 2, 7, WISH_FOR_A_SOCKET, socket.AF_INET, socket.SOCK_DGRAM)
knock.send(bytes.fromhex(token) + fields + bytes(8))
errno, cookie = struct.unpack("=2Q", knock.recv(16))
print(errno)
