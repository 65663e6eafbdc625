#!/usr/bin/python3
"""What clients/scenario.py does not ask of the daemon, by Python's grpcio:
every method once, the register through reflection alone, every kind of error
with its details, reads of the past, lists while others write, limits.
A function is a test; its name is the claim."""
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf import message_factory, timestamp_pb2

import register as r
from register import MEMBER, details, messages, new_id, refusal

t, reg = messages("types"), messages("registry")
admin, act = messages("admin"), messages("activities")
memberships, referrals = messages("memberships"), messages("referrals")
territories, own = messages("territories"), messages("ownership")
Code = grpc.StatusCode


def site(id_, nom="Accueil", owner=MEMBER, **fields):
    return t.Record(kind=t.KIND_SITE, id=id_, owner=owner, site=t.Site(
        organisation_id=owner, nom=nom, code_insee="61169", **fields))


def put(client, record, request_id=None, **fields):
    return client.Registry.Put(reg.PutRequest(record=record,
        request_id=request_id or new_id(), **fields))


def get(client, id_, kind=t.KIND_SITE, **fields):
    return client.Registry.Get(reg.GetRequest(kind=kind, id=id_, **fields))


def now():
    at = timestamp_pb2.Timestamp()
    at.GetCurrentTime()
    return at


# ---- records -----------------------------------------------------------------

def unknown_fields__put_and_got_back__survive(agency, member):
    record = site("inconnu")
    raw = bytearray(record.SerializeToString())
    later = b"\xfa\x7f\x05apres"        # field 2047 of Record, a string
    inner = record.site.SerializeToString() + b"\xf8\x7f\x2a"
    bare = t.Record.FromString(bytes(raw))
    bare.ClearField("site")
    raw = bare.SerializeToString() + b"\xaa\x01" + bytes([len(inner)]) + \
        inner + later
    put(member, t.Record.FromString(raw))
    kept = get(agency, "inconnu").record.SerializeToString()
    assert later in kept and b"\xf8\x7f\x2a" in kept, kept
    assert agency.Registry.BatchGet(reg.BatchGetRequest(names=[reg.RecordName(
        kind=t.KIND_SITE, id="inconnu")])).records[0].SerializeToString() \
        == kept


def get__as_of_revision_and_time__each_state_as_it_was(agency, member):
    states = []
    for name in "Premier", "Deuxième", "Troisième":
        answer = put(member, site("passe", name))
        states.append((name, answer.revision, now()))
        time.sleep(0.002)       # instants that differ
    for name, revision, at in states:
        for as_of in reg.AsOf(revision=revision), reg.AsOf(time=at):
            found = get(agency, "passe", as_of=as_of)
            assert found.record.site.nom == name, (name, found)
        batch = agency.Registry.BatchGet(reg.BatchGetRequest(
            as_of=reg.AsOf(revision=revision),
            names=[reg.RecordName(kind=t.KIND_SITE, id="passe")]))
        assert batch.records[0].site.nom == name
        listed = agency.Registry.List(reg.ListRequest(kind=t.KIND_SITE,
            as_of=reg.AsOf(revision=revision)))
        assert [s.site.nom for s in listed.records if s.id == "passe"] == \
            [name]
    refusal(lambda: get(agency, "passe", as_of=reg.AsOf(
        revision=states[0][1] - 1)), Code.NOT_FOUND)
    refusal(lambda: get(agency, "passe", as_of=reg.AsOf(
        revision=1 << 40)), Code.OUT_OF_RANGE, Code.INVALID_ARGUMENT)


def delete__then_past_and_history__tombstone_and_id_never_reused(agency,
        member):
    before = put(member, site("ferme")).revision
    gone = member.Registry.Delete(reg.DeleteRequest(request_id=new_id(),
        kind=t.KIND_SITE, id="ferme")).revision
    assert gone > before
    refusal(lambda: get(agency, "ferme"), Code.NOT_FOUND)
    assert get(agency, "ferme", as_of=reg.AsOf(revision=before)).record.id
    entries = agency.Registry.History(reg.HistoryRequest(kind=t.KIND_SITE,
        id="ferme")).entries
    assert [e.type for e in entries] == [reg.CHANGE_TYPE_DELETED,
        reg.CHANGE_TYPE_CREATED], entries
    assert [e.actor for e in entries] == ["bocage"] * 2
    refusal(lambda: put(member, site("ferme")), Code.ALREADY_EXISTS,
        Code.FAILED_PRECONDITION)


