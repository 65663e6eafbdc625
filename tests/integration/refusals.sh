#!/bin/sh
# What stops the daemon from starting, and what does not stop it: each mistake
# is told with what to do, and nothing is half-started.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(cd "${RESOPRO_BUILD:-build}" && pwd) || exit 1
[ -x "$B/resoprod" ] && [ -x "$B/resopro" ] || exit 77
T=$(mktemp -d) || exit 1
STAGE=$T/stage
export STAGE
. tests/support/stage.sh
trap 'stage_down; rm -rf "$T"' EXIT
trap 'exit 130' INT TERM
failed=0

# refuses CLAIM WORDS COMMAND...: fails soon, and says so.
refuses()
{
	claim=$1 words=$2
	shift 2
	timeout 20 "$@" > "$T/out" 2>&1 < /dev/null
	code=$?
	if [ "$code" -ne 0 ] && [ "$code" -lt 124 ] &&
	    grep -qE -- "$words" "$T/out"; then
		echo "[       OK ] $claim"
	else
		failed=1
		echo "[  FAILED  ] $claim"
		echo "exit $code; expected: $words"
		cat "$T/out"
	fi
}

stage_up || exit 1
conf=$STAGE/resoprod.conf
refuses second_daemon__same_directory__refused 'in use|another|holds|lock' \
	resoprod -c "$conf"
refuses init__register_exists__refused 'exist|already|another|holds' \
	resoprod -c "$conf" --init agence
stage_down

sed '/dir = .*data/a mapsize = 1GiB' "$conf" > "$T/key.conf"
refuses config__unknown_key__file_line_and_what_is_allowed \
	'key.conf:[0-9]+: \[store\].*mapsize' resoprod -t -c "$T/key.conf"
sed "s|server.key|account-agence.key|" "$conf" > "$T/pair.conf"
refuses tls__key_of_another_certificate__named 'key' resoprod -c "$T/pair.conf"
sed "s|$STAGE/data|$T/absent|" "$conf" > "$T/absent.conf"
refuses store__absent_directory__says_init 'absent' resoprod -c "$T/absent.conf"
sed "s|$PWD/config|$T|" "$conf" > "$T/data.conf"
refuses data__no_files__named "$T" resoprod -c "$T/data.conf"
refuses arguments__unknown_option__usage 'usage' resoprod --frobnicate

if resoprod -c "$conf" --verify > "$T/out" 2>&1; then
	echo "[       OK ] verify__after_a_clean_stop__nothing_differs"
else
	failed=1
	echo "[  FAILED  ] verify__after_a_clean_stop__nothing_differs"
	cat "$T/out"
fi
stage_start && kill -HUP "$DAEMON" && resopro whoami > "$T/out" 2>&1 || failed=1
stage_down
grep -q 'event=reloaded' "$STAGE/resoprod.log" || { echo "no reload"; failed=1; }
exit "$failed"
