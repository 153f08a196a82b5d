"""Run by prove.sh, which says whose allocations may fail: `comes.py quic.ko` loads the module again and again, and each time another one
of the allocations that are made for that fails. It comes whole or not at all, and goes again; a kernel that watches itself sees the rest."""

import ctypes
import os
import sys

FINIT_MODULE, DELETE_MODULE = 313, 176
# The second is what the kernel's proto_register() has for the first.
ENOMEM, ENOBUFS = 12, 105

libc = ctypes.CDLL(None, use_errno=True)
module = os.open(sys.argv[1], os.O_RDONLY)
nth = os.open("/proc/thread-self/fail-nth", os.O_RDWR)


def load(number):
    """Loads it while the allocation with that number fails: whether it came, and whether there was such an allocation."""
    os.pwrite(nth, b"%d" % number, 0)
    result = libc.syscall(FINIT_MODULE, module, b"", 0)
    errno = ctypes.get_errno()
    left = int(os.pread(nth, 16, 0).rstrip(b"\n\0"))
    os.pwrite(nth, b"0", 0)
    assert result == 0 or errno in (ENOMEM, ENOBUFS), (number, errno)
    assert (result == 0) == os.path.exists("/sys/module/quic"), number
    return result == 0, left == 0


number, whole = 0, 0
failed = True
while failed:
    number += 1
    came, failed = load(number)
    if came:
        whole += 1
        assert libc.syscall(DELETE_MODULE, b"quic", 0) == 0, ctypes.get_errno()
    if number % 25 == 0:
        print(f"{number} attempts to come", flush=True)
# The last one, of which nothing failed, is none.
print(f"done attempts {number - 1}")
print(f"it came whole without one of {whole - 1} of {number - 1} allocations, and not at all without one of the others")
assert came and 0 < whole - 1 < number - 1