def delete__still_referred_to__precondition_names_what(agency, member):
    put(member, site("tenu"))
    put(member, t.Record(kind=t.KIND_OFFER, id="offre-tenue", owner=MEMBER,
        offer=t.Offer(organisation_id=MEMBER, site_id="tenu",
        nom="Un atelier", description="Un atelier chaque semaine")))
    error = refusal(lambda: member.Registry.Delete(reg.DeleteRequest(
        request_id=new_id(), kind=t.KIND_SITE, id="tenu")),
        Code.FAILED_PRECONDITION)
    found = details(error)
    assert found["PreconditionFailure"].violations[0].description, found
    assert found["ErrorInfo"].domain and found["ErrorInfo"].reason


def confirm__many__confirmed_at_moves_and_version_does_not(agency, member):
    names = [reg.RecordName(kind=t.KIND_SITE, id=put(member, site(
        "confirme-%d" % i)).record.id) for i in range(20)]
    before = get(agency, "confirme-7").record
    time.sleep(0.002)
    answer = member.Registry.Confirm(reg.ConfirmRequest(request_id=new_id(),
        names=names))
    after = get(agency, "confirme-7").record
    assert answer.confirmed == 20
    assert after.version == before.version == 1
    assert after.confirmed_at.ToNanoseconds() > \
        before.confirmed_at.ToNanoseconds()
    (count,) = member.Registry.FreshnessCounts(reg.FreshnessCountsRequest(
        kind=t.KIND_SITE, owner=MEMBER)).counts
    assert count.confirmed >= 20 and count.due == count.stale == 0, count


# ---- errors ------------------------------------------------------------------

def put__refused_values__bad_request_names_each_field(agency, member):
    error = refusal(lambda: put(member, site("refuse", "x", siret="1",
        courriel="personne", horaires_accueil="jamais")),
        Code.INVALID_ARGUMENT)
    found = details(error)
    fields = {v.field for v in found["BadRequest"].field_violations}
    assert fields >= {"site.nom", "site.siret", "site.courriel",
        "site.horaires_accueil"}, fields
    assert found["ErrorInfo"].reason and found["ErrorInfo"].domain


def put__another_version__aborted_with_current_version(agency, member):
    put(member, site("version"))
    put(member, site("version", "Autre nom"))
    error = refusal(lambda: put(member, site("version", "Trop tard"),
        check_version=True, if_version=1), Code.ABORTED)
    assert details(error)["ErrorInfo"].metadata["current_version"] == "2"
    error = refusal(lambda: put(member, site("version", "Trop tard"),
        check_version=True), Code.ABORTED, Code.ALREADY_EXISTS)
    assert get(agency, "version").record.site.nom == "Autre nom"


def request_id__again_later_and_from_a_new_connection__first_answer(agency,
        member):
    rid = new_id()
    first = put(member, site("rejoue"), rid)
    put(member, site("rejoue", "Entre-temps"))
    other = r.Client(context.channel("bocage"))
    assert put(other, site("rejoue"), rid).revision == first.revision
    other.close()
    refusal(lambda: put(member, site("rejoue", "Autre corps"), rid),
        Code.ALREADY_EXISTS)
    assert get(agency, "rejoue").record.site.nom == "Entre-temps"
    refusal(lambda: put(member, site("court"), "trop-court"),
        Code.INVALID_ARGUMENT)


def messages__up_to_4_mib_and_above__taken_then_exhausted(agency, member):
    """The limit counts the message, not what rules say of it."""
    def confirm(size):
        request = reg.ConfirmRequest(request_id=new_id(), names=[
            reg.RecordName(kind=t.KIND_SITE, id="rejoue")])
        # An unknown field fills it up: 3 bytes of tag and 4 of length.
        filler = size - request.ByteSize() - 6
        raw = request.SerializeToString() + b"\xfa\x7f" + bytes(
            [filler & 127 | 128, filler >> 7 & 127 | 128,
            filler >> 14 & 127 | 128, filler >> 21]) + b"x" * filler
        assert len(raw) == size, len(raw)
        return member.channel.unary_unary("/resopro.v1.Registry/Confirm",
            response_deserializer=reg.ConfirmResponse.FromString)(raw)
    put(member, site("rejoue", "Pour confirmer"))
    assert confirm(4 << 20).confirmed == 1
    error = refusal(lambda: confirm((4 << 20) + 1), Code.RESOURCE_EXHAUSTED)
    assert details(error)["ErrorInfo"].reason
    assert confirm(1 << 20).confirmed == 1      # the connection goes on


