#!/bin/sh
# The examples of client/examples, as their README says, against a register: a
# night's set, the same again, a change, a refusal, a server that is away, and a
# run that is killed when the register has applied its set and it does not know.
set -u
. "$(dirname "$0")/clients/setup.sh"
mkdir -p "$T/py"
(cd proto && protoc -I . -I /usr/include --python_out="$T/py" \
    --grpc_python_out="$T/py" \
    --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
    resopro/v1/types.proto resopro/v1/registry.proto) || exit 1
NODE_PATH=$B/npm/node_modules
RESOPRO_PROTO=$PWD/proto
export NODE_PATH RESOPRO_PROTO
stage_as bocage
code=0

python() { PYTHONPATH=$T/py /usr/bin/python3 client/examples/nightly_sync.py "$@"; }
node() { command node client/examples/nightly-sync.js "$@"; }

check() { # NAME EXPECTED-EXIT EXIT WORDS
	if [ "$2" -eq "$3" ] && grep -q "$4" "$T/out"; then
		echo "[       OK ] $1"
	else
		echo "[  FAILED  ] $1"
		echo "exit $3; no \"$4\" in:"
		cat "$T/out"
		code=1
	fi
}

# run NAME EXPECTED-EXIT WORDS ARGUMENT...: in the language that is tested
run() {
	name=${lang}__$1 want=$2 words=$3
	shift 3
	"$lang" "$@" >"$T/out" 2>&1
	check "$name" "$want" $? "$words"
}

# A relay that stops answering once so many bytes have gone up: the program has
# sent all and waits.
relay() { # PORT-FILE
	/usr/bin/python3 - "${RESOPRO_SERVER#*:}" >"$1" <<-'END' &
	import socket, sys, threading
	far_port = int(sys.argv[1])
	near = socket.create_server(("127.0.0.1", 0))
	print(near.getsockname()[1], flush=True)
	a, _ = near.accept()
	b = socket.create_connection(("127.0.0.1", far_port))
	up = 0
	def down():
	    while data := b.recv(65536):
	        if up < 20000:
	            a.sendall(data)
	threading.Thread(target=down, daemon=True).start()
	while data := a.recv(65536):
	    up += len(data)
	    b.sendall(data)
	END
	RELAY=$!
	for _ in $(seq 100); do
		[ -s "$1" ] && return
		sleep 0.05
	done
}

# In the background, as itself: its process id is the program's.
start() {
	case $lang in
	python) PYTHONPATH=$T/py exec /usr/bin/python3 \
	    client/examples/nightly_sync.py "$@" ;;
	node) exec node client/examples/nightly-sync.js "$@" ;;
	esac
}

revision() {
	resopro whoami -o json | sed -n 's/.*"revision": "\([0-9]*\)".*/\1/p'
}

killed_when_applied() {
	for i in $(seq 150); do
		sed "s/FL-0\(.\)/FL-$i-\1/; s/, accueil/ $i, accueil/; s/, perm/ $i, perm/" \
		    client/examples/sites.jsonl
	done >"$T/many"
	relay "$T/port"
	before=$(revision)
	(RESOPRO_SERVER=localhost:$(cat "$T/port") start "$T/many") \
	    >"$T/first" 2>&1 &
	pid=$!
	for _ in $(seq 200); do
		[ "$(revision)" != "$before" ] && break
		sleep 0.05
	done
	kill -9 $pid
	wait $pid 2>/dev/null
	kill $RELAY 2>/dev/null
	wait $RELAY 2>/dev/null
	after=$(revision)
	[ -s "$RESOPRO_STATE" ] && [ "$after" != "$before" ] ||
		echo "not as staged: $before, $after" >"$T/many"
	run killed_when_applied__next_run_learns_it_was_done 0 \
	    "^revision $after: 300 created.*by an earlier run" "$T/many"
	[ "$(revision)" = "$after" ] || { echo "applied twice"; code=1; }
	run same_set_next_night__unchanged 0 \
	    ' 0 created, 0 updated, 300 unchanged' "$T/many"
}

both() {
	RESOPRO_SOURCE=example-$lang
	RESOPRO_STATE=$T/$lang.state
	export RESOPRO_SOURCE RESOPRO_STATE
	cp client/examples/sites.jsonl "$T/sites"
	run first_night__all_created 0 ': 2 created, 0 updated' "$T/sites"
	run same_set__unchanged 0 ': 0 created, 0 updated, 2 unchanged' "$T/sites"
	sed -i 's/02 61 91 00 02/02 61 91 00 09/' "$T/sites"
	run a_change__shown_and_updated 0 'telephone: .*02 -> .*09' "$T/sites"
	sed -i 's/"61145"/"99999"/' "$T/sites"
	run a_wrong_value__refused_with_remedy 1 'code_insee' "$T/sites"
	[ ! -e "$RESOPRO_STATE" ] || { echo "its intention stays"; code=1; }
	killed_when_applied
	run most_would_be_retired__refused 1 'RETIRE\|retire' \
	    client/examples/sites.jsonl
	run number_confirmed__retired 0 ': 2 created, 0 updated, 0 unchanged, 300 retired' \
	    client/examples/sites.jsonl --confirm-retire 300
}

away() {
	RESOPRO_SERVER=localhost:$(stage_port)
	run server_away__try_later 75 UNAVAILABLE "$T/sites"
	[ -s "$RESOPRO_STATE" ] || { echo "its intention is lost"; code=1; }
}

lang=python
both
(away; exit $code) || code=1
if [ -d "$NODE_PATH/@grpc/grpc-js" ]; then
	lang=node
	both
else
	echo "no npm packages in $NODE_PATH: make deps"
fi
[ $code -eq 0 ] && finish
exit $code
