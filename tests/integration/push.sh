#!/bin/sh
# push.sh - what a member's files do to the register, good and bad: the plan,
# the exit code, the words, and that what is refused changes nothing.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(cd "${RESOPRO_BUILD:-build}" && pwd) || exit 1
[ -x "$B/resoprod" ] && [ -x "$B/resopro" ] || exit 77
T=$(mktemp -d) || exit 1
STAGE=$T/stage
RESOPRO_LANG=en
export RESOPRO_LANG
. tests/support/stage.sh

trap 'stage_down; rm -rf "$T"' EXIT
trap 'exit 130' INT TERM
failed=0

# expect CODE WORDS COMMAND...: both must be so.
expect() {
	code=$1 words=$2
	shift 2
	"$@" >"$T/out" 2>&1 </dev/null
	got=$?
	if [ "$got" -ne "$code" ] || ! grep -q -- "$words" "$T/out"; then
		failed=$((failed + 1))
		echo "FAILED: exit $got instead of $code, or not \"$words\": $*"
		sed 's/^/    /' "$T/out"
	fi
}

revision() {
	resopro whoami --output json |
	    sed -n 's/.*"revision": *"\{0,1\}\([0-9]*\).*/\1/p' | head -n 1
}

# A command that must leave the register as it is.
refused() {
	before=$(revision)
	expect "$@"
	[ "$(revision)" = "$before" ] && return
	failed=$((failed + 1))
	echo "FAILED: changed the register: $*"
}

site() { # FILE LINE...: a sites file of this member
	file=$T/$1
	shift
	{
		echo "source_id;organisation_id;nom;code_insee;telephone"
		for line; do echo "$line"; done
	} >"$file"
}

stage_up || exit 1
stage_load >"$T/load" 2>&1 || { tail -30 "$T/load"; exit 1; }
grep -q ' 0 refused' "$T/load" || { tail -3 "$T/load"; exit 1; }
expect 0 "0 created, 0 updated" stage_load
stage_accounts || exit 1
stage_as bocage
M=$MEMBER

site sites.csv "a;$M;Accueil A;61169;" "b;$M;Accueil B;61145;" \
    "c;$M;Accueil C;61168;" "d;$M;Accueil D;61007;" "e;$M;Accueil E;61486;"
refused 0 "5 created" resopro push "$T/sites.csv" --dry-run --full
expect 0 "5 created" resopro push "$T/sites.csv" --full
expect 0 "5 unchanged" resopro push "$T/sites.csv" --full

# The forms that spreadsheets give to the same file.
printf '\357\273\277' | cat - "$T/sites.csv" | sed 's/$/\r/' >"$T/bom-sites.csv"
expect 0 "5 unchanged" resopro push "$T/bom-sites.csv" --full
tr ';' ',' <"$T/sites.csv" >"$T/comma-sites.csv"
expect 0 "5 unchanged" resopro push "$T/comma-sites.csv" --full
site latin-sites.csv "a;$M;Accueil F$(printf '\351')camp;61169;"
expect 0 "Windows-1252" resopro push "$T/latin-sites.csv"
expect 0 "Accueil Fécamp" resopro list site --organisation "$M"
site sites.csv "a;$M;Accueil A;61169;" "b;$M;Accueil B;61145;" \
    "c;$M;Accueil C;61168;" "d;$M;Accueil D;61007;" "e;$M;Accueil E;61486;"
expect 0 "1 updated" resopro push "$T/sites.csv"

# What the files themselves betray; nothing is sent.
site twice-sites.csv "a;$M;Accueil A;61169;" "a;$M;Accueil Z;61169;"
refused 6 "twice-sites.csv:2 too" resopro push "$T/twice-sites.csv"
printf 'nom;code_insee\nX;61169\n' >"$T/missing-sites.csv"
refused 6 "source_id" resopro push "$T/missing-sites.csv"
printf 'source_id;nom;comune\n' >"$T/typo-sites.csv"
refused 6 'did you mean "commune"' resopro push "$T/typo-sites.csv"
: >"$T/empty-sites.csv"
refused 6 "is empty" resopro push "$T/empty-sites.csv" --full
refused 2 "No such file" resopro push "$T/absent-sites.csv"