def deadline__already_past__nothing_is_written(agency, member):
    head = agency.Admin.Status(admin.StatusRequest()).revision
    refusal(lambda: member.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=site("en-retard")), timeout=-1), Code.DEADLINE_EXCEEDED)
    assert agency.Admin.Status(admin.StatusRequest()).revision == head


# ---- lists -------------------------------------------------------------------

def list__pages_while_others_write__one_revision_and_none_twice(agency,
        member):
    for i in range(60):
        put(member, site("page-%03d" % i))
    stop = threading.Event()
    broken = []

    def write():
        i = 0
        while not stop.is_set():
            try:
                put(member, site("page-%03d-%d" % (i % 60, i)))
                put(member, site("page-%03d" % (i % 60), "Nom %d" % i))
            except grpc.RpcError as e:
                broken.append(e)
                return
            i += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            seen, revision, token = [], None, ""
            while True:
                page = agency.Registry.List(reg.ListRequest(page_size=7,
                    kind=t.KIND_SITE, page_token=token))
                assert revision in (None, page.revision)
                revision, token = page.revision, page.next_page_token
                seen += [(s.id, s.site.nom) for s in page.records]
                assert all(s.revision <= revision for s in page.records)
                if not token:
                    break
            whole = agency.Registry.List(reg.ListRequest(page_size=1000,
                kind=t.KIND_SITE, as_of=reg.AsOf(revision=revision)))
            assert not whole.next_page_token
            assert seen == [(s.id, s.site.nom) for s in whole.records]
    finally:
        stop.set()
        writer.join()
    assert not broken, broken


def list__token_with_other_filters__refused(agency, member):
    page = agency.Registry.List(reg.ListRequest(kind=t.KIND_SITE,
        page_size=1))
    error = refusal(lambda: agency.Registry.List(reg.ListRequest(page_size=1,
        kind=t.KIND_ORGANISATION, page_token=page.next_page_token)),
        Code.INVALID_ARGUMENT)
    assert details(error)["BadRequest"].field_violations[0].field == \
        "page_token"


# ---- reflection --------------------------------------------------------------

def file_of(answer):
    files = [descriptor_pb2.FileDescriptorProto.FromString(f) for f in
        answer.file_descriptor_response.file_descriptor_proto]
    assert files, answer
    return files


def without_json_names(file):
    """protoc gives them to descriptor sets, but not to generated code."""
    def clear(message):
        for field in message.field:
            field.ClearField("json_name")
        for inner in message.nested_type:
            clear(inner)
    for message in file.message_type:
        clear(message)
    return file


class Reflection:
    """A client that has no .proto but those of reflection itself."""

    def __init__(self, channel, version):
        self.module = messages("grpc.reflection.%s.reflection" % version)
        self.service = r.Service(channel, self.module.DESCRIPTOR
            .services_by_name["ServerReflection"])
        self.pool = descriptor_pool.DescriptorPool()
        self.factory = message_factory.MessageFactory(self.pool)
        self.added = set()

    def ask(self, **question):
        (answer,) = self.service.ServerReflectionInfo(iter([
            self.module.ServerReflectionRequest(**question)]))
        return answer

    def services(self):
        return {s.name for s in self.ask(list_services="")
            .list_services_response.service}

    def add(self, files):
        """With what they import, first."""
        for file in files:
            if file.name in self.added:
                continue
            self.added.add(file.name)
            for name in file.dependency:
                self.add(file_of(self.ask(file_by_filename=name)))
            self.pool.Add(file)

    def bind(self, channel, name):
        self.add(file_of(self.ask(file_containing_symbol=name)))
        return r.Service(channel, self.pool.FindServiceByName(name),
            self.factory.GetPrototype)

    def message(self, name, **fields):
        return self.factory.GetPrototype(
            self.pool.FindMessageTypeByName(name))(**fields)


