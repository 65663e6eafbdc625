#!/bin/sh
# What openssl, nghttp and h2load see of credentials, protocols and encodings
# that wire.sh has not: who is let in without a certificate, what is said to a
# client of another version or protocol, and `client_cert = required`.
set -u
. "$(dirname "$0")/clients/setup.sh"
where=127.0.0.1:${RESOPRO_SERVER##*:}

# expect WHAT WORDS COMMAND...: its output must have the words.
expect()
{
	what=$1 words=$2
	shift 2
	"$@" > "$T/out" 2>&1 < /dev/null
	also "$what" "$words"
}

# also WHAT WORDS: so must the output of the command before.
also()
{
	if ! grep -qE -- "$2" "$T/out"; then
		echo "FAILED: $1"
		echo "expected /$2/ in:"
		tail -30 "$T/out"
		exit 1
	fi
	echo "ok - $1"
}

# never WHAT WORDS: and must not have these.
never()
{
	if grep -qE -- "$2" "$T/out"; then
		echo "FAILED: $1"
		echo "expected no /$2/ in:"
		tail -30 "$T/out"
		exit 1
	fi
	echo "ok - $1"
}

# -ign_eof waits for what the daemon says or does; "timeout" tells that it did
# nothing.
tls()
{
	timeout 10 openssl s_client -connect "$where" -CAfile "$PKI/ca.pem" \
		-ign_eof "$@"
	[ $? -ne 124 ] || echo "still open"
}

# With its own certificate.
agency()
{
	tls -cert "$PKI/account-agence.pem" -key "$PKI/account-agence.key" "$@"
}

# ---- TLS: openssl ---------------------------------------------------------

# The daemon's refusal, not that of a client whose library is too new: at
# this security level openssl offers what it is told to.
for version in -tls1_2 -tls1_1 -tls1; do
	expect "$version is refused by the daemon's alert" \
		'alert protocol version|alert number 70' \
		agency -alpn h2 "$version" -cipher ALL:@SECLEVEL=0
	never "$version negotiates no cipher" 'New, TLSv|Cipher is [A-Z]'
done
expect "no ALPN is closed by the daemon" '^closed$|alert' agency
never "no ALPN does not stay open" 'still open|ALPN protocol'
expect "http/1.1 alone is refused by alert" 'no application protocol' \
	agency -alpn http/1.1
expect "h2 among others is chosen" 'ALPN protocol: h2' \
	timeout 10 sh -c 'openssl s_client -connect "$1" -CAfile "$2" \
	-verify_return_error -verify_hostname localhost \
	-alpn http/1.1,h2 < /dev/null' sh "$where" "$PKI/ca.pem"
also "the chain is verified, for its name" 'Verify return code: 0 \(ok\)'
also "the server's key is an elliptic curve's" 'Server public key is 256 bit'
expect "another name is not the server's" 'Hostname mismatch|hostname mismatch' \
	tls -alpn h2 -verify_return_error -verify_hostname autre.example

# ---- calls without a credential: nghttp -----------------------------------

printf '\0\0\0\0\0' > "$T/empty"
call()
{
	path=$1
	shift
	timeout 20 nghttp -v -d "$T/empty" -H ':method: POST' \
		-H 'te: trailers' -H 'content-type: application/grpc' "$@" \
		"https://$where$path"
}
cert="--cert=$PKI/account-agence.pem --key=$PKI/account-agence.key"

expect "health answers whoever asks" 'grpc-status: 0' \
	call /grpc.health.v1.Health/Check
# "service method" of every rpc that the .proto files have
find proto -name '*.proto' -exec cat '{}' + | awk '
	$1 == "package" { package = $2; sub(/;/, "", package) }
	$1 == "service" { service = package "." $2 }
	$1 == "rpc" { sub(/\(.*/, "", $2); print service "/" $2 }' |
	sort -u | grep -v '^grpc.health.v1.Health/' > "$T/methods"
[ "$(wc -l < "$T/methods")" -ge 20 ] || { echo "FAILED: few methods"; exit 1; }
while read -r method; do
	expect "$method without a credential is UNAUTHENTICATED" \
		'grpc-status: 16' call "/$method"
done < "$T/methods"
expect "a token that was never made is UNAUTHENTICATED" 'grpc-status: 16' \
	call /resopro.v1.Admin/WhoAmI \
	-H 'authorization: Bearer rsp_agence_aaaaaaaa_bbbbbbbbbbbbbbbbbbbbbbbb'

# ---- a token instead: nghttp and h2load -----------------------------------

resopro account token create bocage --quiet --output json \
    > "$T/token.json" || exit 1
token=$(grep -oE 'rsp_[A-Za-z0-9_-]+' "$T/token.json" | head -n 1)
expect "a token speaks for its account" 'grpc-status: 0' \
	call /resopro.v1.Admin/WhoAmI -H "authorization: Bearer $token"
expect "h2load with a token loses no call" \
	'2000 succeeded, 0 failed, 0 errored' timeout 60 h2load -n 2000 -c 4 \
	-m 32 -d "$T/empty" -H 'content-type: application/grpc' \
	-H 'te: trailers' -H "authorization: Bearer $token" \
	"https://$where/resopro.v1.Admin/WhoAmI"
also "h2load spoke TLS 1.3" 'TLS Protocol: TLSv1.3'

# ---- encodings: nghttp ----------------------------------------------------

# One page of organisations: kind = 1, page_size = 200
printf '\0\0\0\0\005\010\001\020\310\001' > "$T/list"
# shellcheck disable=SC2086 # $cert is words
expect "a client that speaks gzip is answered with gzip" \
	'recv .*grpc-encoding: gzip' \
	call /resopro.v1.Registry/List $cert -d "$T/list" \
	-H 'grpc-encoding: gzip' -H 'grpc-accept-encoding: gzip'
# shellcheck disable=SC2086
expect "a client that does not is answered too" 'grpc-status: 0' \
	call /resopro.v1.Registry/List $cert -d "$T/list"
never "no grpc-encoding unasked" 'grpc-encoding: gzip'
printf '\001\0\0\0\0' > "$T/lying"
# shellcheck disable=SC2086
expect "a compressed flag without an encoding is refused" \
	'grpc-status: (12|13)' call /resopro.v1.Admin/WhoAmI $cert \
	-d "$T/lying"
# shellcheck disable=SC2086
expect "an unknown encoding is UNIMPLEMENTED" 'grpc-status: 12' \
	call /resopro.v1.Admin/WhoAmI $cert -d "$T/lying" \
	-H 'grpc-encoding: zorglub'
also "which says what is taken" 'grpc-accept-encoding: .*gzip'

# ---- client_cert = required: no handshake ---------------------------------

stage_down
sed -i 's/^\[tls\]$/&\nclient_cert = required/' "$STAGE/resoprod.conf"
stage_start || exit 1
expect "required: no certificate is refused by alert" \
	'alert certificate required|alert number 116' tls -alpn h2
expect "required: not even health is answered" \
	'[Cc]onnection|[Ee]rror|not processed|alert' \
	call /grpc.health.v1.Health/Check
never "required: no response" 'grpc-status|:status'
# shellcheck disable=SC2086
expect "required: with a certificate it goes on" 'grpc-status: 0' \
	call /resopro.v1.Admin/WhoAmI $cert
expect "required: h2load, which has none, loses all" \
	' 0 succeeded, 20 failed' timeout 60 h2load -n 20 -c 2 -d "$T/empty" \
	-H 'content-type: application/grpc' -H 'te: trailers' \
	-H "authorization: Bearer $token" \
	"https://$where/resopro.v1.Admin/WhoAmI"

# ---- allow_tls12 = yes: then, and only then, 1.2 --------------------------

stage_down
sed -i 's/^client_cert = required$/allow_tls12 = yes/' "$STAGE/resoprod.conf"
stage_start || exit 1
agency12()
{
	timeout 10 openssl s_client -connect "$where" -CAfile "$PKI/ca.pem" \
		-alpn h2 "$@"
}
expect "allow_tls12: 1.2 is spoken" 'Protocol *: TLSv1.2' agency12 -tls1_2
also "allow_tls12: with forward secrecy" 'Cipher *: ECDHE'
expect "allow_tls12: 1.3 is still preferred" 'New, TLSv1.3' agency12
expect "allow_tls12: 1.1 is not spoken" 'alert protocol version|alert number 70' \
	agency12 -tls1_1 -cipher ALL:@SECLEVEL=0
finish
