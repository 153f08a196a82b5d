#!/bin/sh
# Runs in the booted kernel, as its root: `replay.sh quic_replay.ko REPLAY`, where REPLAY plays the same script in a process. The engine
# of the module and that of a process send the same datagrams, byte for byte. Says "all held" last if all did.
set -e
module=$1
replay=$2
. "$(dirname "$0")/quiet.sh"

# The files of the machine outside are slow to read, and there are many starts.
cp "$replay" /tmp/replay
replay=/tmp/replay
fetch "$module"

for seed in 1 2; do
    insmod "$module" seed=$seed
    cat /proc/quic_replay >/tmp/record$seed
    rmmod quic_replay
done
# A process takes longer for the script than the module, and there are two processors.
"$replay" 1 /tmp/record1 &
first=$!
"$replay" 2 /tmp/record2 &
second=$!
wait $first
wait $second

# One bit elsewhere is noticed, and so is another script.
size=$(stat -c %s /tmp/record2)
cp /tmp/record2 /tmp/changed
python3 - <<END
with open("/tmp/changed", "r+b") as file:
    file.seek($size // 2)
    byte = file.read(1)[0]
    file.seek($size // 2)
    file.write(bytes([byte ^ 1]))
END
"$replay" 2 /tmp/changed &
first=$!
"$replay" 3 /tmp/record2 &
second=$!
if wait $first || wait $second; then
    echo "a difference that nobody noticed"
    exit 1
fi

dmesg --notime | grep quic:
quiet
echo "all held"
