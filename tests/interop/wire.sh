#!/bin/sh
# What openssl, nghttp and h2load see: TLS 1.3 with ALPN h2, nothing older,
# a conforming HTTP/2 server, a clean daemon after load.
set -u
. "$(dirname "$0")/clients/setup.sh"
failed=0
where=127.0.0.1:${RESOPRO_SERVER##*:}
pair="-cert $PKI/account-agence.pem -key $PKI/account-agence.key"

# check CLAIM WORDS COMMAND...
check()
{
	claim=$1 words=$2
	shift 2
	"$@" > "$T/out" 2>&1 < /dev/null
	if grep -qE -- "$words" "$T/out"; then
		echo "[       OK ] $claim"
	else
		failed=1
		echo "[  FAILED  ] $claim"
		tail -20 "$T/out"
	fi
}

# shellcheck disable=SC2086 # $pair is words
s_client()
{
	timeout 10 openssl s_client -connect "$where" -CAfile "$PKI/ca.pem" \
		-verify_return_error $pair "$@"
}

check tls__h2_offered__tls13_and_h2 'ALPN protocol: h2' s_client -alpn h2
check tls__13__negotiated 'TLSv1.3' s_client -alpn h2
check tls__12__refused 'alert protocol version|no protocols' \
	s_client -alpn h2 -tls1_2
check tls__another_protocol__refused 'no application protocol' s_client -alpn http/1.1
check tls__chain__verified 'Verify return code: 0' s_client -alpn h2

# A server's certificate is no client's, and another authority's is nobody's.
resopro pki init "$T/other" --quiet > /dev/null &&
	resopro pki account "$T/other" agence --quiet > /dev/null || exit 1
check tls__certificate_of_another_authority__refused 'alert' \
	timeout 10 openssl s_client -connect "$where" -alpn h2 -ign_eof \
	-cert "$T/other/account-agence.pem" -key "$T/other/account-agence.key"
check tls__server_certificate_as_client__refused 'alert' \
	timeout 10 openssl s_client -connect "$where" -alpn h2 -ign_eof \
	-cert "$PKI/server.pem" -key "$PKI/server.key"

printf '\0\0\0\0\0' > "$T/empty"
ask()
{
	timeout 20 nghttp -v --cert="$PKI/account-agence.pem" \
		--key="$PKI/account-agence.key" -d "$T/empty" \
		-H ':method: POST' -H 'te: trailers' "$@"
}
url=https://$where/resopro.v1.Admin/WhoAmI
check nghttp__grpc_call__ok_in_trailers 'grpc-status: 0' \
	ask -H 'content-type: application/grpc' "$url"
check nghttp__unknown_method__unimplemented 'grpc-status: 12' \
	ask -H 'content-type: application/grpc' "$url"Never
check nghttp__wrong_content_type__415 ':status: 415' \
	ask -H 'content-type: text/plain' "$url"
check h2load__two_thousand_calls__none_lost \
	'2000 succeeded, 0 failed, 0 errored' \
	timeout 60 h2load -n 2000 -c 4 -m 32 -d "$T/empty" \
	-H 'content-type: application/grpc' -H 'te: trailers' \
	"https://$where/grpc.health.v1.Health/Check"
check daemon__after_all_this__still_answers 'agence' resopro whoami

[ "$failed" -eq 0 ] || exit 1
finish
