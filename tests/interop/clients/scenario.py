"""The scenario of every stock client, in Python: all that a member's program
would do, and what goes wrong.  A function is a test; its name is the claim."""
import os
import pkgutil
import sys
import threading
import time
import uuid

import grpc
import google

# The generated google.rpc and grpc.health lie beside the installed packages.
for package in (google, grpc):
    package.__path__ = pkgutil.extend_path(package.__path__, package.__name__)

from google.protobuf import descriptor_pb2
from google.rpc import error_details_pb2, status_pb2
from resopro.v1 import (activities_pb2, activities_pb2_grpc, admin_pb2,
    admin_pb2_grpc, memberships_pb2, memberships_pb2_grpc, referrals_pb2,
    referrals_pb2_grpc, registry_pb2 as reg, registry_pb2_grpc,
    territories_pb2, territories_pb2_grpc, types_pb2 as t)

MEMBER = "mission-locale-des-jeunes-du-bocage"
SERVER = os.environ["RESOPRO_SERVER"]
PKI = os.environ["PKI"]
LIMITS = [("grpc.max_receive_message_length", 32 << 20),
    ("grpc.max_send_message_length", 32 << 20)]


def read(name):
    with open(os.path.join(PKI, name), "rb") as f:
        return f.read()


def connect(account, **options):
    pair = {} if account is None else {
        "private_key": read("account-%s.key" % account),
        "certificate_chain": read("account-%s.pem" % account)}
    credentials = grpc.ssl_channel_credentials(read("ca.pem"), **pair)
    return grpc.secure_channel(SERVER, credentials, options=LIMITS, **options)


class Client:
    def __init__(self, account, **options):
        self.channel = connect(account, **options)
        self.registry = registry_pb2_grpc.RegistryStub(self.channel)
        self.admin = admin_pb2_grpc.AdminStub(self.channel)
        self.activities = activities_pb2_grpc.ActivitiesStub(self.channel)
        self.referrals = referrals_pb2_grpc.ReferralsStub(self.channel)
        self.memberships = memberships_pb2_grpc.MembershipsStub(self.channel)
        self.territories = territories_pb2_grpc.TerritoriesStub(self.channel)


def new_id():
    return uuid.uuid4().hex


def site(name, **fields):
    return t.Record(kind=t.KIND_SITE, owner=MEMBER, source="essai",
        source_id=fields.pop("source_id", ""), id=fields.pop("id", ""),
        site=t.Site(organisation_id=MEMBER, nom=name, code_insee="61169",
            **fields))


def refusal(call, code):
    try:
        call()
    except grpc.RpcError as e:
        assert e.code() == code, "%s instead of %s: %s" % (
            e.code(), code, e.details())
        return e
    raise AssertionError("was not refused with %s" % code)


def details(error):
    """google.rpc details of an error, by type."""
    raw = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    assert raw, "no grpc-status-details-bin"
    status = status_pb2.Status.FromString(raw)
    assert status.code == error.code().value[0]
    found = {}
    for any_ in status.details:
        kind = getattr(error_details_pb2, any_.type_url.split(".")[-1])
        found[kind.__name__] = kind.FromString(any_.value)
    return found


def put(c, record, **fields):
    record.id = record.id or "interop-" + record.source_id
    return c.registry.Put(reg.PutRequest(request_id=fields.pop("request_id",
        new_id()), record=record, **fields))


def whoami__certificate__is_the_account(agency, member):
    who = member.admin.WhoAmI(admin_pb2.WhoAmIRequest())
    assert who.account.id == "bocage", who
    assert who.credential.startswith("certificate ")
    assert who.revision > 0


