#!/bin/sh
# cppcheck: warnings and portability.  Generated headers are not searched.
# Left out: memleak does not see a pointer that memcpy() keeps; autoVariables
# refuses a message on the stack that points to its parts; the redundant check
# does not know which functions never return; unnamed parameters have no order.
set -eu
cd "$(dirname "$0")/../.."
dirs=
for dir in daemon proto/wire client/lib client/cli; do
	[ -d "$dir" ] && dirs="$dirs $dir"
done
# shellcheck disable=SC2086 # a list of words
exec cppcheck --quiet --error-exitcode=1 -j 2 --std=c11 -D_GNU_SOURCE \
	--enable=warning,portability --inline-suppr --suppress=missingInclude \
	--suppress=memleak --suppress=autoVariables \
	--suppress=nullPointerRedundantCheck --suppress=funcArgOrderDifferent \
	-I daemon -I proto -I include $dirs