# What only the register can know: file and line are told.
site bad-sites.csv "a;$M;Accueil A;61169;" "f;$M;Accueil F;99999;" \
    "g;$M;Accueil G;61169;"
refused 6 "bad-sites.csv:3" resopro push "$T/bad-sites.csv"
expect 8 "1 created" resopro push "$T/bad-sites.csv" --accept-valid
expect 0 "1 retired" resopro push "$T/sites.csv" --full

# A full set that lacks too much is stopped, and says how to go on.
site guard-sites.csv "a;$M;Accueil A;61169;"
refused 6 "confirm-retire 4" resopro push "$T/guard-sites.csv" --full
refused 6 "confirm-retire 5" sh -c \
    "head -n 1 '$T/sites.csv' | resopro push - --kind site --full"
expect 0 "4 retired" resopro push "$T/guard-sites.csv" --full --confirm-retire 4

# Changes that end records, and sets that cover a part.
site few-sites.csv "p;;Accueil P;61169;" "q;;Accueil Q;61145;" \
    "r;;Accueil R;61168;" "t;;Accueil T;61007;"
expect 0 "4 created" resopro push "$T/few-sites.csv" --source part
printf 'source_id,retirer,nom\np,oui,\nq,,\n' >"$T/gone-sites.csv"
refused 6 "gone-sites.csv:3" resopro push "$T/gone-sites.csv" --source part
printf 'source_id,retirer\np,oui\n' >"$T/gone-sites.csv"
refused 2 "needs --full" resopro push "$T/gone-sites.csv" --confirm-retire 1
expect 0 "1 retired" resopro push "$T/gone-sites.csv" --source part
refused 0 "nothing to retire" resopro push "$T/gone-sites.csv" --source part
echo '{"source_id": "q", "kind": "site", "retire": true}' >"$T/gone.jsonl"
expect 0 "1 retired" resopro push "$T/gone.jsonl" --source part
echo '{"source_id": "r", "retire": true}' >"$T/gone.jsonl"
refused 6 "kind of this record" resopro push "$T/gone.jsonl" --source part
site one-sites.csv "r;;Accueil R;61168;"
expect 0 "1 unchanged, 0 retired" resopro push "$T/one-sites.csv" \
    --source part --full --only-site r
refused 6 "outside the scope" resopro push "$T/one-sites.csv" --source part \
    --full --only-site t
expect 0 "1 retired" resopro push "$T/one-sites.csv" --source part --full \
    --only-organisation "id:$M"
expect 0 "0 retired" resopro push "$T/one-sites.csv" --source part --full

# The same intention twice is one; another under its name is refused.
id=0123456789abcdef0123456789abcdef
site new-sites.csv "n;$M;Accueil N;61169;"
expect 0 "1 created" resopro push "$T/new-sites.csv" --request-id $id
refused 0 "applied before" resopro push "$T/new-sites.csv" --request-id $id
refused 5 "" resopro push "$T/guard-sites.csv" --request-id $id

# Confirmed by the file, all at once or not at all.
resopro list site --organisation "$M" --owner "$M" --output csv --all |
    cut -d, -f1 | sed 1d >"$T/ids"
expect 0 "records confirmed" resopro confirm site --file "$T/ids"
expect 0 "records confirmed" sh -c "resopro confirm site -f - <'$T/ids'"
echo nulle-part >>"$T/ids"
refused 3 "nulle-part" resopro confirm site --file "$T/ids"
echo 'Pas un id' >>"$T/ids"
refused 2 "ids:[0-9]*: " resopro confirm site --file "$T/ids"
refused 2 "give the ids" resopro confirm site

# JSON lines: what list prints goes in again.
resopro list site --organisation "$M" --owner "$M" --output jsonl >"$T/s.jsonl"
refused 0 "0 refused" resopro push "$T/s.jsonl" --dry-run

# Another's fields and another's records.
printf 'source_id;id;nom;kind\nx;%s;Mission locale du Bocage;cio\n' "$M" \
    >"$T/organisations.csv"
refused 6 "kind" resopro push "$T/organisations.csv"
refused 4 "" resopro push "$T/sites.csv" --owner ccas-de-flers
stage_as bocage-lecture
refused 4 "" resopro push "$T/sites.csv"

[ "$failed" -eq 0 ] && echo "push: all as expected"
exit "$((failed > 0))"