def put_get_history_delete__one_record__each_step_is_seen(agency, member):
    made = put(member, site("Antenne d'essai", source_id="p1"))
    name = dict(kind=t.KIND_SITE, id=made.record.id)
    assert made.record.version == 1
    got = member.registry.Get(reg.GetRequest(**name))
    assert got.record.site.nom == "Antenne d'essai"
    changed = made.record
    changed.site.telephone = "+33233000000"
    second = put(member, changed, if_version=1, check_version=True)
    assert second.record.version == 2
    old = member.registry.Get(reg.GetRequest(
        as_of=reg.AsOf(revision=made.revision), **name))
    assert old.record.site.telephone == ""
    history = member.registry.History(reg.HistoryRequest(**name))
    assert [e.version for e in history.entries] == [2, 1]
    assert history.entries[0].changes, history
    confirmed = member.registry.Confirm(reg.ConfirmRequest(
        request_id=new_id(), names=[reg.RecordName(**name)]))
    assert confirmed.confirmed == 1
    batch = member.registry.BatchGet(reg.BatchGetRequest(names=[
        reg.RecordName(**name), reg.RecordName(kind=t.KIND_SITE, id="absent")]))
    assert len(batch.records) == 1 and batch.missing[0].id == "absent"
    member.registry.Delete(reg.DeleteRequest(request_id=new_id(), **name))
    refusal(lambda: member.registry.Get(reg.GetRequest(**name)),
        grpc.StatusCode.NOT_FOUND)


def put__version_moved__aborted_and_tells_the_current_one(agency, member):
    made = put(member, site("Antenne A", source_id="v1"))
    error = refusal(lambda: put(member, made.record, if_version=7,
        check_version=True), grpc.StatusCode.ABORTED)
    info = details(error)["ErrorInfo"]
    assert "1" in info.metadata.values(), info


def put__same_request_id__first_answer_and_another_body_refused(agency,
        member):
    rid = new_id()
    first = put(member, site("Antenne B", source_id="r1"), request_id=rid)
    again = put(member, site("Antenne B", source_id="r1"), request_id=rid)
    assert first.revision == again.revision
    assert first.record.id == again.record.id
    refusal(lambda: put(member, site("Autre", source_id="r1"),
        request_id=rid), grpc.StatusCode.ALREADY_EXISTS)


def put__bad_values__every_field_with_rule_and_remedy(agency, member):
    error = refusal(lambda: put(member, site("Antenne C", source_id="i1",
        siret="12345678901234", courriel="pas une adresse")),
        grpc.StatusCode.INVALID_ARGUMENT)
    fields = {v.field: v.description
        for v in details(error)["BadRequest"].field_violations}
    assert any("siret" in f for f in fields), fields
    assert any("courriel" in f for f in fields), fields
    assert all(fields.values())


def put__another_members_record__denied(agency, member):
    record = site("Chez un autre", source_id="d1")
    record.owner = record.site.organisation_id = "ccas-de-flers"
    refusal(lambda: put(member, record), grpc.StatusCode.PERMISSION_DENIED)


def list__pages__each_record_once_at_one_revision(agency, member):
    seen, token, revisions = [], "", set()
    while True:
        page = agency.registry.List(reg.ListRequest(
            kind=t.KIND_ORGANISATION, page_size=7, page_token=token))
        seen += [r.id for r in page.records]
        revisions.add(page.revision)
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) and seen == sorted(seen)
    assert MEMBER in seen and len(revisions) == 1


def search__words_of_one_site__found_and_explained(agency, member):
    put(member, site("Antenne de l'Orme étoilé", source_id="q1"))
    for query in "ORME etoile", "antenne orm", "orme etiole":
        found = agency.registry.Search(reg.SearchRequest(query=query,
            kinds=[t.KIND_SITE], why=True))
        assert [h.id for h in found.hits] == ["interop-q1"], found
        assert found.hits[0].why and found.hits[0].commune == "Flers"
        assert found.revision > 0
    nothing = agency.registry.Search(reg.SearchRequest(query="ormo etoilee7"))
    assert not nothing.hits and nothing.words[0].nearest == "orme", nothing


def sync_steps(records, mode=reg.SYNC_MODE_DELTA, **fields):
    yield reg.SyncRequest(start=reg.SyncStart(request_id=new_id(),
        owner=MEMBER, source="interop", mode=mode, kinds=[t.KIND_SITE],
        **fields))
    for i in range(0, len(records), 1000):
        yield reg.SyncRequest(batch=reg.SyncBatch(records=[
            reg.SyncRecord(record=r) for r in records[i:i + 1000]]))
    yield reg.SyncRequest(end=reg.SyncEnd(records=len(records)))


def sync(c, records, **fields):
    return [m for m in c.registry.Sync(sync_steps(records, **fields))
        if m.HasField("result")][-1].result


def sync__dry_run_then_real_then_again__planned_created_unchanged(agency,
        member):
    records = [site("Lieu %d" % i, source_id="s%d" % i) for i in range(500)]
    planned = sync(member, records, dry_run=True)
    assert planned.created == 500 and not planned.applied
    done = sync(member, records)
    assert done.created == 500 and done.applied
    again = sync(member, records)
    assert again.unchanged == 500 and again.created == 0


