#!/bin/sh
# Runs in the booted kernel, as its root: `api.sh quic.ko FOLDER PKI WORD...`. The programs in FOLDER, which are tests of the Rust API and the
# command `inquic`, use the module's sockets by themselves; the tests are given these words. Says "all held" last if all did.
set -e
module=$1
folder=$2
pki=$3
shift 3
. "$(dirname "$0")/quiet.sh"

# The files of the machine outside are slow to read.
cp -r "$folder" /tmp/api
ip link set lo up
fetch "$module"
insmod "$module"

for test in /tmp/api/tests/*; do
    before=$(finished)
    "$test" --test-threads 4 "$@"
    # What fell back to a process would hold as well.
    case $test in
        */blocking | */tokio | */datagrams) test $(($(finished) - before)) -ge 5 ;;
    esac
done

mkdir /tmp/files /tmp/fetched
head -c 5000000 /dev/urandom >/tmp/files/large
before=$(finished)
/tmp/api/inquic serve /tmp/files --listen 127.0.0.1:4466 --cert "$pki/cert.pem" --key "$pki/key.pem" >/tmp/server.log 2>&1 &
server=$!
listening :4466
INQUIC_HOME=kernel /tmp/api/inquic get localhost:4466/large /tmp/fetched --ca "$pki/ca.pem"
cmp /tmp/files/large /tmp/fetched/large
kill -INT $server
wait $server || true
test $(($(finished) - before)) -eq 1

unload

dmesg --notime | grep quic:
quiet
echo "all held"
