#!/usr/bin/python3
"""What ends the open streams of an account within a second: disabled, other
rights, certificate revoked, unpinned, on the CRL or expired, token revoked or
expired.  And a daemon that wants certificates from all."""
import hashlib
import os
import ssl
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import certificates
import register as r
from register import ACCOUNTS, messages, new_id

reg, admin, t = messages("registry"), messages("admin"), messages("types")
Code = grpc.StatusCode
# A clock that tests can move: it adds what the file says, in seconds.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	char text[32] = "";
	int fd, rc;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	rc = real(id, ts);
	if (id != CLOCK_REALTIME || getenv("TEST_CLOCK") == NULL)
		return rc;
	if ((fd = open(getenv("TEST_CLOCK"), O_RDONLY)) >= 0) {
		if (read(fd, text, sizeof text - 1) > 0)
			ts->tv_sec += atol(text);
		close(fd);
	}
	return rc;
}
"""


def movable_clock():
    source = os.path.join(r.scratch(), "clock.c")
    library = os.path.join(r.scratch(), "clock.so")
    with open(source, "w") as f:
        f.write(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-O", "-o", library, source,
        "-ldl"], check=True)
    set_clock(0)
    return {"LD_PRELOAD": library, "TEST_CLOCK": os.path.join(r.scratch(),
        "clock")}


def set_clock(seconds):
    path = os.path.join(r.scratch(), "clock")
    with open(path + ".new", "w") as f:
        f.write("%d" % seconds)
    os.rename(path + ".new", path)


class Stream:
    """A watch that is open: its first message has come."""

    def __init__(self, client, metadata=None):
        self.call = client.Registry.Watch(reg.WatchRequest(snapshot=True,
            kinds=[t.KIND_ORGANISATION]), metadata=metadata, timeout=60)
        for message in self.call:
            if message.snapshot_done:
                return

    def ends(self, *codes, within=1.0):
        began = time.monotonic()
        error = r.refusal(lambda: list(self.call), *codes)
        took = time.monotonic() - began
        assert took < within, "%.2f s" % took
        return error


def account(id_, **fields):
    role, body = ACCOUNTS[id_]
    return admin.Account(**dict({"id": id_, "organisation_id": body,
        "roles": ["ROLE_" + role]}, **fields))


def put(account_):
    return agency.Admin.PutAccount(admin.PutAccountRequest(
        request_id=new_id(), account=account_))


def who(client, metadata=None):
    return client.Admin.WhoAmI(admin.WhoAmIRequest(), metadata=metadata)


def refused(client, metadata=None):
    return r.refusal(lambda: who(client, metadata), Code.UNAUTHENTICATED)


def sha256(name):
    der = ssl.PEM_cert_to_DER_cert(context.read(name).decode().split(
        "-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
    return hashlib.sha256(der).hexdigest()


def reason(error):
    return r.details(error)["ErrorInfo"].reason


# ---- accounts ------------------------------------------------------------------

def account__disabled__streams_end_and_calls_are_refused():
    client = context.client("bocage")
    sync = client.Registry.Sync(iter([]), timeout=20)   # one of each kind
    r.refusal(lambda: list(sync), Code.INVALID_ARGUMENT)
    streams = [Stream(client) for _ in range(20)]
    put(account("bocage", disabled=True))
    for stream in streams:
        assert reason(stream.ends(Code.UNAUTHENTICATED)) == "ACCOUNT_DISABLED"
    refused(client)
    put(account("bocage"))
    assert who(client).account.id == "bocage"
    client.close()


def account__other_roles_or_body__streams_end_and_may_be_opened_again():
    client = context.client("bocage")
    stream = Stream(client)
    put(account("bocage", roles=["ROLE_MEMBER_READER"]))
    assert reason(stream.ends(Code.UNAUTHENTICATED)) == "ACCOUNT_CHANGED"
    stream = Stream(client)
    put(account("bocage", organisation_id=r.PROXIMITY))
    stream.ends(Code.UNAUTHENTICATED)
    put(account("bocage"))
    Stream(client).call.cancel()
    client.close()


def account__renamed_label__streams_go_on():
    client = context.client("bocage")
    stream = Stream(client)
    put(account("bocage", label="Un autre libellé"))
    made = context.put_organisation(agency, "nouvelle-structure",
        "partenaire").revision
    assert next(stream.call).revision == made
    stream.call.cancel()
    client.close()


# ---- certificates --------------------------------------------------------------

def certificate__revoked_by_the_register__streams_end_others_go_on():
    certificates.account(context, "bocage", "bocage-suivant")
    first, second = context.client("bocage"), context.client("bocage-suivant")
    streams = Stream(first), Stream(second)
    agency.Admin.RevokeCertificate(admin.RevokeCertificateRequest(
        request_id=new_id(), account_id="bocage",
        sha256=sha256("account-bocage-suivant.pem")))
    assert reason(streams[1].ends(Code.UNAUTHENTICATED)) == \
        "CERTIFICATE_REVOKED"
    refused(second)
    put(account("bocage"))      # what is revoked stays so
    refused(second)
    assert who(first).account.id == "bocage"
    streams[0].call.cancel()
    first.close(), second.close()


def certificate__no_longer_pinned__streams_end():
    certificates.make(context.pki, "account-sans-nom", issuer="ca")
    client = context.client("sans-nom")
    refused(client)
    put(account("bocage", certificate_pins=[sha256("account-sans-nom.pem"),
        sha256("account-bocage.pem")]))
    assert who(client).account.id == "bocage"
    streams = Stream(client), Stream(context.client("bocage"))
    put(account("bocage"))
    streams[0].ends(Code.UNAUTHENTICATED)
    refused(client)
    streams[1].call.cancel()
    put(account("bocage", certificate_pins=["1" * 64]))
    member = context.client("bocage")
    assert reason(refused(member)) == "CERTIFICATE_NOT_PINNED"
    put(account("bocage"))
    member.close(), client.close()


def certificate__expires__streams_end_and_no_new_handshake():
    certificates.account(context, "bocage", "bocage-bref", end=4)
    client = context.client("bocage-bref")
    stream = Stream(client)
    stream.ends(Code.UNAUTHENTICATED, within=6.0)
    again = context.client("bocage-bref")
    r.refusal(lambda: who(again), Code.UNAVAILABLE)
    client.close(), again.close()


def certificate__on_the_crl_at_a_reload__its_connection_ends_others_go_on():
    pair = context.client("ccas-flers"), context.client("bocage")
    streams = [Stream(c) for c in pair]
    said = subprocess.run([r.RESOPRO, "pki", "revoke", context.pki,
        "ccas-flers"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert said.returncode == 0, said.stdout
    context.daemon.send_signal(1)
    streams[0].ends(Code.UNAVAILABLE, Code.UNAUTHENTICATED, within=1.5)
    r.refusal(lambda: who(pair[0]), Code.UNAVAILABLE)
    made = context.put_organisation(agency, "apres-rechargement",
        "partenaire").revision
    assert next(streams[1].call).revision == made
    streams[1].call.cancel()
    for client in pair:
        client.close()


# ---- tokens --------------------------------------------------------------------

def make_token(days=1):
    made = agency.Admin.CreateToken(admin.CreateTokenRequest(
        request_id=new_id(), account_id="bocage", days=days))
    return made, [("authorization", "Bearer " + made.secret)]


def token__revoked__its_streams_end_and_the_other_token_goes_on():
    nobody = context.client(None)
    (made, header), (other, second) = make_token(), make_token()
    streams = Stream(nobody, header), Stream(nobody, second)
    agency.Admin.RevokeToken(admin.RevokeTokenRequest(request_id=new_id(),
        account_id="bocage", token_id=made.token_id))
    streams[0].ends(Code.UNAUTHENTICATED)
    refused(nobody, header)
    assert who(nobody, second).credential == "token " + other.token_id
    streams[1].call.cancel()
    nobody.close()


def token__wrong_in_any_part__is_refused():
    nobody = context.client(None)
    made, _ = make_token()
    prefix, account_, id_, secret = made.secret.split("_")
    flipped = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    for text in (made.secret[:-1], made.secret + "0", "Bearer",
            "_".join((prefix, "agence", id_, secret)),
            "_".join((prefix, account_, "t-absent", secret)),
            "_".join((prefix, account_, id_, flipped)),
            "_".join((prefix, account_, id_, "")), "rsp_" + "a" * 5000):
        refused(nobody, [("authorization", "Bearer " + text)])
    refused(nobody, [("authorization", "Basic " + made.secret)])
    nobody.close()


def token__expires__its_streams_end():
    nobody = context.client(None)
    _, header = make_token(days=2)
    stream = Stream(nobody, header)
    set_clock(2 * 86400 - 60)
    assert who(nobody, header).account.id == "bocage"
    set_clock(2 * 86400 + 60)
    assert reason(stream.ends(Code.UNAUTHENTICATED, within=2.0)) == \
        "CREDENTIAL_EXPIRED"
    assert reason(refused(nobody, header)) == "TOKEN_EXPIRED"
    set_clock(0)
    nobody.close()


def handshake__certificates_required__none_without():
    with r.Register({("tls", "client_cert"): "required"}) as strict:
        agency_ = strict.client("agence")
        assert who(agency_).account.id == "agence"
        nobody = strict.client(None)
        r.refusal(lambda: who(nobody), Code.UNAVAILABLE)
        r.refusal(lambda: nobody.channel.unary_unary(
            "/grpc.health.v1.Health/Check")(b""), Code.UNAVAILABLE)
        nobody.close(), agency_.close()


with r.Register(environment=movable_clock()) as context:
    context.accounts()
    agency = context.client("agence")
    failed = r.run_tests(globals())
    agency.close()
sys.exit(failed > 0)
