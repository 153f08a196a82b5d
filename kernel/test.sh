#!/bin/sh
# Runs in the booted kernel, as its root: `test.sh quic.ko`. Says "all held" last if all did.
set -e
module=$1

dmesg --clear
modprobe --all udp_tunnel ip6_udp_tunnel
insmod "$module" prove=1
dmesg --notime
dmesg | grep -q "packet protection is that of RFC 9001"
test -e /sys/module/quic
rmmod quic
test ! -e /sys/module/quic

# Nothing may have frightened the kernel.
if dmesg | grep -E "BUG|WARNING|Oops|panic|KFENCE|leaked"; then
    exit 1
fi
echo "all held"