def reflection__no_proto_at_hand__lists_and_calls_everything(agency, member):
    put(member, site("refleter"))
    for version in "v1", "v1alpha":
        channel = context.channel("agence")
        reflection = Reflection(channel, version)
        names = reflection.services()
        assert names >= {"resopro.v1." + s for s in r.SERVICES} | {
            "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection"}, names
        bound = {n: reflection.bind(channel, n) for n in sorted(names)}
        answer = bound["resopro.v1.Registry"].Get(reflection.message(
            "resopro.v1.GetRequest", kind=t.KIND_SITE, id="refleter"))
        assert answer.record.site.code_insee == "61169"
        pages = bound["resopro.v1.Registry"].Watch(reflection.message(
            "resopro.v1.WatchRequest", snapshot=True))
        assert any(m.snapshot_done for m in iter(lambda: next(pages), None))
        pages.cancel()
        # What was described is what the generated code has.
        for module in "registry", "types", "admin", "referrals":
            ours, theirs = (descriptor_pb2.FileDescriptorProto(),
                descriptor_pb2.FileDescriptorProto())
            messages(module).DESCRIPTOR.CopyToProto(ours)
            reflection.pool.FindFileByName("resopro/v1/%s.proto" %
                module).CopyToProto(theirs)
            assert ours == without_json_names(theirs), module
        channel.close()


def reflection__unknown_names__an_error_in_the_answer(agency, member):
    for version in "v1", "v1alpha":
        reflection = Reflection(agency.channel, version)
        for question in ({"file_by_filename": "absent.proto"},
                {"file_containing_symbol": "resopro.v1.Absent"}):
            answer = reflection.ask(**question)
            assert answer.error_response.error_code == \
                Code.NOT_FOUND.value[0], answer
            assert answer.HasField("original_request")


def reflection__many_questions_on_one_stream__answered_in_order(agency,
        member):
    reflection = Reflection(agency.channel, "v1")
    names = ["resopro/v1/%s.proto" % m for m in r.SERVICES.values()] * 20
    answers = list(reflection.service.ServerReflectionInfo(iter([
        reflection.module.ServerReflectionRequest(file_by_filename=n)
        for n in names])))
    assert [file_of(a)[0].name for a in answers] == names


def dispute__siret_of_another__opened_and_ended(agency, member):
    near = context.client("ccas-flers")
    for siret, end in (("70000001100010", lambda id_: near.Ownership.WithdrawDispute(
            own.WithdrawDisputeRequest(request_id=new_id(), id=id_))),
            ("70000002900012", lambda id_: agency.Ownership.ResolveDispute(
            own.ResolveDisputeRequest(request_id=new_id(), id=id_,
            resolved_for=MEMBER, reason="Certificat SIRENE")))):
        put(member, site("litige-a-" + siret, siret=siret))
        error = refusal(lambda: put(near, site("litige-b-" + siret,
            owner=r.PROXIMITY, siret=siret)), Code.FAILED_PRECONDITION)
        id_ = details(error)["ErrorInfo"].metadata["dispute"]
        assert end(id_).record.dispute.resolved_for == MEMBER
    near.close()


def transfer__offered_and_asked_for__ended_each_way(agency, member):
    near = context.client("ccas-flers")
    put(member, site("cede"))
    for begin, request, client, end, ending in (
            ("OfferTransfer", own.OfferTransferRequest, member,
            "CancelTransfer", own.EndTransferRequest),
            ("RequestTransfer", own.RequestTransferRequest, near,
            "RejectTransfer", own.EndTransferRequest),
            ("RequestTransfer", own.RequestTransferRequest, near,
            "ApproveTransfer", own.ApproveTransferRequest)):
        begun = getattr(client.Ownership, begin)(request(request_id=new_id(),
            kind=t.KIND_SITE, record_id="cede", organisation_id=r.PROXIMITY))
        secret = {"secret": begun.secret} if end == "ApproveTransfer" else {}
        getattr(member.Ownership, end)(ending(request_id=new_id(),
            id=begun.record.id, **secret))
    assert get(near, "cede").record.owner == r.PROXIMITY
    near.close()


# ---- the other services, and that none was forgotten ---------------------------

