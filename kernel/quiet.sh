# Sourced by the scripts that run in a booted kernel: what that kernel has to say of them, and what they do alike.

dmesg --clear
# What nobody runs for a while is not stuck.
echo 60 >/proc/sys/kernel/watchdog_thresh
# Programs that find this file seed their random numbers from the system alone (aws-lc, for machines that are restored from snapshots).
# Without it each measures noise of the processor first, which takes an emulated one a second.
test -e /dev/sysgenid || head -c 4096 /dev/zero >/dev/sysgenid
# A kernel that watches itself looks for memory that nobody can find, and for locks that are taken in more than one order.
leaks=/sys/kernel/debug/kmemleak
locks=/proc/lockdep_stats
test -e $leaks || mount -t debugfs none /sys/kernel/debug 2>/dev/null || true
# What was there before is not the module's.
test ! -e $leaks || echo clear >$leaks

# Loads what modprobe would bring with a module: a connection whose cipher has to be fetched first has no time for that. A kernel that
# watches itself has all of it within.
fetch() {
    modprobe -a $(modinfo -F softdep "$1" | sed 's/^pre: //') || test -e $locks
}

# Waits until a server listens at this address.
listening() {
    for try in $(seq 100); do
        grep -qF "$1" /proc/net/quic/eps && return
        sleep 0.1
    done
    return 1
}

# The handshakes that servers have finished, by the kernel's count.
finished() {
    awk '$1 == "QuicConnPassiveEstabs" { print $2 }' /proc/net/quic/snmp
}

# Unloads the module, in so many seconds or in ten: what was closed goes on for a while, three probe timeouts at most. Then nothing of it
# may be left.
unload() {
    for try in $(seq $((${1:-10} * 10))); do
        rmmod quic 2>/dev/null && break
        sleep 0.1
    done
    cat /proc/net/quic/conns 2>/dev/null || true
    test ! -e /sys/module/quic
}

# Whether nothing has frightened the kernel since the start, by its log or by what of it is in this file.
quiet() {
    said=${1:-/tmp/kernel.log}
    dmesg >>"$said"
    if grep -E "BUG|WARNING|Oops|panic|KFENCE|KASAN|UBSAN|ODEBUG|leaked|refcount|ref_tracker|blocked for more|rcu: INFO" "$said"; then
        cat "$said"
        return 1
    fi
    # After its first report lockdep does not look any more.
    if test -e $locks && ! grep -q 'debug_locks: *1$' $locks; then
        cat "$said"
        return 1
    fi
    test -e $leaks || return 0
    # What is younger than five seconds is not lost yet; and what only a register knew is known again at the second look.
    for look in first second; do
        sleep 6
        echo scan >$leaks
    done
    ! grep . $leaks
}
