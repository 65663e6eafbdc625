#!/bin/sh
# libresopro.so exports what client/lib/libresopro.symbols lists (the form is
# dpkg-gensymbols's), no more and no less; that is what the headers declare; and
# the library has no data that a program's threads could share.
set -eu
cd "$(dirname "$0")/../.."
build=${RESOPRO_BUILD:-build}
list=client/lib/libresopro.symbols
[ -f "$build/libresopro.so" ] || { echo "build first"; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

differ() { # WHAT ONE OTHER
	diff "$2" "$3" >"$tmp/diff" && return
	echo "$1"
	grep '^[<>]' "$tmp/diff"
	failed=1
}

nm -D --defined-only --with-symbol-versions "$build/libresopro.so" |
	awk '{ sub("@@", "@", $3); print $3 }' | sort >"$tmp/exported"

# The messages' functions come and go with the .proto files: by patterns.
sed -n 's/^ (regex)"\(.*\)" .*/\1/p' "$list" >"$tmp/patterns"
grep -vE -f "$tmp/patterns" "$tmp/exported" |
	sed 's/^\(RESOPRO_[0-9.]*\)$/\1@\1/' | sort >"$tmp/ours"
sed -n 's/^ \([^( ]*\) .*/\1/p' "$list" | sort >"$tmp/listed"
differ "$list (<) and what is exported (>) differ; a line more is a version's \
promise, a line less a new soname:" "$tmp/listed" "$tmp/ours"

# Functions have a parenthesis, methods are `extern const struct rsp_method`.
sed -e 's|//.*||' include/resopro/*.h | tr '\n' ' ' |
	sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/| |g' |
	sed 's/struct rsp_[a-z_]* *;/ /g' |
	grep -oE '\brsp_[a-z0-9_]+ *(\(|;)' | sed 's/[ (;]*$//' |
	sort -u >"$tmp/declared"
grep '^rsp_' "$tmp/ours" | sed 's/@.*//' | sort -u >"$tmp/names"
comm -23 "$tmp/names" "$tmp/declared" >"$tmp/undeclared"
[ ! -s "$tmp/undeclared" ] ||
	{ echo "exported and in no header:"; cat "$tmp/undeclared"; failed=1; }
# Types of callbacks look like functions.
comm -13 "$tmp/names" "$tmp/declared" | grep -v '_fn$' >"$tmp/missing" || :
[ ! -s "$tmp/missing" ] ||
	{ echo "declared and not exported:"; cat "$tmp/missing"; failed=1; }

for object in "$build"/client/lib/*.o "$build"/proto/wire/*.o; do
	size -A "$object" |
		awk '$1 ~ /^\.(data|bss|tdata|tbss)$/ && $2 > 0 { exit 1 }' ||
		{ echo "$object has writable data"; failed=1; }
done
exit $failed
