#!/usr/bin/python3
"""The daemon under valgrind: one of each kind of call, refusals, a reload,
streams that are cut and a stop with one open; no error, no leak, and every
descriptor closed."""
import os
import re
import signal
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import rawh2 as h
import register as r
from register import AGENCY, messages, new_id, refusal

t, reg, admin = messages("types"), messages("registry"), messages("admin")
act, ref = messages("activities"), messages("referrals")
terr, mem = messages("territories"), messages("memberships")
Code = grpc.StatusCode
SITE = t.KIND_SITE


def site(id_="", nom="Un accueil", **fields):
    return t.Record(kind=SITE, id=id_, owner=AGENCY, site=t.Site(
        organisation_id=AGENCY, nom=nom, code_insee="61169", **fields))


def steps(n, **start):
    yield reg.SyncRequest(start=reg.SyncStart(source="essai", owner=AGENCY,
        mode=reg.SYNC_MODE_FULL, request_id=new_id(), kinds=[SITE], **start))
    yield reg.SyncRequest(batch=reg.SyncBatch(records=[reg.SyncRecord(
        record=t.Record(kind=SITE, source_id="s%d" % i, site=site(
        nom="Lieu %d" % i).site)) for i in range(n)]))
    yield reg.SyncRequest(end=reg.SyncEnd(records=n))


def calls(client):
    """Each service, reads and writes, good and refused."""
    registry, same = client.Registry, reg.PutRequest(request_id=new_id(),
        record=site("un-lieu"))
    for _ in range(2):      # the second is a replay
        registry.Put(same)
    registry.Put(reg.PutRequest(request_id=new_id(), record=site("autre")))
    refusal(lambda: registry.Put(reg.PutRequest(record=site("mauvais",
        siret="123", courriel="x"))), Code.INVALID_ARGUMENT)
    registry.Get(reg.GetRequest(kind=SITE, id="un-lieu"),
        compression=grpc.Compression.Gzip)
    refusal(lambda: registry.Get(reg.GetRequest(kind=SITE, id="absent")),
        Code.NOT_FOUND)
    registry.BatchGet(reg.BatchGetRequest(names=[reg.RecordName(kind=SITE,
        id=id_) for id_ in ("un-lieu", "absent")]))
    token = registry.List(reg.ListRequest(kind=SITE,
        page_size=1)).next_page_token
    registry.List(reg.ListRequest(kind=SITE, page_size=1, page_token=token))
    registry.Confirm(reg.ConfirmRequest(request_id=new_id(), names=[
        reg.RecordName(kind=SITE, id="un-lieu")]))
    registry.Delete(reg.DeleteRequest(request_id=new_id(), kind=SITE,
        id="autre"))
    registry.History(reg.HistoryRequest(kind=SITE, id="un-lieu"))
    for options in {"dry_run": True}, {}, {}:
        assert list(registry.Sync(steps(60, **options)))[-1].HasField("result")
    refusal(lambda: list(registry.Sync(steps(1))), Code.FAILED_PRECONDITION)
    client.Territories.Resolve(terr.ResolveRequest(text="flers"))
    client.Territories.ListZones(terr.ListZonesRequest())
    client.Referrals.Find(ref.FindRequest(commune="61169", age=20,
        situation="sans_activite", why=True))
    client.Memberships.RecordStatus(mem.RecordStatusRequest(
        request_id=new_id(), status=t.Status(organisation_id=AGENCY,
        title="cep-loi", legal_basis="C. trav. L6111-6", authority="Loi",
        **{"from": "2020-01-01"})))
    client.Activities.Declare(act.DeclareRequest(request_id=new_id(),
        source="crm", source_id="a1", activity=t.Activity(
        organisation_id=AGENCY, activity_kind="A11", title="Un forum",
        start="2024-03-12", communes=["61169"])))
    refusal(lambda: client.Activities.Declare(act.DeclareRequest()),
        Code.INVALID_ARGUMENT)
    account = admin.Account(id="essai", organisation_id=AGENCY,
        roles=["ROLE_MEMBER_READER"])
    client.Admin.PutAccount(admin.PutAccountRequest(request_id=new_id(),
        account=account))
    client.Admin.CreateToken(admin.CreateTokenRequest(request_id=new_id(),
        account_id="essai", label="nuit"))
    client.Admin.ListAccounts(admin.ListAccountsRequest())
    client.Admin.Explain(admin.ExplainRequest(method="Registry/Put",
        kind=SITE, record_id="un-lieu"))
    client.Admin.Verify(admin.VerifyRequest())
    client.Admin.Status(admin.StatusRequest())


