"""What a connection takes that nobody uses: by the kernel's slabs, and by what is charged to a memory group."""

import resource
import signal
import subprocess
import time

from groups import Group
from quic import *

KIB = 1024
HELD = 1_000
# Bytes that an end of an idle connection may take, with its descriptor, its port's UDP socket and its keys.
CEILING = 24 * KIB


def slabs():
    """Bytes of all slabs, without those of names and files that nobody has open."""
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("2")
    numbers = dict(line.split(":") for line in open("/proc/meminfo"))
    return int(numbers["Slab"].split()[0]) * KIB


def ends():
    """Connections that the module lists, each of whose ends is one."""
    return len(open("/proc/net/quic/conns").readlines()) - 1


@test
def an_idle_connection_takes_no_more_than_24_kib():
    signal.alarm(600)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4 * HELD, 4 * HELD))
    group = Group("idle")
    command = [program, "abi", "hold", str(HELD)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=group.enter)

    def go_on():
        holder.stdin.write(b"\n")
        holder.stdin.flush()

    assert holder.stdout.readline() == b"ready\n"
    until(lambda: ends() == 0)
    before = [slabs(), group.charged("kernel", "sock")]
    go_on()
    assert holder.stdout.readline() == b"holding\n"
    assert ends() == 2 * HELD, ends()
    # Memory that a busy moment needed is given back after seconds of rest.
    time.sleep(5)
    each = [(now - then) // (2 * HELD) for now, then in zip([slabs(), group.charged("kernel", "sock")], before)]
    print(f"an end of {HELD} idle connections takes {each[0]} bytes of slab, {each[1]} charged to its group", flush=True)
    # Sockets and inodes alone are more than 2 KiB.
    assert all(2 * KIB < bytes <= CEILING for bytes in each), each
    go_on()
    assert holder.wait(60) == 0
    until(lambda: ends() == 0)
    left = group.charged("kernel", "sock") - before[1]
    print(f"{left} bytes stay charged after the last one", flush=True)
    assert left < HELD * KIB, left


run()
