#!/bin/sh
# Runs in a booted kernel that watches itself, as its root: `prove.sh PART quic.ko PROGRAM PKI SEED NUMBER…`, where PART is `load` with
# so many handshakes and MiB, `fuzz` with so many calls, or `faults` with so many failed allocations. Says `done WHAT NUMBER` of what it
# has counted, and "all held" last if all did.
set -e
part=$1
seed=$5
here=$(dirname "$0")
. "$here/quiet.sh"

# The files of the machine outside are slow to read, and there are many starts.
mkdir /tmp/bin
cp "$(command -v busybox)" /tmp/bin
for tool in awk cat grep sh sleep sort tail tee; do
    ln -s busybox /tmp/bin/$tool
done
PATH=/tmp/bin:$PATH
# A kind of socket that there is not would be looked for with modprobe each time, which takes a hundred times as long as the call.
echo >/proc/sys/kernel/modprobe
strip -g -o /tmp/quic.ko "$2"
cp "$3" /tmp/program
cp -r "$4" /tmp/pki
module=/tmp/quic.ko
program=/tmp/program
pki=/tmp/pki
ip link set lo up

# Starts a server at an address; its process is $server.
begin() {
    "$program" "$@" >/tmp/server.log 2>&1 &
    server=$!
    listening "$at" && return
    cat /tmp/server.log
    return 1
}

end() {
    kill -9 $server 2>/dev/null || true
    wait $server 2>/dev/null || true
}

# `load HANDSHAKES MEBIBYTES`.
load() {
    at=127.0.0.1:4433
    before=$(finished)
    begin server epoll $at "$pki/cert.pem" "$pki/key.pem"
    "$program" echoes $at "$pki/ca.pem" "$1"
    handshakes=$(($(finished) - before))
    end
    at=127.0.0.1:4434
    begin perf-server $at "$pki/cert.pem" "$pki/key.pem" 65536
    # So many MiB each way, one after the other.
    at_once=$(($2 < 32 ? ($2 + 1) / 2 : 16))
    moved=0
    while test $moved -lt "$2"; do
        for way in bulk-down bulk-up; do
            "$program" perf $at "$pki/ca.pem" $way $((at_once << 20)) 65536
            moved=$((moved + at_once))
        done
        echo "$moved MiB"
    done
    end
}

# `fuzz CALLS`: two processes on their own make half of them each, in namespaces that go when they end.
fuzz() {
    half=$((($1 + 1) / 2))
    for one in 1 2; do
        {
            unshare --net sh -e -c 'ip link set lo up; exec "$@"' sh "$program" abi fuzz --seed "$((seed + one * 1000000))" \
                --calls $half 2>&1 || echo "fuzzer $one failed"
        } | tee "/tmp/fuzz.$one" &
    done
    wait
    if grep -h failed /tmp/fuzz.?; then
        return 1
    fi
    calls=$(awk '$2 == "calls," && $1 > made[FILENAME] { made[FILENAME] = $1 } END { for (one in made) all += made[one]; print all }' \
        /tmp/fuzz.?)
}

# `starve FROM TO INTERVAL PERCENT TIMES [FROM TO]`: has allocations fail that code between two addresses leads to, so many in a hundred of
# one in so many, so often at most; but none that code between the last two leads to.
starve() {
    for what in failslab fail_page_alloc; do
        cd /sys/kernel/debug/$what
        echo 0 >probability
        echo "$1" >require-start
        echo "$2" >require-end
        echo "${6:-0}" >reject-start
        echo "${7:-0}" >reject-end
        echo 32 >stacktrace-depth
        echo N >ignore-gfp-wait
        echo N >task-filter
        echo 0 >verbose
        echo "$3" >interval
        echo "$5" >times
        echo "$4" >probability
        cd - >/dev/null
    done
    echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
}

sated() {
    starve 0x0 0x0 1 0 0
}

# The addresses of the module's code.
code() {
    from=$(awk '$1 == "quic" { print $6 }' /proc/modules)
    to=0x$(awk '$NF == "[quic]" && $2 ~ /[tT]/ { print $1 }' /proc/kallsyms | sort | tail -n 1)
    test -n "$from" && test "$to" != 0x
    echo "$from $to"
}

# The addresses of a function of the kernel's.
function_at() {
    sort /proc/kallsyms | awk -v name="$1" '
        $3 == name { print "0x" $1; at = $1 }
        at && $1 != at { print "0x" $1; exit }'
}

# Where memory is refused to it once while it comes, the module comes whole or not at all. What the kernel allocates to list a cache in
# /sys is left out: that is five of six allocations, and for the module all of them are a cache that it does not get.
comes() {
    starve $(function_at do_one_initcall) 1 0 0 $(function_at sysfs_slab_add)
    python3 "$here/vm/comes.py" "$module"
    sated
}

# Failures that are still to come.
left() {
    cat /sys/kernel/debug/failslab/times
}

faults() {
    at=127.0.0.1:4433
    round=0
    while test "$(left)" -gt 0; do
        round=$((round + 1))
        # Whoever has no memory says so, and its server is another one next time.
        begin server epoll $at "$pki/cert.pem" "$pki/key.pem" || true
        for try in 1 2 3; do
            timeout 60 "$program" client $at "$pki/ca.pem" fed >/dev/null 2>&1 || true
        done
        end
        timeout 600 "$program" abi fuzz --seed $((seed + round)) --calls 5000 --starved
        echo "$(($1 - $(left))) failures"
    done
}

case $part in
    load)
        insmod "$module" prove=1
        load "$6" "$7"
        echo "done handshakes $handshakes"
        echo "done MiB $moved"
        ;;
    fuzz)
        insmod "$module"
        fuzz "$6"
        echo "done calls $calls"
        ;;
    faults)
        insmod "$module"
        starve $(code) 97 100 "$6"
        faults "$6"
        echo "done failures $(($6 - $(left)))"
        sated
        # Where there is memory again all is well again.
        load 3 2
        unload 60
        comes
        insmod "$module"
        ;;
esac
unload 60
quiet
echo "all held"