def sync__full_set_nearly_empty__guard_refuses(agency, member):
    records = [site("Lieu 0", source_id="s0")]
    refusal(lambda: sync(member, records, mode=reg.SYNC_MODE_FULL),
        grpc.StatusCode.FAILED_PRECONDITION)


def watch__snapshot_then_cut_then_resume__no_change_is_lost(agency, member):
    stream = member.registry.Watch(reg.WatchRequest(snapshot=True,
        kinds=[t.KIND_SITE], owner=MEMBER))
    revision = 0
    for message in stream:
        if message.snapshot_done:
            revision = message.revision
            break
    stream.cancel()
    names = ["Suivi %d" % i for i in range(20)]
    for i, name in enumerate(names):
        put(member, site(name, source_id="w%d" % i))
    seen = []
    stream = member.registry.Watch(reg.WatchRequest(kinds=[t.KIND_SITE],
        owner=MEMBER, from_revision=revision + 1), timeout=20)
    for message in stream:
        seen += [e.record.site.nom for e in message.events]
        if len(seen) >= len(names):
            break
    stream.cancel()
    assert seen == names, seen


def watch__parallel_streams_100__each_sees_the_change(agency, member):
    arrived = threading.Barrier(101, timeout=30)
    ready = threading.Semaphore(0)
    wrong = []

    def follow():
        stream = member.registry.Watch(reg.WatchRequest(snapshot=True,
            kinds=[t.KIND_SITE], names=[reg.RecordName(kind=t.KIND_SITE,
                id=target)]), timeout=30)
        try:
            for message in stream:
                if message.snapshot_done:
                    ready.release()
                if any(e.record.version == 2 for e in message.events):
                    break
            stream.cancel()
        except grpc.RpcError as e:
            wrong.append(e)
            ready.release()
        arrived.wait()

    made = put(member, site("Cible", source_id="target"))
    target = made.record.id
    threads = [threading.Thread(target=follow) for _ in range(100)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert ready.acquire(timeout=30)
    made.record.site.nom = "Cible atteinte"
    put(member, made.record)
    arrived.wait()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]


def calls__parallel_100__all_answered(agency, member):
    futures = [agency.registry.Get.future(reg.GetRequest(
        kind=t.KIND_ORGANISATION, id=MEMBER)) for _ in range(100)]
    assert all(f.result(timeout=20).record.id == MEMBER for f in futures)


def message__4_mib__taken_and_beyond_refused(agency, member):
    record = site("Grand", source_id="big")
    batch = reg.BatchGetRequest()
    while batch.ByteSize() < (4 << 20) - 200:
        batch.names.add(kind=t.KIND_SITE, id="a" * 80)
        if len(batch.names) >= 1000:
            break
    # A message of almost 4 MiB reaches the handler, which has its own rules.
    big = reg.PutRequest(request_id=new_id(), record=record)
    big.record.site.description = "x" * ((4 << 20) - 1000)
    refusal(lambda: member.registry.Put(big),
        grpc.StatusCode.INVALID_ARGUMENT)
    big.record.site.description = "x" * (5 << 20)
    refusal(lambda: member.registry.Put(big),
        grpc.StatusCode.RESOURCE_EXHAUSTED)


def deadline__watch_without_events__exceeded(agency, member):
    began = time.monotonic()
    refusal(lambda: list(member.registry.Watch(reg.WatchRequest(
        kinds=[t.KIND_OFFER]), timeout=0.3)),
        grpc.StatusCode.DEADLINE_EXCEEDED)
    assert time.monotonic() - began < 5


def cancel__watch__ends_and_the_channel_goes_on(agency, member):
    stream = member.registry.Watch(reg.WatchRequest(kinds=[t.KIND_OFFER]))
    threading.Timer(0.05, stream.cancel).start()
    refusal(lambda: list(stream), grpc.StatusCode.CANCELLED)
    member.admin.WhoAmI(admin_pb2.WhoAmIRequest())


def gzip__both_ways__same_answers(agency, member):
    c = Client("agence", compression=grpc.Compression.Gzip)
    page = c.registry.List(reg.ListRequest(kind=t.KIND_ORGANISATION,
        page_size=200))
    plain = agency.registry.List(reg.ListRequest(kind=t.KIND_ORGANISATION,
        page_size=200))
    assert list(page.records) == list(plain.records) and len(page.records) > 20
    c.channel.close()


