#!/bin/sh
# Runs in the booted kernel, as its root: `replay.sh quic_replay.ko REPLAY`, where REPLAY plays the same script in a process. The engine
# of the module and that of a process send the same datagrams, byte for byte. Says "all held" last if all did.
set -e
module=$1
replay=$2
. "$(dirname "$0")/quiet.sh"

strip -o /tmp/replay "$replay"
replay=/tmp/replay
modprobe -a $(modinfo -F softdep "$module" | sed 's/^pre: //')

for seed in 1 2; do
    insmod "$module" seed=$seed
    cat /proc/quic_replay >/tmp/record
    rmmod quic_replay
    "$replay" $seed /tmp/record
done

# One bit elsewhere is noticed, and so is another script.
size=$(stat -c %s /tmp/record)
cp /tmp/record /tmp/changed
python3 - <<END
with open("/tmp/changed", "r+b") as file:
    file.seek($size // 2)
    byte = file.read(1)[0]
    file.seek($size // 2)
    file.write(bytes([byte ^ 1]))
END
if "$replay" 2 /tmp/changed || "$replay" 3 /tmp/record; then
    echo "a difference that nobody noticed"
    exit 1
fi

dmesg --notime | grep quic:
quiet
echo "all held"
