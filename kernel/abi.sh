#!/bin/sh
# Runs in the booted kernel, as its root: `abi.sh quic.ko PROGRAM PKI`, where PROGRAM makes QUIC by the C library's socket calls alone, and
# PKI has certificates for localhost. Every check of the ABI that is made under `inquic run`, and calls at random. Says "all held" last if
# all did.
set -e
module=$1
program=$2
pki=$3
here=$(dirname "$0")
. "$here/quiet.sh"

# The files of the machine outside are slow to read, and there are many starts.
strip -o /tmp/program "$program"
program=/tmp/program
ip link set lo up
fetch "$module"
insmod "$module"
# Whoever makes the first connection does not wait for its cipher.
for cipher in "gcm(aes)" "ccm(aes)" "rfc7539(chacha20,poly1305)" "chacha20"; do
    grep -qx "name *: $cipher" /proc/crypto
done

if ! "$program" abi run "$pki" >/tmp/checks 2>/tmp/why; then
    cat /tmp/why
    grep "^not ok" /tmp/checks
    exit 1
fi
grep "# SKIP" /tmp/checks
echo "$(grep "^ok" /tmp/checks | grep -vc "# SKIP") checks of the ABI held"

# Of root and of an ordinary user: no errno but the ABI's, and /proc/net/quic is as before.
for seed in 1 2; do
    "$program" abi fuzz --seed "$seed" --calls 5000
    setpriv --reuid 1000 --regid 1000 --clear-groups "$program" abi fuzz --seed "1$seed" --calls 5000
done

python3 "$here/vm/memory.py" "$program" "$pki"
# A kernel that watches itself keeps much beside each piece of memory.
test -e "$locks" || python3 "$here/vm/idle.py" "$program" "$pki"

unload

dmesg --notime | grep quic:
quiet
echo "all held"
