#!/bin/sh
# Runs in the booted kernel, as its root: `test.sh quic.ko PROGRAM PKI CYCLES`, where PROGRAM makes QUIC by the C library's socket calls
# alone, PKI has certificates for localhost, and CYCLES is how often the module comes and goes. Says "all held" last if all did.
set -e
module=$1
program=$2
pki=$3
cycles=$4
here=$(dirname "$0")
. "$here/quiet.sh"

# The files of the machine outside are slow to read, and there are many starts.
strip -o /tmp/program "$program"
program=/tmp/program
strip --strip-debug -o /tmp/quic.ko "$module"
module=/tmp/quic.ko
ip link set lo up

# What a server is told that waits for it.
mkfifo /tmp/told
exec 3<>/tmp/told

# A server of this kind that listens at this address; its process is $server.
serve() {
    "$program" server "$1" "$2" "$pki/cert.pem" "$pki/key.pem" <&3 &
    server=$!
    listening "$2"
}

stop() {
    kill -9 $server
    wait $server 2>/dev/null || true
}

# A client. On a machine that gives an emulator a tenth of itself a handshake takes longer than the ten seconds that it has, which its
# SO_ERROR says: that is tried again, for two minutes, and nothing else is.
patient() {
    end=$(($(date +%s) + 120))
    while ! timeout 60 "$program" "$@" 2>/tmp/failed; do
        cat /tmp/failed >&2
        grep -q "kind: TimedOut" /tmp/failed && test "$(date +%s)" -lt "$end" || return 1
    done
}

# A program that speaks to itself through the module: a process for each connection, and one with epoll for all.
echoes() {
    for how in fork epoll; do
        serve $how "$1"
        for word in one two three; do
            patient client "$1" "$pki/ca.pem" "$word" | grep -x "$word"
        done
        stop
    done
}

# What one of the program's clients prints, line by line.
says() {
    patient "$1" 127.0.0.1:4435 "$pki/ca.pem" >/tmp/said
    cat >/tmp/expected
    diff /tmp/said /tmp/expected
}

# Tells the server to go on, once the client has said this.
tell_after() {
    until grep -q "^$1" /tmp/said; do
        sleep 0.1
    done
    echo >&3
}

insmod "$module" prove=1
dmesg | grep -q "packet protection is that of RFC 9001"
echoes 127.0.0.1:4433
echoes '[::1]:4434'

serve serial 127.0.0.1:4435
says stream <<END
write 9
read by itself
END
patient waits 127.0.0.1:4435 "$pki/ca.pem" >/tmp/said
grep -q "^interrupted Some(4) [1-9]" /tmp/said
grep -q "^timeout Some(11) [3-9]" /tmp/said
grep -q "^restarted 4" /tmp/said
stop

serve late 127.0.0.1:4435
{
    tell_after full
    tell_after said
} &
says masks <<END
fresh 0x14
connecting 0x0
established 0x4
full 0x0 WouldBlock
room 0x4
answer 0x1
said 2
closed 0x2018
closed 0x201d
end Some(NotConnected)
END
stop

python3 "$here/vm/sockets.py" "$program" "$pki"
python3 "$here/vm/ports.py" "$program" "$pki"
python3 "$here/vm/pages.py" "$program" "$pki"
python3 "$here/vm/links.py" "$program" "$pki"
python3 "$here/vm/ends.py" "$program" "$pki"
python3 "$here/vm/edges.py" "$program" "$pki"

# While there is a socket the module stays.
serve fork 127.0.0.1:4433
: >/tmp/held
until grep -q holding /tmp/held; do
    "$program" hold 127.0.0.1:4433 "$pki/ca.pem" >/tmp/held 2>/tmp/failed &
    holder=$!
    while kill -0 $holder && ! grep -q holding /tmp/held; do
        sleep 0.1
    done 2>/dev/null
    # As in patient().
    grep -q holding /tmp/held || grep "kind: TimedOut" /tmp/failed
done
rmmod quic 2>&1 | grep -q "in use"
stop
kill -9 $holder
wait $holder 2>/dev/null || true
# The server's child has its connection still; its peer is gone.
unload

# The kernel asks for the module when a program wants such a socket.
cat >/tmp/modprobe <<END
#!/bin/sh
for alias in \$(modinfo -F alias "$module"); do
    for wanted in "\$@"; do
        case "\$wanted" in
            \$alias) exec insmod "$module" ;;
        esac
    done
done
exit 1
END
chmod +x /tmp/modprobe
loader=$(cat /proc/sys/kernel/modprobe)
echo /tmp/modprobe >/proc/sys/kernel/modprobe
for family in AF_INET AF_INET6; do
    python3 -c "import socket; socket.socket(socket.$family, socket.SOCK_DGRAM, 261)"
    test -e /sys/module/quic
    unload
done
echo "$loader" >/proc/sys/kernel/modprobe

python3 "$here/vm/cycles.py" "$program" "$pki" "$module" "$cycles"

dmesg --notime | grep quic:
quiet
echo "all held"
