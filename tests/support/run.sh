#!/bin/sh
# run.sh BUILD - a populated register in the foreground, until Ctrl-C; `make
# run` calls it.  BUILD/run/env is to be sourced elsewhere: it makes resopro
# the agency's administrator, and `resopro -p ACCOUNT` another.  BUILD/run/pki
# has a certificate for one account of each role.  What was in BUILD/run goes.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(cd "${1:-build}" && pwd) || exit 1
set --
STAGE=$B/run
. tests/support/stage.sh

trap stage_down EXIT
trap 'exit 0' INT TERM
rm -rf "$STAGE"
stage_up || exit 1
stage_load --quiet >"$STAGE/load.log" || { tail -30 "$STAGE/load.log"; exit 1; }
tail -n 1 "$STAGE/load.log"
stage_accounts || exit 1
stage_roles | while read -r account _; do
	cat <<-END
	[profile $account]
	server = $RESOPRO_SERVER
	ca = $RESOPRO_CA
	cert = $STAGE/pki/account-$account.pem
	key = $STAGE/pki/account-$account.key

	END
done >"$STAGE/config"
cat >"$STAGE/env" <<-END
	export RESOPRO_CONFIG='$STAGE/config'
	export RESOPRO_SERVER='$RESOPRO_SERVER'
	export RESOPRO_CA='$RESOPRO_CA'
	export RESOPRO_CERT='$RESOPRO_CERT'
	export RESOPRO_KEY='$RESOPRO_KEY'
	PATH='$B':\$PATH
END
echo "resoprod: $RESOPRO_SERVER, process $DAEMON, log $STAGE/resoprod.log"
echo "elsewhere: . $STAGE/env && resopro whoami"
echo "another role: resopro -p bocage whoami; the profiles: $STAGE/config"
wait "$DAEMON"
