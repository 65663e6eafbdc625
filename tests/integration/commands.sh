#!/bin/sh
# The command as people use it: what it refuses, with which exit code, naming
# which field or option; what it must not guess; what it shows.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(cd "${RESOPRO_BUILD:-build}" && pwd) || exit 1
[ -x "$B/resoprod" ] && [ -x "$B/resopro" ] || exit 77
T=$(mktemp -d) || exit 1
STAGE=$T/stage
export STAGE RESOPRO_LANG=en
. tests/support/stage.sh
trap 'stage_down; rm -rf "$T"' EXIT
trap 'exit 130' INT TERM
failed=0

# tells CLAIM CODE WORDS COMMAND...: ends with that code and says those words.
tells()
{
	claim=$1 want=$2 words=$3
	shift 3
	timeout 30 "$@" > "$T/out" 2>&1 < /dev/null
	code=$?
	if [ "$code" -eq "$want" ] && grep -qE -- "$words" "$T/out"; then
		echo "[       OK ] $claim"
	else
		failed=1
		echo "[  FAILED  ] $claim: $*"
		echo "exit $code instead of $want; expected: $words"
		cat "$T/out"
	fi
}

stage_up && stage_load --quiet > "$T/load.log" && stage_accounts || exit 1
ccas='ccas-de-flers'
declare_="resopro activity declare --organisation $ccas --kind A01 --title Atelier"

# ---- referrals: a choice, never a guess
tells refer__code_that_is_a_postal_code__a_choice 6 '14047  Bayeux' \
	resopro refer --commune 14400 --age 20
tells refer__com_before_the_code__that_commune 0 'Le Manoir \(14400\)' \
	resopro refer --commune com:14400 --age 20
tells refer__name_of_three_communes__a_choice 6 '27194  Cuverville' \
	resopro refer --commune Cuverville
tells refer__name_with_its_departement__that_commune 0 '27194' \
	resopro refer --commune 'Cuverville (27)'
tells refer__outside_the_region__commune_of_the_help 3 'where help is asked' \
	resopro refer --commune 28134
tells refer__prohibition__told_once_with_the_law 0 \
	'france-travail, .*mission-locale, paio: .*L5422-1-1' \
	resopro refer --commune 61006 --age 24 --besoin demission_reconversion
tells refer__age_out_of_range__from_to 2 '^resopro: --age: .*10' \
	resopro refer --commune 61169 --age 10
tells refer__unknown_situation__the_list 6 'give one of: eleve' \
	resopro refer --commune 61169 --situation chomeur

# ---- activities
# shellcheck disable=SC2086 # words of a command
{
tells declare__done_in_the_future__refused 6 'activity.start.*still to come' \
	$declare_ --start 2190-01-01
tells declare__project_in_the_future__taken 0 '^activite-' \
	$declare_ --start 2190-01-01 --state projet
tells declare__end_before_start__refused 6 'activity.end.*before the start' \
	$declare_ --start 2024-05-02 --end 2024-05-01
tells declare__class_twice__refused 6 'activity.by_sex.*f stands twice' \
	$declare_ --start 2024-05-01 --people 3 --by-sex f=1 --by-sex f=2
tells declare__sum_by_sex__refused 6 'by_sex.*sums to 7, people is 10' \
	$declare_ --start 2024-05-01 --people 10 --by-sex f=3 --by-sex h=4
tells declare__sum_by_age__refused 6 'by_age.*sums to 9, people is 10' \
	$declare_ --start 2024-05-01 --people 10 --by-age 16-17=9
tells declare__partial__taken 0 '^activite-' \
	$declare_ --start 2024-05-01 --people 10 --by-sex f=3 --partial
tells declare__before_the_first_title__refused 6 'no title of the network' \
	$declare_ --start 2019-05-01
tells declare__phone_in_the_comment__refused 6 'say nothing of any person' \
	$declare_ --start 2024-05-01 --comment 'rappeler au 06 12 34 56 78'
tells declare__not_a_number__names_the_option 2 '^resopro: --people: .*-1' \
	$declare_ --start 2024-05-01 --people -1
}
tells declare__nothing_given__every_missing_option 2 \
	'--organisation, --kind, --title, --start are missing' \
	resopro activity declare
tells activities__as_csv__counts_as_code_and_number 0 ',f=3,' \
	resopro activity list --output csv

# ---- titles
tells membership__label_without_decision__refused 6 \
	'status.decision_number.*label' resopro membership record \
	--organisation $ccas --title label-spro-conseil --from 2026-01-01
tells membership__law_left_out__that_of_the_title 0 'C. trav. L6111-5' \
	resopro membership record --id titre-essai --organisation $ccas \
	--title label-spro-conseil --from 2026-01-01 --decision-number 2026-1
tells membership__same_title_again__overlap 6 'status.from.*already holds' \
	resopro membership record --organisation $ccas \
	--title label-spro-conseil --from 2027-01-01 --decision-number 2026-2
tells membership_end__reason_too_short__says_so 6 'reason: is too short' \
	resopro membership end titre-essai --to 2026-06-30 --reason x
tells membership_end__before_it_began__refused 6 'outside the title' \
	resopro membership end titre-essai --to 2025-12-31 --reason fermeture
