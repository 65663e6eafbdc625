#!/bin/sh
# Shell scripts: shellcheck has nothing to say.
set -eu
cd "$(dirname "$0")/../.."
git ls-files | while read -r file; do
	[ -f "$file" ] || continue
	case $(head -c 64 "$file" | head -n 1 | tr -d '\0') in
	'#!/bin/sh'* | '#!/bin/bash'* | '#!/usr/bin/env bash'*) echo "$file" ;;
	esac
done | xargs shellcheck -x -S warning
