#!/bin/sh
# Runs in the booted kernel, as its root: `users.sh quic.ko quic_sample.ko AGENT PROGRAM PKI LIBQUIC`. Users in the kernel make QUIC with
# programs, by the handshake service and the agent; and what happens where there is no agent. Says "all held" last if all did.
set -e
module=$1
sample=$2
agent=$3
program=$4
pki=$5
library=$6
here=$(dirname "$0")
. "$here/quiet.sh"

# The files of the machine outside are slow to read, and there are many starts.
strip -o /tmp/program "$program"
strip -o /tmp/agent "$agent"
program=/tmp/program
agent=/tmp/agent
ip link set lo up
insmod "$module"

folder=$(mktemp -d)
cat > "$folder/agent.toml" <<END
[client]
roots = "$pki/ca.pem"
[[certificate]]
names = ["localhost"]
chain = "$pki/cert.pem"
key = "$pki/key.pem"
END

# What was said until then, where something fails.
tell() {
    for log in "$folder"/*.log; do
        echo "-- $log"
        cat "$log"
    done
    dmesg --notime | tail -n 40
}
trap 'test $? = 0 || tell' EXIT

# Waits until a file says a word.
until_said() {
    for half in $(seq 120); do
        grep -q "$1" "$2" && return
        sleep 0.5
    done
    cat "$2"
    exit 1
}

# Waits until the kernel's log says it: a server's user hears later than its client.
logged() {
    for half in $(seq 120); do
        dmesg | grep "$1" && return
        sleep 0.5
    done
    return 1
}

begin_agent() {
    "$agent" --config "$folder/agent.toml" 2> "$folder/agent.log" &
    agent_pid=$!
    until_said ready "$folder/agent.log"
}

# On a machine that gives an emulator a tenth of itself a handshake takes longer than the ten seconds that it has, which a program's
# error or the kernel's log says: that is tried again, for three minutes, and nothing else is.
again() {
    end=$(($(date +%s) + 180))
    while true; do
        : > "$folder/failed"
        dmesg >> "$folder/kernel.log"
        dmesg --clear
        "$@" && return
        cat "$folder/failed"
        grep -q "kind: TimedOut" "$folder/failed" || dmesg | grep -q "no handshake: -110" || return 1
        test "$(date +%s)" -lt "$end" || return 1
        echo "too slow: $*"
    done
}

# A client in a program, of a server in the kernel.
asks() {
    timeout 60 "$program" client "$1" "$pki/ca.pem" "$2" > "$folder/said" 2> "$folder/failed" || return
    grep -x "$2" "$folder/said"
}

# A client in the kernel, which is made and gone with the module.
client() {
    insmod "$sample" role=client timeout_ms=30000 "$@" && rmmod quic_sample
}

# Whether the client fails with this errno, by the log, within so many seconds.
fails() {
    errno=$1
    at_most=$2
    shift 2
    dmesg >> "$folder/kernel.log"
    dmesg --clear
    start=$(date +%s)
    if client "$@"; then
        echo "a client that should not have succeeded: $*"
        exit 1
    fi
    took=$(($(date +%s) - start))
    dmesg --notime | grep quic_sample
    dmesg | grep -q "client: no handshake: -$errno" && test $took -le "$at_most"
}

# Whether a client gets on that asked while the agent did not answer, by another agent in its place.
late() {
    kill -STOP $agent_pid
    (client port=4453 && echo came >> "$folder/late") &
    request=$!
    # Somebody has to listen when the request is made.
    until_said '^quic_sample .*Loading' /proc/modules
    sleep 1
    kill -KILL $agent_pid
    wait $agent_pid
    begin_agent
    wait $request
    test -e "$folder/late"
}

"$agent" --config "$folder/agent.toml" --check

echo "== no agent: refused at once"
fails 3 25 port=4450

echo "== a server in the kernel, clients in programs"
begin_agent
insmod "$sample" role=server timeout_ms=30000 port=4451
for word in one two three; do
    again asks 127.0.0.1:4451 "$word"
done
rmmod quic_sample
insmod "$sample" role=server timeout_ms=30000 address=::1 port=4452
again asks '[::1]:4452' six
rmmod quic_sample

echo "== clients in the kernel, a server in a program"
"$program" server fork 127.0.0.1:4453 "$pki/cert.pem" "$pki/key.pem" > "$folder/server.log" 2>&1 &
server=$!
until_said listening "$folder/server.log"
again client port=4453 "words=there_and_back"
dmesg | grep 'client: "there_and_back" came back'

echo "== a name that the server cannot prove"
# EKEYREJECTED, with the alert bad_certificate, which the server hears as well.
again fails 129 60 port=4453 name=other.example
dmesg | grep "closed with 0x12a"
until_said 'PeerAlert(42)' "$folder/server.log"

echo "== pre-shared keys: a server in the kernel, clients in programs"
shared() {
    timeout 60 python3 "$here/vm/shared.py" "$program" "$pki" "$@"
}
# A client with the keys of a file.
asks_shared() {
    shared client "$library" "$folder/$1" 127.0.0.1 4454 "$2" > "$folder/said" 2> "$folder/failed" || return
    grep -x "$2" "$folder/said"
}
# Whether one does not get on with those keys.
asks_in_vain() {
    ! asks_shared "$1" in_vain && grep -x "no handshake: $2" "$folder/failed"
}
one=00112233445566778899aabbccddeeff
two=ffeeddccbbaa99887766554433221100
echo "one:$one" > "$folder/keys"
echo "one:$two" > "$folder/wrong"
echo "three:$two" > "$folder/unknown"
serial=$(shared key one $one)
insmod "$sample" role=server timeout_ms=30000 port=4454 psk=$serial
again asks_shared keys seven
until_said 'by the key one' "$folder/agent.log"
# ECONNABORTED at the client, for which it is the peer who ended it; EKEYREJECTED at the server, with the alert decrypt_error, and with
# unknown_psk_identity.
again asks_in_vain wrong 103
logged "server: no handshake: -129, closed with 0x133"
again asks_in_vain unknown 103
logged "server: no handshake: -129, closed with 0x173"
rmmod quic_sample

echo "== pre-shared keys: clients in the kernel, a server in a program"
python3 "$here/vm/shared.py" "$program" "$pki" server "$library" "$folder/keys" 127.0.0.1 4455 > "$folder/shared.log" 2>&1 &
shared_server=$!
until_said listening "$folder/shared.log"
again client port=4455 psk=$serial "words=by_key"
dmesg | grep 'client: "by_key" came back'
again fails 103 60 port=4455 psk=$(shared key four $two)
dmesg | grep "client: no handshake: -103, closed with 0x173"
kill $shared_server
wait $shared_server || true

echo "== a server in each namespace, which goes with it"
insmod "$sample" role=server everywhere=1 timeout_ms=5000 address=0.0.0.0 port=4456
# What is said in the namespace of a process that only sleeps.
asks_within() {
    timeout 60 nsenter --net=$inside "$program" client 127.0.0.1:4456 "$pki/ca.pem" "$1" \
        > "$folder/said" 2> "$folder/failed" || return
    grep -x "$1" "$folder/said"
}
for word in eight nine; do
    unshare --net sleep 1000 &
    sleeper=$!
    inside=/proc/$sleeper/ns/net
    until test "$(readlink $inside)" != "$(readlink /proc/self/ns/net)"; do
        sleep 0.1
    done
    nsenter --net=$inside ip link set lo up
    nsenter --net=$inside "$agent" --config "$folder/agent.toml" 2> "$folder/inner.log" &
    inner=$!
    until_said ready "$folder/inner.log"
    again asks_within $word
    # Its last connection waits for the agent, and nobody has closed it; then nobody is there any more.
    kill -STOP $inner
    nsenter --net=$inside "$program" client 127.0.0.1:4456 "$pki/ca.pem" never > /dev/null 2>&1 &
    waiting=$!
    for half in $(seq 20); do
        test "$(nsenter --net=$inside cat /proc/net/quic/conns | wc -l)" -gt 2 && break
        sleep 0.5
    done
    kill -KILL $waiting $inner $sleeper
    wait $waiting $inner $sleeper || true
    logged "server: gone"
    dmesg >> "$folder/kernel.log"
    dmesg --clear
done
rmmod quic_sample

echo "== an agent that does not answer: given up at the user's deadline"
cat "$folder/agent.log"
kill -STOP $agent_pid
fails 110 25 port=4453 timeout_ms=2000

echo "== an agent that comes late finds what waits"
kill -CONT $agent_pid
again late

echo "== an agent that is told to end ends"
kill -TERM $agent_pid
wait $agent_pid
cat "$folder/agent.log"

kill $server
wait $server || true
unload

quiet "$folder/kernel.log"
echo "all held"
