#!/bin/sh
# What is committed: links lead somewhere, no package registry's host, no path
# of somebody's machine, nothing that a build makes.
set -eu
cd "$(dirname "$0")/../.."
failed=0

complain()
{
	echo "$1"
	failed=1
}

# Relative links of Markdown files.
for page in $(git ls-files '*.md'); do
	for link in $(grep -oE '\]\([^)# ]+' "$page" | sed 's/^](//'); do
		case $link in
		http://* | https://* | mailto:*) ;;
		*) [ -e "$(dirname "$page")/$link" ] ||
			complain "$page: no such file: $link" ;;
		esac
	done
	# `folder/file` in text, of the folders of this tree
	for path in $(grep -oE '`(daemon|proto|client|include|config|tests|systemd)/[A-Za-z0-9_./-]+`' \
	    "$page" | tr -d '`'); do
		[ -e "$path" ] || complain "$page: no such file: $path"
	done
done

hosts='registry\.npmjs|registry\.yarnpkg|deb\.debian\.org|pypi\.org|proxy\.golang|crates\.io'
git grep -nIE "$hosts" -- . ':!tests/lint/tree.sh' &&
	complain "name packages, not the host of a registry"
git grep -nIE '/(root|home/[a-z]+)/|/work/(main|shared)|/tmp/b-' \
    -- . ':!tests/lint/tree.sh' ':!*.csv' &&
	complain "a path of one machine"
git ls-files | grep -E '\.(o|a|so|pyc)$|package-lock\.json$|(^|/)node_modules/' &&
	complain "built or downloaded files are not committed"
exit $failed
