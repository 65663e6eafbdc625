#!/bin/sh
# The programs of libresopro(3) as a member would take them: cut out of the
# manual, compiled with pkg-config and nothing else against what `make install`
# puts down, run with the shared library against resoprod - and against two
# servers of which the first is away.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(cd "${RESOPRO_BUILD:-build}" && pwd) || exit 1
[ -x "$B/resoprod" ] && [ -f "$B/libresopro.so" ] || exit 77
T=$(mktemp -d) || exit 1
STAGE=$T/stage
# shellcheck source=tests/support/stage.sh
. tests/support/stage.sh
trap 'stage_down; rm -rf "$T"' EXIT
trap 'exit 130' INT TERM
code=0

check() { # NAME EXPECTED FILE
	if [ "$(cat "$3")" = "$2" ]; then
		echo "[       OK ] $1"
	else
		echo "[  FAILED  ] $1"
		cat "$3"
		code=1
	fi
}

# The example behind the comment that names it.
cut_out() { # NAME
	sed -n "/^\\.\\\\\" $1\$/,/^\\.Ed/p" client/lib/libresopro.3 |
	    sed -e '/^\./d' -e 's/\\e/\\/g' >"$T/$1"
	[ -s "$T/$1" ] || { echo "libresopro(3) has no $1"; exit 1; }
}

build() { # NAME
	cut_out "$1.c"
	# shellcheck disable=SC2046 # words
	${CC:-cc} -Wall -Wextra -Werror -o "$T/$1" "$T/$1.c" \
	    $(pkg-config --cflags --libs resopro) || exit 1
}

make --no-print-directory B="$B" DESTDIR="$T/tree" PREFIX=/usr install \
    >"$T/log" 2>&1 || { cat "$T/log"; exit 1; }
export PKG_CONFIG_PATH="$T/tree/usr/lib/pkgconfig"
export PKG_CONFIG_SYSROOT_DIR="$T/tree"
build name
build names

stage_up || exit 1
stage_load --quiet >"$T/load.log" || { cat "$T/load.log"; exit 1; }
LD_LIBRARY_PATH=$T/tree/usr/lib
export LD_LIBRARY_PATH
expected=$(resopro show organisation "$MEMBER" -o json |
    sed -n 's/.*"nom": "\(.*\)",*$/\1/p' | head -n 1)
[ -n "$expected" ] || exit 1

"$T/name" "$MEMBER" >"$T/out" 2>&1
check manual__blocking_example__prints_the_name "$expected" "$T/out"
"$T/names" "$MEMBER" "$MEMBER" >"$T/out" 2>&1
check manual__loop_example__prints_the_names "$expected
$expected" "$T/out"
"$T/name" nobody >"$T/out" 2>&1
check manual__blocking_example__says_why_not \
    "NOT_FOUND: $(sed -n '1s/^NOT_FOUND: //p' "$T/out")
$(sed -n 2p "$T/out")" "$T/out"
RESOPRO_SERVER=localhost:$(stage_port),$RESOPRO_SERVER
"$T/name" "$MEMBER" >"$T/out" 2>&1
check manual__first_server_away__second_answers "$expected" "$T/out"
resopro --quiet whoami >"$T/out" 2>"$T/err"
grep -q agence "$T/out" && grep -q "Connection refused.* is used" "$T/err" &&
	echo resolved >"$T/out"
check command__first_server_away__second_answers_and_is_told resolved "$T/out"
exit $code
