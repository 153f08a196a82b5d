#!/bin/sh
# Runs in the booted kernel, as its root: `interop.sh quic.ko ARCHIVE CHOICE ...`. Other implementations of QUIC, and ours in a process, as
# clients and servers of the module: the cells of the interop table that CHOICE names, with the programs in ARCHIVE. Says "all held" last
# if all did.
set -e
module=$1
archive=$2
shift 2
. "$(dirname "$0")/quiet.sh"

# The files of the machine outside are slow to read, and there are many starts.
mkdir /tmp/interop
tar -xf "$archive" -C /tmp/interop
ip link set lo up
fetch "$module"
insmod "$module"

# Who speaks QUIC in a process does so here, too.
export INQUIC_HOME=embedded
/tmp/interop/programs/xtask interop --booted /tmp/interop "$@"

unload

dmesg --notime | grep quic:
quiet
echo "all held"
