"""What programs leave behind when they end, whenever that is; and that the module stays while there is a socket."""

import os
import random
import socket

from quic import *

KILLS = 20
DELETE_MODULE = 176


def listed():
    """Connections and ports that the module has."""
    return sum(len(open(f"/proc/net/quic/{name}").readlines()) - 1 for name in ("conns", "eps"))


def is_clean():
    return listed() == 0 and references() == 0


def group(work):
    """A process with its own group; everything that it starts can be killed with it."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            work()
        finally:
            os._exit(0)
    try:
        os.setpgid(child, child)
    except ProcessLookupError:
        pass
    return child


def kill(child):
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)


@test
def whoever_is_killed_at_any_moment_leaves_nothing_behind():
    seed = int.from_bytes(os.urandom(4), "little")
    print("seed", seed, flush=True)
    dice = random.Random(seed)
    signal.alarm(600)

    def serving(listener):
        listener.listen(16)
        while True:
            connection, _ = listener.accept()
            try:
                shake(connection, "server")
            except (TimeoutError, AssertionError):
                continue
            echo(connection)

    def asking(address):
        client = connect(address)
        while True:
            exchange(client, bytes(100_000))

    # As long as a handshake and some data take here.
    listener = listen(("127.0.0.1", 0))
    server = group(lambda: serving(listener))
    start = time.monotonic()
    client = connect(listener.getsockname())
    assert exchange(client, bytes(300_000)) == bytes(300_000)
    life = time.monotonic() - start
    client.close()
    kill(server)
    listener.close()
    until(is_clean)

    for number in range(KILLS):
        listener = listen(("127.0.0.1", 0))
        address = listener.getsockname()
        ends = {"server": group(lambda: serving(listener))}
        listener.close()
        ends["client"] = group(lambda: asking(address))
        first, second = dice.sample(sorted(ends), 2)
        time.sleep(dice.uniform(0, life))
        kill(ends[first])
        # The other hears of it, or not, and is killed as well.
        time.sleep(dice.choice((0, dice.uniform(0, life))))
        kill(ends[second])
        try:
            until(is_clean)
        except AssertionError:
            print(f"after the {first} was killed, number {number}:", open("/proc/net/quic/conns").read(), references(), flush=True)
            raise
    print(f"{KILLS} pairs of programs were killed", flush=True)


@test
def the_module_stays_while_there_is_a_socket():
    signal.alarm(600)

    def is_refused():
        return libc.syscall(DELETE_MODULE, b"quic", os.O_NONBLOCK) == -1 and ctypes.get_errno() in (EAGAIN, EBUSY)

    until(is_clean)
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        fresh = quic(family)
        assert is_refused(), "a socket"
        fresh.bind((host, 0))
        assert is_refused(), "a bound one"
        fresh.close()
        until(is_clean)
    listener = listen(("127.0.0.1", 0))
    address = listener.getsockname()
    assert is_refused(), "a listener"
    child = serve(listener)
    listener.close()
    client = connect(address)
    # What the server's process has goes when that ends; a stream's descriptor holds its connection.
    stream = describe(client, flags=NEW)
    stop(child)
    assert is_refused(), "a connection"
    client.close()
    assert is_refused(), "a stream's descriptor"
    stream.close()
    until(is_clean)


run()
