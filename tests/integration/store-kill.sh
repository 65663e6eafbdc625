#!/bin/sh
# store-kill.sh - SIGKILL at random moments, many times, on a real file
# system: see tests/support/store/hammer.c.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(cd "${RESOPRO_BUILD:-build}" && pwd) || exit 1
[ -f "$B/libstore.a" ] || { echo "not built"; exit 77; }
T=$(mktemp -d) || exit 1
# A disk, if that is not one: the build is on it.
case $(stat -f -c %T "$T") in
tmpfs | ramfs)
	rmdir "$T"
	T=$(mktemp -d -p "$B") || exit 1
	;;
esac
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM

"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O1 -g -Idaemon -Iproto -o "$T/hammer" \
    tests/support/store/hammer.c -Wl,--start-group "$B/libstore.a" \
    "$B/libdomain.a" "$B/libbase.a" "$B/libwire.a" -Wl,--end-group \
    -llmdb -lxxhash -lcrypto -levent_core -levent_pthreads -lsystemd -lm \
    -pthread || exit 1
"$T/hammer" "$T/store" 60
