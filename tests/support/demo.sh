#!/bin/sh
# demo.sh - one night of a member's system, against a register of Normandy on
# loopback.  Each command is shown with what it really prints.  Leaves nothing
# running and nothing behind.  `make demo` calls it with the build directory.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(cd "${1:-build}" && pwd) || exit 1
set --
STAGE=$(mktemp -d "${TMPDIR:-/tmp}/resopro-demo.XXXXXX")/stage
WATCH=
. tests/support/stage.sh
# A night in Normandy is told in French, unless asked for otherwise.
export RESOPRO_LANG="${RESOPRO_LANG:-fr}"

clean() {
	[ -n "$WATCH" ] && kill "$WATCH" 2>/dev/null
	stage_down
	rm -rf "$(dirname "$STAGE")"
}
trap clean EXIT
trap 'exit 130' INT TERM

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else
	bold='' plain=''; fi

title() { printf '\n%s── %s%s\n' "$bold" "$1" "$plain"; }

fail() { echo "demo: $*" >&2; exit 1; }

# Show the command, run it, stop unless it ends as expected.
want() {
	code=$1
	shift
	printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
	"$@"
	got=$?
	[ "$got" -eq "$code" ] || fail "exit $got instead of $code: $*"
}
run() { want 0 "$@"; }

revision() {
	resopro whoami --output json |
	    sed -n 's/.*"revision": *"\{0,1\}\([0-9]*\).*/\1/p' | head -n 1
}

# It ends by itself after the changes that it was asked for.
watched() {
	for _ in $(seq 100); do
		kill -0 "$WATCH" 2>/dev/null || return 0
		sleep 0.1
	done
	cat "$STAGE/watch.log"
	fail "the watch did not see the changes"
}

title "Un registre vide, ses certificats et ses comptes"
stage_up || fail "no register"
echo "resoprod: $RESOPRO_SERVER"
run resopro whoami

title "L'Agence charge le réseau de Normandie"
stage_load --quiet >"$STAGE/load.log" || {
	tail -30 "$STAGE/load.log"
	fail "the samples were refused"
}
printf '%s$ resopro push %s --full --source reso-pro --owner %s%s\n' \
    "$bold" "$SAMPLES" "$AGENCY" "$plain"
tail -n 1 "$STAGE/load.log"
stage_accounts || fail "no accounts"
run resopro list organisation --organisation-kind mission-locale

title "La nuit d'un membre: la mission locale du Bocage"
stage_as bocage
set -- --full --source i-milo
run resopro push $SAMPLES/member --dry-run "$@"
run resopro push $SAMPLES/member "$@"
title "Le même envoi, encore: rien ne change"
run resopro push $SAMPLES/member "$@"

title "Le lendemain: un numéro change, un lieu ferme"
before=$(revision)
resopro watch site --from $((before + 1)) --count 2 \
    >"$STAGE/watch.log" 2>&1 &
WATCH=$!
run resopro push $SAMPLES/member-suivant "$@"
watched
WATCH=
printf '\n%s$ resopro watch site --from %s --count 2%s  (depuis avant l'"'"'envoi)\n' \
    "$bold" $((before + 1)) "$plain"
cat "$STAGE/watch.log"

title "Ce que le registre sait"
run resopro list site --organisation "$MEMBER"
run resopro show site "$MEMBER-site"
run resopro history site "$MEMBER-site"
title "Avant et après"
run resopro show site "$MEMBER-site" --as-of "$before"
run resopro show site "$MEMBER-site" --as-of "$(revision)"

title "Une activité déclarée"
run resopro activity declare --organisation "$MEMBER" --kind A11 \
    --title "Forum des métiers du Bocage" --start "$(date -d -2days +%F)" \
    --commune 61169 --people 240 --by-sex f=126 --by-sex h=114
run resopro activity list --organisation "$MEMBER"

title "Vers qui orienter ?"
run resopro refer --commune 61169 --age 20 --situation sans_activite --why
run resopro refer --commune 61006 --age 24 --situation salarie_prive \
    --besoin demission_reconversion --why
run resopro refer --commune 14366 --age 45 --situation demandeur_emploi \
    --boeth --why

title "Fin: le registre s'arrête, rien ne reste"
