"""The module comes and goes while data is on its way: `cycles.py PROGRAM PKI quic.ko CYCLES`. Both ends are killed in the middle of it,
and the module leaves as soon as their connections have drained."""

import os
import subprocess

from quic import *

FINIT_MODULE, DELETE_MODULE = 313, 176
ADDRESS = "127.0.0.1:4433"
# Packets of a connection that is under way.
PACKETS = 100
PARTS = ("load", "listen", "send", "kill", "unload")

module, cycles = sys.argv[3], int(sys.argv[4])


def load():
    with open(module) as file:
        if libc.syscall(FINIT_MODULE, file.fileno(), b"", 0):
            raise OSError(ctypes.get_errno(), "finit_module")


def is_unloaded():
    """Unloads it, unless somebody has it."""
    if libc.syscall(DELETE_MODULE, b"quic", os.O_NONBLOCK) == 0:
        return True
    assert ctypes.get_errno() in (EAGAIN, EBUSY), ctypes.get_errno()
    return False


def packets():
    with open("/proc/net/quic/snmp") as file:
        counters = dict(line.split() for line in file)
    return int(counters["QuicPktEncFastpaths"])


def start(*words, **streams):
    return subprocess.Popen([program, *words], stdout=subprocess.DEVNULL, **streams)


def under_way(client):
    """Whether data flows; a client for which the machine was too slow is begun anew."""
    if packets() > PACKETS:
        return True
    if client[-1].poll() is not None:
        why = client[-1].stderr.read()
        assert b"kind: TimedOut" in why, why
        client.append(begin())
    return False


def begin():
    return start("perf", ADDRESS, f"{pki}/ca.pem", "bulk-down", "1000000000", "65536", stderr=subprocess.PIPE)


def cycle():
    """One; how long each part took."""
    times = [time.monotonic()]
    lap = lambda: times.append(time.monotonic())
    load()
    lap()
    server = start("perf-server", ADDRESS, f"{pki}/cert.pem", f"{pki}/key.pem", "65536", stderr=subprocess.DEVNULL)
    until(lambda: ADDRESS in open("/proc/net/quic/eps").read())
    lap()
    client = [begin()]
    until(lambda: under_way(client), seconds=60)
    lap()
    for end in (client[-1], server):
        end.kill()
    for end in (client[-1], server):
        end.wait()
    lap()
    until(is_unloaded)
    lap()
    return [after - before for before, after in zip(times, times[1:])]


took = [sum(part) for part in zip(*(cycle() for _ in range(cycles)))]
print(f"{cycles} cycles under traffic in {sum(took):.0f} s:", *(f"{name} {each:.0f}" for name, each in zip(PARTS, took)), flush=True)
