#!/bin/sh
# library.sh - libresopro against a server that nobody here wrote: Python's
# grpcio, over mutual TLS, behind a relay that can cut connections.  The tests
# are library.c.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(cd "${RESOPRO_BUILD:-build}" && pwd) || exit 1
[ -f "$B/libresopro.a" ] && [ -x "$B/resopro" ] || exit 77
plugin=$(command -v grpc_python_plugin) || exit 77
T=$(mktemp -d) || exit 1
SERVER=
# The server ends when its standard input does.
trap 'exec 9>&-; wait $SERVER; rm -rf "$T"' EXIT
trap 'exit 130' INT TERM

(cd proto && protoc -I . -I /usr/include --python_out="$T" \
    --grpc_python_out="$T" --plugin=protoc-gen-grpc_python="$plugin" \
    resopro/v1/*.proto google/rpc/*.proto) || exit 1
{ "$B/resopro" pki init "$T/pki" && "$B/resopro" pki init "$T/other" &&
    "$B/resopro" pki server "$T/pki" localhost &&
    "$B/resopro" pki account "$T/pki" alice; } >"$T/log" 2>&1 ||
	{ cat "$T/log"; exit 1; }

mkfifo "$T/in" "$T/out" || exit 1
PYTHONPATH=$T /usr/bin/python3 tests/support/grpc_server.py "$T/pki" \
    <"$T/in" >"$T/out" &
SERVER=$!
exec 9>"$T/in"
read -r PORT AGEING <"$T/out" || exit 1
export PORT AGEING

# shellcheck disable=SC2086 # words
build() { # PROGRAM FROM
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -g -Wall -Wextra -Werror \
	    ${SANITIZE-} -Iinclude -isystem "$B/gen" -o "$1" "$2" "$B/libresopro.a" \
	    -lssl -lcrypto -lnghttp2 -lprotobuf-c -lz -lcmocka
}

build "$T/library" tests/integration/library.c || exit 1
PKI=$T/pki OTHER=$T/other "$T/library"
exit $?
