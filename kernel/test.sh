#!/bin/sh
# Runs in the booted kernel, as its root: `test.sh quic.ko PROGRAM PKI`, where PROGRAM makes QUIC by the C library's socket calls
# alone and PKI has certificates for localhost. Says "all held" last if all did.
set -e
module=$1
program=$2
pki=$3

dmesg --clear
ip link set lo up
modprobe --all udp_tunnel ip6_udp_tunnel

# A program that speaks to itself through the module: a process for each connection, and one with epoll for all.
echoes() {
    for how in fork epoll; do
        "$program" server $how "$1" "$pki/cert.pem" "$pki/key.pem" &
        server=$!
        sleep 2
        for word in one two three; do
            timeout 60 "$program" client "$1" "$pki/ca.pem" "$word" | grep -x "$word"
        done
        kill $server
        wait $server || true
    done
}

insmod "$module" prove=1
dmesg | grep -q "packet protection is that of RFC 9001"
echoes 127.0.0.1:4433
echoes '[::1]:4434'
# What was closed goes on for a while, three probe timeouts at most.
for second in 1 2 3 4 5 6 7 8 9 10; do
    rmmod quic 2>/dev/null && break
    sleep 1
done
test ! -e /sys/module/quic

insmod "$module"
rmmod quic

# Nothing may have frightened the kernel.
dmesg --notime | grep quic:
if dmesg | grep -E "BUG|WARNING|Oops|panic|KFENCE|leaked"; then
    exit 1
fi
echo "all held"
