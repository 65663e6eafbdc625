#!/bin/sh
# store-full.sh - the disk fills up under a store, several times: see
# tests/support/store/full.c.  Needs to mount, in a namespace of its own.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(cd "${RESOPRO_BUILD:-build}" && pwd) || exit 1
[ -f "$B/libstore.a" ] || { echo "not built"; exit 77; }
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 130' INT TERM
mkdir "$T/disk"

# As root, or as root of a user namespace.
# shellcheck disable=SC2016
small_disk() {
	unshare "$@" sh -eu -c '
		mount -t tmpfs -o size=32m none "$1/disk"
		shift
		exec "$@"' sh "$T" "${run:-true}" "$T/disk/store" \
	    "$T/disk/ballast"
}
if small_disk -m 2>/dev/null; then
	how=-m
elif small_disk -mUr 2>/dev/null; then
	how=-mUr
else
	echo "no right to mount a small file system"
	exit 77
fi

"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O1 -g -Idaemon -Iproto -o "$T/full" \
    tests/support/store/full.c -Wl,--start-group "$B/libstore.a" \
    "$B/libdomain.a" "$B/libbase.a" "$B/libwire.a" -Wl,--end-group \
    -llmdb -lxxhash -lcrypto -levent_core -levent_pthreads -lsystemd -lm \
    -pthread || exit 1
run=$T/full
small_disk "$how"
