#!/bin/sh
# Manuals: mandoc finds nothing worth a warning, and what they refer to exists.
set -eu
cd "$(dirname "$0")/../.."
pages=$(git ls-files '*.[1-8]')
[ -n "$pages" ] || exit 0
# shellcheck disable=SC2086 # a list of words
mandoc -T lint -W warning $pages
# our own pages by name and section
# shellcheck disable=SC2086
missing=$(grep -hoE '^\.Xr (resopro[a-z.]*|libresopro) [0-9]' $pages |
	sort -u | while read -r _ name section; do
	echo "$pages" | grep -q "/$name\.$section\$" ||
		echo "no such manual: $name($section)"
done)
[ -z "$missing" ] || { echo "$missing"; exit 1; }