tells membership_end__a_day__done 0 'end_reason +fermeture' \
	resopro membership end titre-essai --to 2026-06-30 --reason fermeture
tells membership_list__last_day__held 0 titre-essai resopro membership list \
	--organisation $ccas --active-on 2026-06-30
tells membership_list__day_after__not_held 0 'ID' resopro membership list \
	--organisation $ccas --active-on 2026-07-01
grep -q titre-essai "$T/out" && { failed=1; echo "held after its end"; }

# ---- records, as of a day or a revision
tells show__before_it_existed__says_when_asked 3 'did not exist at revision 1' \
	resopro show site $ccas-site --as-of 1
tells show__organisation__both_kinds_by_name 0 \
	'organisation.kind +proximite-ccas' resopro show organisation $ccas
tells put__unknown_field__all_that_there_are 6 'date_fermeture' sh -c \
	'echo "{\"id\":\"x-1\",\"kind\":\"site\",\"site\":{\"zzzzzz\":1}}" |
	resopro put -'
tells list__revision_to_come__out_of_range 6 'register is at revision' \
	resopro list site --as-of 99999

# ---- a dry run ends as the push would
printf 'source_id,nom,code_insee,organisation_id\nA,Accueil,61169,%s\nB,X,61169,%s\n' \
	"$ccas" "$ccas" > "$T/sites.csv"
tells push__dry_run_of_a_refused_set__refused 6 'a push would apply nothing' \
	resopro push "$T/sites.csv" --dry-run
tells push__dry_run_with_accept_valid__partial 8 '1 created.*1 refused' \
	resopro push "$T/sites.csv" --dry-run --accept-valid

# ---- filters: a mistake is not an empty list
tells list__unknown_kind_of_organisation__closest 6 'organisation_kind.*mission-loc' \
	resopro list organisation --organisation-kind mission-loc
tells activity_list__unknown_kind__refused 6 'activity_kind: .*A99' \
	resopro activity list --kind A99
tells list__changed_since_to_come__out_of_range 6 'register is at revision' \
	resopro list site --changed-since 99999

# ---- explain answers as the call would
tells explain__kind_left_out__asked_for 6 'kind: .*several kinds' \
	resopro explain me Registry/Put
tells explain__method_of_one_kind__found 0 '^allowed' \
	resopro explain me Memberships/RecordStatus
tells explain__no_such_field__refused 6 'site has no field nope' \
	resopro explain bocage Registry/Put site --field nope
tells explain__field_of_the_agency__refused 4 'belongs to the agency' \
	resopro explain bocage Registry/Put organisation "$MEMBER" --field kind
tells explain__record_of_another__refused 4 'another body' \
	resopro explain bocage Registry/Put site $ccas-site

# ---- who and where
tells timeout__in_the_environment__named 2 '^resopro: RESOPRO_TIMEOUT: .*abc' \
	env RESOPRO_TIMEOUT=abc resopro whoami
tells certificate__absent__only_what_is_missing 4 'neither a client certificate' \
	env -u RESOPRO_CERT -u RESOPRO_KEY resopro whoami
tells server__nobody_there__unavailable 7 'localhost:1: no connection' \
	env RESOPRO_SERVER=localhost:1 resopro whoami
resopro pki init "$T/other" --quiet > /dev/null
resopro pki account "$T/other" agence --quiet > /dev/null
tells certificate__other_authority__refused 4 'authority is not known' \
	resopro --cert "$T/other/account-agence.pem" \
	--key "$T/other/account-agence.key" whoami
cat > "$T/config" <<END
[profile bocage]
server = $RESOPRO_SERVER
ca = $RESOPRO_CA
cert = $STAGE/pki/account-bocage.pem
key = $STAGE/pki/account-bocage.key
END
tells profile__named_by_option__beats_the_environment 0 '^id +bocage$' \
	resopro --config "$T/config" -p bocage whoami
tells token_revoke__unknown__not_found 3 'no token of this account' \
	resopro account token revoke bocage t-nope
resopro pki account "$STAGE/pki" bocage --renew --quiet > /dev/null
tells pki_revoke__a_file__that_certificate 0 '^1 certificate revoked' \
	resopro pki revoke "$STAGE/pki" "$STAGE/pki/account-bocage.pem.previous"
for key in "$STAGE"/pki/*.key "$STAGE"/pki/*.key.previous; do
	[ "$(stat -c %a "$key")" = 600 ] ||
		{ failed=1; echo "$key: $(stat -c %a "$key")"; }
done

# ---- a coordinator integrates into the proximity network, and no further
stage_as coordination
tells coordinator__proximity__may 0 'reseau-proximite' resopro membership \
	record --organisation "$MEMBER" --title reseau-proximite \
	--from 2026-01-01
tells coordinator__title_of_the_law__refused 4 'not a coordinator' \
	resopro membership record --organisation $ccas --title cep-loi \
	--from 2026-01-01
stage_as agence

# ---- French, whatever the system's locales
tells french__unknown_kind__in_french 2 "n'est pas une sorte" \
	env RESOPRO_LANG=fr resopro list zzz
exit "$failed"
