#!/bin/sh
# catalogue.sh - every text of the command is in the template, and every
# language has all of it; `make po` mends the first.
set -u
cd "$(dirname "$0")/../.." || exit 1
po=client/cli/po
new=$(mktemp) || exit 1
trap 'rm -f "$new"' EXIT

xgettext --language=C --from-code=UTF-8 -k_ -kN_ -ki18n_plural:1,2 \
    --no-location -o "$new" client/cli/*.[ch] 2>/dev/null || exit 1
for have in "$po"/resopro.pot "$po"/*.po; do
	msgcmp --use-untranslated "$have" "$new" 2>/dev/null || {
		echo "$have lacks texts of the sources: make po"
		exit 1
	}
done
for language in "$po"/*.po; do
	if [ -n "$(msgattrib --untranslated "$language")" ] ||
	    [ -n "$(msgattrib --only-fuzzy "$language")" ]; then
		echo "$language: not translated, or only guessed:"
		msgattrib --untranslated --no-wrap "$language"
		msgattrib --only-fuzzy --no-wrap "$language"
		exit 1
	fi
	msgfmt --check-format --check-domain -o /dev/null "$language" || exit 1
done
# A text that no source says any more is dead weight.
dead=$(msgattrib --only-obsolete $po/fr.po)
[ -z "$dead" ] || { echo "obsolete texts in $po/fr.po:"; echo "$dead"; exit 1; }
