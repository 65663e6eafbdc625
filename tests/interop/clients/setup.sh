# shellcheck shell=sh
# setup.sh - a register of Normandy for a stock client; sourced by the tests
# of this folder.  After it: T, a scratch directory; B, the build directory;
# RESOPRO_SERVER, RESOPRO_CA, and PKI, where account-ID.pem and .key are.
# The daemon ends with the script, and must end cleanly: finish() says so.

cd "$(dirname "$0")/../.." || exit 1
B=$(cd "${RESOPRO_BUILD:-build}" && pwd) || exit 1
if ! [ -x "$B/resoprod" ] || ! [ -x "$B/resopro" ]; then
	echo "no programs in $B yet"
	exit 77
fi
T=$(mktemp -d) || exit 1
STAGE=$T/stage
PKI=$STAGE/pki
export T B PKI
. tests/support/stage.sh
trap 'stage_down; rm -rf "$T"' EXIT
trap 'exit 130' INT TERM
stage_up || exit 1
stage_load > "$T/load" 2>&1 || { tail -30 "$T/load"; exit 1; }
stage_accounts || exit 1

# The daemon still lives, stops when told to, and found nothing wrong.
finish()
{
	kill "$DAEMON" || { echo "FAILED: the daemon is gone"; exit 1; }
	wait "$DAEMON"
	code=$?
	DAEMON=
	if [ "$code" -ne 0 ] ||
	    grep -qE 'Sanitizer|level=error|assert' "$STAGE/resoprod.log"; then
		echo "FAILED: the daemon ended with $code"
		tail -30 "$STAGE/resoprod.log"
		exit 1
	fi
}