def credentials__none__unauthenticated_but_health_answers(agency, member):
    c = Client(None)
    refusal(lambda: c.admin.WhoAmI(admin_pb2.WhoAmIRequest()),
        grpc.StatusCode.UNAUTHENTICATED)
    check = c.channel.unary_unary("/grpc.health.v1.Health/Check")
    assert check(b"") == b"\x08\x01"
    c.channel.close()


def token__created__authenticates_and_revoked_does_not(agency, member):
    agency.admin.GetAccount(admin_pb2.GetAccountRequest(id="bocage"))
    made = agency.admin.CreateToken(admin_pb2.CreateTokenRequest(
        request_id=new_id(), account_id="bocage"))
    c = Client(None)
    header = [("authorization", "Bearer " + made.secret)]
    who = c.admin.WhoAmI(admin_pb2.WhoAmIRequest(), metadata=header)
    assert who.account.id == "bocage" and who.credential.startswith("token ")
    agency.admin.RevokeToken(admin_pb2.RevokeTokenRequest(request_id=new_id(),
        account_id="bocage", token_id=who.credential.split()[1]))
    refusal(lambda: c.admin.WhoAmI(admin_pb2.WhoAmIRequest(),
        metadata=header), grpc.StatusCode.UNAUTHENTICATED)
    c.channel.close()


def reflection__v1alpha__lists_every_service(agency, member):
    call = agency.channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    (answer,) = call(iter([b"\x3a\x00"]))
    for service in (b"resopro.v1.Registry", b"resopro.v1.Referrals",
            b"grpc.health.v1.Health"):
        assert service in answer, answer
    name = b"resopro.v1.Registry"
    (answer,) = call(iter([b"\x22" + bytes([len(name)]) + name]))
    assert b"resopro/v1/registry.proto" in answer


def method__unknown__unimplemented(agency, member):
    call = agency.channel.unary_unary("/resopro.v1.Registry/Nothing")
    refusal(lambda: call(b""), grpc.StatusCode.UNIMPLEMENTED)


def find__young_person_without_occupation__ranked_with_reasons(agency,
        member):
    request = referrals_pb2.FindRequest(commune="61169", age=20,
        situation="sans_activite", why=True)
    first = agency.referrals.Find(request)
    assert first.lines and first.lines[0].rank == 1
    assert first.lines[0].organisation_nom
    assert agency.referrals.Find(request) == first
    refusal(lambda: agency.referrals.Find(referrals_pb2.FindRequest(
        commune="99999")), grpc.StatusCode.INVALID_ARGUMENT)


def territories__names_codes_and_choices__resolved(agency, member):
    one = agency.territories.Resolve(territories_pb2.ResolveRequest(
        text="Caen"))
    assert "14118" in [c.code for c in one.communes]
    many = agency.territories.Resolve(territories_pb2.ResolveRequest(
        text="14400"))
    assert many.total > 10
    zones = agency.territories.ListZones(territories_pb2.ListZonesRequest(
        type="dep"))
    assert len(zones.zones) == 5


def activities_and_statuses__listed__answer_at_a_revision(agency, member):
    answer = agency.activities.List(activities_pb2.ListActivitiesRequest())
    assert answer.revision > 0
    statuses = agency.registry.List(reg.ListRequest(kind=t.KIND_STATUS,
        organisation_id=MEMBER))
    assert statuses.records
    refusal(lambda: member.memberships.EndStatus(
        memberships_pb2.EndStatusRequest(request_id=new_id(),
            id=statuses.records[0].id)), grpc.StatusCode.PERMISSION_DENIED)
    assert agency.admin.Status(admin_pb2.StatusRequest()).revision > 0


def main():
    agency, member = Client("agence"), Client("bocage")
    failed = 0
    for name, test in list(globals().items()):
        if "__" not in name or name.startswith("__"):
            continue
        try:
            test(agency, member)
            print("[       OK ] %s" % name)
        except Exception as e:      # any failure is this test's own
            failed += 1
            print("[  FAILED  ] %s" % name)
            print("%s: %s" % (type(e).__name__, e))
        sys.stdout.flush()
    sys.exit(failed > 0)


main()