def streams(register, client):
    """A watch that sees a change, one that is cancelled, a cut set."""
    watch = client.Registry.Watch(reg.WatchRequest(kinds=[SITE],
        snapshot=True))
    for answer in watch:
        if answer.snapshot_done:
            break
    client.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=site("un-lieu", "Autre nom")))
    assert next(watch).events
    watch.cancel()
    refusal(lambda: list(client.Registry.Sync(iter(list(steps(5))[:2]))),
        Code.INVALID_ARGUMENT)
    c = h.H2(register)
    health = c.open("/grpc.health.v1.Health/Watch")
    c.data(health, h.message(b""))
    reflect = c.open("/grpc.reflection.v1alpha.ServerReflection/"
        "ServerReflectionInfo")
    c.data(reflect, h.message(b"\x3a\x00"), end=False)   # list_services
    for stream in health, reflect:
        while not c.answers[stream].data:
            assert c.read()
    for path in "Sync", "Watch", "Get", "Put":
        c.data(c.open("/resopro.v1.Registry/" + path), h.message(b"x" *
            100)[:50], end=False)
    c.close()               # in the middle of four calls


def bad_connections(register):
    for first in b"", b"GET / HTTP/1.1\r\n\r\n":
        with socket.create_connection(("127.0.0.1", register.port)) as s:
            s.sendall(first)
    c = h.H2(register)
    c.send(h.frame(h.PING, 0, 0, b"12345678") * 1000)
    assert c.end() == 11
    for raw in b"\xff" * 40, h.message(b"\xff" * 20, 1):
        c = h.H2(register)
        assert c.call("/resopro.v1.Registry/Get", raw).grpc
        c.close()


def judge(report):
    with open(report) as f:
        said = f.read()
    assert re.search(r"ERROR SUMMARY: 0 errors", said), said[-6000:]
    for kind in "definitely", "indirectly", "possibly":
        lost = re.search(kind + r" lost: ([\d,]+) bytes", said)
        assert lost is None or lost.group(1) == "0", said[-6000:]
    opened = re.search(r"FILE DESCRIPTORS: (\d+) open \((\d+) std\)", said)
    assert opened and int(opened.group(1)) <= 4, said[-6000:]


def main():
    report = os.path.join(r.scratch(), "report")
    register = r.Register({("workers", "count"): "2"}, command=["valgrind",
        "--log-file=" + report, "--leak-check=full", "--track-fds=yes",
        "--show-leak-kinds=definite,indirect,possible",
        "--errors-for-leak-kinds=definite,indirect,possible",
        "--error-exitcode=99", "--num-callers=25"])
    with register:
        client = register.client("agence")
        calls(client)
        streams(register, client)
        bad_connections(register)
        register.daemon.send_signal(signal.SIGHUP)
        watch = client.Registry.Watch(reg.WatchRequest(snapshot=True))
        next(watch)
        register.stop()     # with a stream open
        refusal(lambda: list(watch), Code.UNAVAILABLE)
        client.close()
    judge(report)


if subprocess.run(["sh", "-c", "command -v valgrind"],
        stdout=subprocess.DEVNULL).returncode != 0:
    print("no valgrind")
    sys.exit(77)
main()