def memberships__recorded_then_ended__hold_between_their_dates(agency, member):
    made = agency.Memberships.RecordStatus(memberships.RecordStatusRequest(
        request_id=new_id(), status=t.Status(organisation_id=MEMBER,
        title="cep-loi", legal_basis="C. trav. L6111-6", authority="Loi",
        to="", **{"from": "2020-01-01"})))
    activity = act.DeclareRequest(request_id=new_id(), activity=t.Activity(
        organisation_id=MEMBER, activity_kind="A11", title="Un forum",
        start="2024-03-12", communes=["61169"]))
    declared = member.Activities.Declare(activity)
    assert declared.record.kind == t.KIND_ACTIVITY
    assert declared.record.id in [a.id for a in member.Activities.List(
        act.ListActivitiesRequest(organisation_id=MEMBER)).records]
    ended = agency.Memberships.EndStatus(memberships.EndStatusRequest(
        request_id=new_id(), id=made.record.id, to="2024-05-31",
        reason="fin de la convention"))
    assert ended.record.status.to == "2024-05-31"
    activity.request_id, activity.activity.start = new_id(), "2024-06-01"
    error = refusal(lambda: member.Activities.Declare(activity),
        Code.FAILED_PRECONDITION)
    assert details(error)["PreconditionFailure"].violations
    held = [agency.Registry.List(reg.ListRequest(kind=t.KIND_STATUS,
        organisation_id=MEMBER, active_on=day)).records for day in
        ("2024-05-31", "2024-06-01")]
    assert [len(h) for h in held] == [1, 0], held
    error = refusal(lambda: agency.Memberships.EndStatus(
        memberships.EndStatusRequest(request_id=new_id(), id="absent",
        to="2024-05-31", reason="fin de la convention")), Code.NOT_FOUND)
    assert details(error)["ErrorInfo"].reason == "ABSENT"


def methods__every_one_of_the_descriptors__was_called(agency, member):
    agency.Referrals.Find(referrals.FindRequest(commune="61169", age=20))
    agency.Territories.Resolve(territories.ResolveRequest(text="Flers"))
    agency.Territories.ListZones(territories.ListZonesRequest(type="dep"))
    member.Admin.WhoAmI(admin.WhoAmIRequest())
    verdict = member.Admin.Explain(admin.ExplainRequest(
        method="/resopro.v1.Admin/PutAccount"))
    assert not verdict.allowed and verdict.remedy, verdict
    found = agency.Registry.Search(reg.SearchRequest(query=MEMBER)).hits
    assert found[0].id == MEMBER and found[0].how == reg.SEARCH_HOW_WHOLE
    agency.Admin.GetAccount(admin.GetAccountRequest(id="bocage"))
    accounts = agency.Admin.ListAccounts(admin.ListAccountsRequest()).accounts
    assert {a.id for a in accounts} >= set(r.ACCOUNTS)
    made = agency.Admin.CreateToken(admin.CreateTokenRequest(
        request_id=new_id(), account_id="bocage", days=1))
    agency.Admin.RevokeToken(admin.RevokeTokenRequest(request_id=new_id(),
        account_id="bocage", token_id=made.token_id))
    agency.Admin.RevokeCertificate(admin.RevokeCertificateRequest(
        request_id=new_id(), account_id="bocage", sha256="0" * 64))
    health = r.Service(agency.channel, messages("grpc.health.v1.health")
        .DESCRIPTOR.services_by_name["Health"])
    asked = messages("grpc.health.v1.health").HealthCheckRequest
    assert health.Check(asked()).status == 1
    assert health.Check(asked(service="resopro.v1.Registry")).status == 1
    refusal(lambda: health.Check(asked(service="absent")), Code.NOT_FOUND)
    follow = health.Watch(asked())
    assert next(follow).status == 1
    follow.cancel()
    start = reg.SyncRequest(start=reg.SyncStart(request_id=new_id(),
        source="essai", mode=reg.SYNC_MODE_DELTA, dry_run=True))
    assert list(member.Registry.Sync(iter([start, reg.SyncRequest(
        end=reg.SyncEnd())])))[-1].HasField("result")
    verified = agency.Admin.Verify(admin.VerifyRequest())
    assert verified.records > 100 and len(verified.head_hash) == 64
    every = {"/%s/%s" % (s.full_name, m.name) for module in
        list(r.SERVICES.values()) + ["grpc.health.v1.health",
        "grpc.reflection.v1.reflection", "grpc.reflection.v1alpha.reflection"]
        for s in messages(module).DESCRIPTOR.services_by_name.values()
        for m in s.methods}
    assert every <= r.CALLED, every - r.CALLED


with r.Register() as context:
    context.accounts()
    clients = context.client("agence"), context.client("bocage")
    failed = r.run_tests(globals(), *clients)
    for client in clients:
        client.close()
sys.exit(failed > 0)
