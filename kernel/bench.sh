#!/bin/sh
# Runs in the booted kernel, as its root: `bench.sh quic.ko PROGRAM KTLS INQUIC PKI ROUNDS BYTES COUNT`. Measures, in turns, QUIC sockets of
# the module, TCP with TLS in the kernel, and the embedded home: bulk transfers of BYTES each way, and COUNT requests one after the
# other, over the loopback device as it is and at an Ethernet's MTU. Prints a line of JSON for each, with who and where before it.
set -e
module=$1
program=$2
ktls=$3
inquic=$4
pki=$5
rounds=$6
bytes=$7
count=$8
chunk=65536

ip link set lo up
modprobe --all tls udp_tunnel ip6_udp_tunnel
insmod "$module"

"$program" perf-server 127.0.0.1:4433 "$pki/cert.pem" "$pki/key.pem" $chunk &
"$ktls" server 127.0.0.1:4434 "$pki/cert.pem" "$pki/key.pem" &
# The embedded home, though the module is there.
export INQUIC_HOME=embedded
"$inquic" perf server --listen 127.0.0.1:4435 --cert "$pki/cert.pem" --key "$pki/key.pem" --cipher aes128 &
sleep 3

# Trains of datagrams that went out so far: what the UDP stack was asked to send.
trains() {
    awk '/^Udp: [0-9]/ { print $5 }' /proc/net/snmp
}

# measure WHO WHERE COMMAND ...
measure() {
    who=$1
    where=$2
    shift 2
    trains=$(trains)
    line=$(timeout 300 "$@" | grep '^{')
    echo "$who $where $(($(trains) - trains)) $line"
}

round() {
    for mode in bulk-down bulk-up; do
        measure quic "$1" "$program" perf 127.0.0.1:4433 "$pki/ca.pem" $mode "$bytes" $chunk
        measure ktls "$1" "$ktls" client 127.0.0.1:4434 "$pki/ca.pem" $mode "$bytes"
        measure embedded "$1" "$inquic" perf client --json --connect 127.0.0.1:4435 --server-name localhost \
            --ca "$pki/ca.pem" --cipher aes128 --mode $mode --bytes "$bytes"
    done
    measure quic "$1" "$program" perf 127.0.0.1:4433 "$pki/ca.pem" rr "$count" $chunk
    measure ktls "$1" "$ktls" client 127.0.0.1:4434 "$pki/ca.pem" rr "$count"
    measure embedded "$1" "$inquic" perf client --json --connect 127.0.0.1:4435 --server-name localhost \
        --ca "$pki/ca.pem" --cipher aes128 --mode rr --in-flight 1 --count "$count"
}

for mtu in 1500 65536; do
    ip link set lo mtu $mtu
    for i in $(seq "$rounds"); do
        round $mtu
    done
done
echo "all held"
