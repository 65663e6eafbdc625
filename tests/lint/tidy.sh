#!/bin/sh
# clang-tidy with .clang-tidy over every C file of the product.
set -eu
cd "$(dirname "$0")/../.."
build=${RESOPRO_BUILD:-build}
[ -d "$build/gen" ] || { echo "build first: no $build/gen"; exit 1; }
git ls-files 'daemon/*.c' 'proto/*.c' 'client/*.c' |
while read -r file; do [ -f "$file" ] && echo "$file"; done |
xargs -P 2 -n 6 sh -c '
	build=$0
	out=$(clang-tidy --quiet "$@" -- -std=gnu11 -D_GNU_SOURCE \
		-DRESOPRO_VERSION="\"0\"" -Idaemon -Iproto -Iinclude \
		-isystem "$build/gen" 2>/dev/null) || { echo "$out"; exit 1; }
	[ -z "$out" ] || { echo "$out"; exit 1; }
' "$build"
