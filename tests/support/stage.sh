# stage.sh - a register of Normandy on loopback, for demo.sh, run.sh and tests.
# Sourced by sh.  Before: B, the build directory; STAGE, the absolute name of
# an empty or absent directory for all it writes.  After stage_up:
# RESOPRO_SERVER, RESOPRO_CA, RESOPRO_CERT and RESOPRO_KEY are those of the
# agency's administrator, and DAEMON is the process id of resoprod, which
# stage_down ends.

SAMPLES=${SAMPLES:-config/samples}
AGENCY=agence-orientation-metiers-normandie
MEMBER=mission-locale-des-jeunes-du-bocage
PATH=$B:$PATH
DAEMON=

# One account of each role: account, role, organisation, territory.
stage_roles() {
	cat <<-END
	agence agency_admin $AGENCY
	coordination agency_coordinator $AGENCY arr:612
	region region_signatory region-normandie-conseil-regional
	crefop crefop
	prefecture prefecture prefecture-de-la-region-normandie
	bocage member_writer $MEMBER
	bocage-lecture member_reader $MEMBER
	ccas-flers proximity ccas-de-flers
	exploitation operator
	END
}

# A port nobody listens on.
stage_port() {
	/usr/bin/python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

stage_pki() {
	resopro pki init "$STAGE/pki" --quiet >/dev/null &&
	resopro pki server "$STAGE/pki" localhost --quiet >/dev/null &&
	stage_roles | while read -r account _; do
		resopro pki account "$STAGE/pki" "$account" --quiet \
		    >/dev/null || exit 1
	done
}

stage_as() {
	RESOPRO_CERT=$STAGE/pki/account-$1.pem
	RESOPRO_KEY=$STAGE/pki/account-$1.key
	export RESOPRO_CERT RESOPRO_KEY
}

stage_conf() {
	cat >"$STAGE/resoprod.conf" <<-END
	[listen]
	address = 127.0.0.1:$1

	[tls]
	cert_file = $STAGE/pki/server.pem
	key_file = $STAGE/pki/server.key
	ca_file = $STAGE/pki/ca.pem
	crl_file = $STAGE/pki/crl.pem

	[store]
	dir = $STAGE/data
	map_size = 1GiB

	[data]
	dir = $PWD/config
	END
}

# Ready when it answers; dead when its process is.
stage_wait() {
	for _ in $(seq 100); do
		resopro status >/dev/null 2>&1 && return 0
		kill -0 "$DAEMON" 2>/dev/null || break
		sleep 0.1
	done
	echo "resoprod did not start:" >&2
	tail -20 "$STAGE/resoprod.log" >&2
	return 1
}

stage_start() {
	resoprod -c "$STAGE/resoprod.conf" 2>"$STAGE/resoprod.log" &
	DAEMON=$!
	stage_wait
}

stage_accounts() {
	stage_roles | while read -r account role organisation territory; do
		[ "$account" = agence ] && continue
		resopro account put "$account" --role "$role" \
		    ${organisation:+--organisation "$organisation"} \
		    ${territory:+--territory "$territory"} \
		    --quiet >/dev/null || exit 1
	done
}

stage_load() {
	resopro push "$SAMPLES" --full --source reso-pro --owner "$AGENCY" "$@"
}

stage_up() {
	mkdir -p "$STAGE" && chmod 700 "$STAGE" && stage_pki || return 1
	port=$(stage_port)
	RESOPRO_SERVER=localhost:$port
	RESOPRO_CA=$STAGE/pki/ca.pem
	export RESOPRO_SERVER RESOPRO_CA
	stage_as agence
	stage_conf "$port" &&
	resoprod -c "$STAGE/resoprod.conf" --init agence --organisation "$AGENCY" \
	    >"$STAGE/init.log" 2>&1 || { cat "$STAGE/init.log" >&2; return 1; }
	stage_start
}

stage_down() {
	[ -n "$DAEMON" ] || return 0
	kill "$DAEMON" 2>/dev/null
	wait "$DAEMON" 2>/dev/null
	DAEMON=
}
