"""The module comes and goes while data is on its way: `cycles.py PROGRAM PKI quic.ko CYCLES`. It does not go then; both ends are killed
in the middle of it, and the module leaves as soon as their connections have drained."""

import os
import subprocess

from quic import *

FINIT_MODULE, DELETE_MODULE = 313, 176
ADDRESS = "127.0.0.1:4433"
SERVER = f"perf-server {ADDRESS} {pki}/cert.pem {pki}/key.pem 65536"
CLIENT = f"perf {ADDRESS} {pki}/ca.pem bulk-down 1000000000000 65536"
FAILED = "/tmp/failed"
# Packets of a connection that is under way.
PACKETS = 100
# Seconds between two looks.
SHORT = 0.004
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


def start(words):
    """A process that is this; it is nobody's child who would have to wait for it."""
    forks.stdin.write(f"{words}\n")
    forks.stdin.flush()
    # What the others say comes the same way.
    while not (line := forks.stdout.readline().strip()).isdigit():
        assert line, "the parent of all has ended"
    return int(line)


def is_alive(process):
    return os.path.exists(f"/proc/{process}")


def under_way(client):
    """Whether data flows; a client for which the machine was too slow is begun anew."""
    if counters()["QuicPktEncFastpaths"] > PACKETS:
        return True
    if not is_alive(client[-1]):
        with open(FAILED) as file:
            why = file.read()
        assert why.count("kind: TimedOut") == len(client), why
        client.append(start(CLIENT))
    return False


def cycle():
    """One; how long each part took."""
    times = [time.monotonic()]
    lap = lambda: times.append(time.monotonic())
    load()
    lap()
    os.truncate(FAILED, 0)
    server = start(SERVER)
    until(lambda: ADDRESS in open("/proc/net/quic/eps").read(), pause=SHORT)
    lap()
    client = [start(CLIENT)]
    until(lambda: under_way(client), seconds=60, pause=SHORT)
    assert not is_unloaded(), "it went under traffic"
    lap()
    for end in (client[-1], server):
        os.kill(end, signal.SIGKILL)
    until(lambda: not is_alive(client[-1]) and not is_alive(server), pause=SHORT)
    lap()
    until(is_unloaded, pause=SHORT)
    assert not os.path.exists("/proc/net/quic") and not os.path.exists("/proc/sys/net/quic")
    lap()
    return [after - before for before, after in zip(times, times[1:])]


# Children of a parent that does not want to hear of them leave nothing to wait for.
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
with open(FAILED, "a") as failed:
    forks = subprocess.Popen([program, "forks"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=failed, text=True)
# Nobody has to wait for what other processors read at leisure, and most of a cycle would be waiting.
with open("/sys/kernel/rcu_expedited", "w") as file:
    file.write("1")
laps = []
for number in range(1, cycles + 1):
    laps.append(cycle())
    if number % 50 == 0:
        print(f"{number} cycles", flush=True)
took = [sum(part) for part in zip(*laps)]
with open("/sys/kernel/rcu_expedited", "w") as file:
    file.write("0")
print(f"{cycles} cycles under traffic in {sum(took):.0f} s:", *(f"{name} {each:.1f}" for name, each in zip(PARTS, took)), flush=True)
