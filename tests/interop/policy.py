#!/usr/bin/python3
"""Who may do what: every method x every role x own or another's record, by a
table written here from the design (section 7) and the framework (who holds
the register, who decides titles, what a member owns), not read from the
daemon.  Then: what ends open streams, and what gets no answer at all.

Roles: A agency_admin, C agency_coordinator, R region_signatory, F crefop,
P prefecture, W member_writer, L member_reader, X proximity, O operator."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import register as r
from register import ACCOUNTS, AGENCY, messages, new_id

t, reg, admin = messages("types"), messages("registry"), messages("admin")
own = messages("ownership")
act, memberships = messages("activities"), messages("memberships")
referrals, territories = messages("referrals"), messages("territories")
Code = grpc.StatusCode
LETTERS = dict(zip("ACRFPWLXO", ACCOUNTS))
OTHER, THIRD = "une-autre-structure", "structure-tierce"
KINDS = {"organisation": t.KIND_ORGANISATION, "site": t.KIND_SITE,
    "offer": t.KIND_OFFER, "status": t.KIND_STATUS,
    "activity": t.KIND_ACTIVITY, "dispute": t.KIND_DISPUTE,
    "transfer": t.KIND_TRANSFER}
ALL, READ_DEEDS = "ACRFPWLXO", ("ACRFP", "WLX")

# method, subject: (who may on anything, who may on their own only).
TABLE = {}
for method in "Get", "BatchGet", "List", "History", "Watch":
    for subject in "organisation", "site", "offer", "status":
        TABLE["Registry/" + method, subject] = (ALL, "")
    TABLE["Registry/" + method, "activity"] = READ_DEEDS
    TABLE["Registry/" + method, "dispute"] = ("AC", "WLX")
    TABLE["Registry/" + method, "transfer"] = ("AC", "WLX")
for subject in "organisation", "site", "offer":
    TABLE["Registry/Search", subject] = (ALL, "")
for method in "Put", "Delete", "Confirm", "Sync":
    for subject in "organisation", "site", "offer":
        TABLE["Registry/" + method, subject] = ("AC", "WX")
    TABLE["Registry/" + method, "status"] = ("A", "")
    TABLE["Registry/" + method, "activity"] = ("", "")
    TABLE["Registry/" + method, "dispute"] = ("", "")
    TABLE["Registry/" + method, "transfer"] = ("", "")
TABLE["Registry/Delete", "status"] = ("", "")       # a title ends
TABLE.update({
    ("Registry/FreshnessCounts", ""): (ALL, ""),
    ("Ownership/ResolveDispute", "dispute"): ("AC", ""),
    ("Ownership/WithdrawDispute", "dispute"): ("", "ACWX"),
    ("Ownership/RequestTransfer", "transfer"): ("AC", "WX"),
    ("Ownership/OfferTransfer", "transfer"): ("AC", "WX"),
    ("Ownership/ApproveTransfer", "transfer"): ("AC", "WX"),
    ("Ownership/RejectTransfer", "transfer"): ("AC", "WX"),
    ("Ownership/CancelTransfer", "transfer"): ("AC", "WX"),
    # of the proximity network; other titles are not a coordinator's, below
    ("Memberships/RecordStatus", "status"): ("ACR", ""),
    ("Memberships/EndStatus", "status"): ("ACR", ""),
    ("Activities/Declare", "activity"): ("AC", "WX"),
    ("Activities/List", "activity"): READ_DEEDS,
    ("Referrals/Find", ""): (ALL, ""),
    ("Territories/Resolve", ""): (ALL, ""),
    ("Territories/ListZones", ""): (ALL, ""),
    ("Admin/WhoAmI", ""): (ALL, ""),
    ("Admin/Explain", "account"): ("AO", ALL),
    ("Admin/GetAccount", "account"): ("AO", ALL),
    ("Admin/ListAccounts", ""): ("AO", ""),
    ("Admin/PutAccount", "account"): ("A", ""),
    ("Admin/CreateToken", "account"): ("A", ""),
    ("Admin/RevokeToken", "account"): ("A", ALL),
    ("Admin/RevokeCertificate", "account"): ("A", ALL),
    ("Admin/Status", ""): (ALL, ""),
    ("Admin/Verify", ""): ("AO", ""),
})


def may(method, subject, letter, own):
    everywhere, at_home = TABLE[method, subject]
    return letter in everywhere or (own and letter in at_home)


# ---- records of every body -----------------------------------------------------

def body_of(account):
    return ACCOUNTS[account][1]


def record_of(kind, body, id_, nom="Un nom"):
    make = {
        "organisation": lambda: dict(organisation=t.Organisation(nom=nom)),
        "site": lambda: dict(site=t.Site(organisation_id=body, nom=nom,
            code_insee="61169")),
        "offer": lambda: dict(offer=t.Offer(organisation_id=body, nom=nom,
            description="Une description")),
        "status": lambda: dict(status=t.Status(organisation_id=body,
            title="reseau-proximite", legal_basis="Loi", authority="Loi",
            **{"from": "2020-01-01"})),
        "activity": lambda: dict(activity=t.Activity(organisation_id=body,
            activity_kind="A11", title="Un forum", start="2024-03-12",
            communes=["61169"])),
        "dispute": lambda: dict(dispute=t.Dispute(organisation_id=body,
            kind=t.KIND_SITE, siret=siret(9999),
            state=t.DISPUTE_STATE_OPEN)),
        "transfer": lambda: dict(transfer=t.Transfer(kind=t.KIND_SITE,
            record_id="un-site", organisation_id=body)),
    }
    return t.Record(kind=KINDS[kind], id=id_, owner=body, **make[kind]())


class World:
    """One record of each kind for each body, made by the agency."""

    def __init__(self, agency):
        self.agency, self.ids, self.serial = agency, {}, 0
        for body in {b for _, b in ACCOUNTS.values() if b} | {OTHER}:
            for kind in KINDS:
                self.ids[body, kind] = self.make(kind, body)

    def fresh(self):
        self.serial += 1
        return "essai-%d" % self.serial

    def make(self, kind, body):
        if kind == "organisation":
            return body
        if kind == "status":
            record = record_of(kind, body, "")
            return self.agency.Memberships.RecordStatus(
                memberships.RecordStatusRequest(request_id=new_id(),
                status=record.status)).record.id
        if kind == "dispute":
            return self.make_dispute(body)
        if kind == "transfer":
            return self.make_transfer(body)
        if kind == "activity":
            record = record_of(kind, body, "")
            return self.agency.Activities.Declare(act.DeclareRequest(
                request_id=new_id(), activity=record.activity)).record.id
        return self.agency.Registry.Put(reg.PutRequest(request_id=new_id(),
            record=record_of(kind, body, self.fresh()))).record.id

    def make_transfer(self, body):
        """What a third one offers to the body."""
        self.agency.Registry.Put(reg.PutRequest(request_id=new_id(),
            record=record_of("site", THIRD, "offert-" + body)))
        return self.agency.Ownership.OfferTransfer(own.OfferTransferRequest(
            request_id=new_id(), kind=t.KIND_SITE, record_id="offert-" + body,
            organisation_id=body)).record.id

    def make_dispute(self, body):
        """What the body claims a third one has."""
        for owner in THIRD, body:
            record = record_of("site", owner, self.fresh())
            record.site.siret = siret(len(self.ids))
            put = reg.PutRequest(request_id=new_id(), record=record)
            if owner == THIRD:
                self.agency.Registry.Put(put)
        error = r.refusal(lambda: self.agency.Registry.Put(put),
            Code.FAILED_PRECONDITION)
        return r.details(error)["ErrorInfo"].metadata["dispute"]


def siret(n):
    """The nth, its SIREN valid too."""
    def close(digits):
        doubled = [int(c) * (1 + i % 2) for i, c in enumerate(
            reversed(digits + "0"))]
        return digits + str(-sum(x - 9 * (x > 9) for x in doubled) % 10)
    return close(close("8%07d" % n) + "0001")


def outcome(call):
    """True: allowed, False: denied; any other refusal is by a rule of the
    register, past the policy."""
    try:
        answer = call()
        return True, answer
    except grpc.RpcError as e:
        if e.code() == Code.PERMISSION_DENIED:
            return False, e
        assert e.code() in (Code.FAILED_PRECONDITION, Code.INVALID_ARGUMENT,
            Code.ALREADY_EXISTS, Code.NOT_FOUND), e
        return True, e


# ---- one way to call each method ------------------------------------------------

def call_get(w, client, kind, body):
    return outcome(lambda: client.Registry.Get(reg.GetRequest(
        kind=KINDS[kind], id=w.ids[body, kind])))


def call_history(w, client, kind, body):
    return outcome(lambda: client.Registry.History(reg.HistoryRequest(
        kind=KINDS[kind], id=w.ids[body, kind])))


def call_batch_get(w, client, kind, body):
    """What may not be read is as if it were not there."""
    answer = client.Registry.BatchGet(reg.BatchGetRequest(names=[
        reg.RecordName(kind=KINDS[kind], id=w.ids[body, kind])]))
    assert len(answer.records) + len(answer.missing) == 1
    return len(answer.records) == 1, answer


def listed(w, kind, body, call):
    allowed, answer = outcome(call)
    return allowed and w.ids[body, kind] in [x.id for x in answer.records], \
        answer


def call_list(w, client, kind, body):
    return listed(w, kind, body, lambda: client.Registry.List(
        reg.ListRequest(kind=KINDS[kind], page_size=1000)))


def call_search(w, client, kind, body):
    allowed, answer = outcome(lambda: client.Registry.Search(
        reg.SearchRequest(query=w.ids[body, kind], kinds=[KINDS[kind]])))
    return allowed and w.ids[body, kind] in [x.id for x in answer.hits], \
        answer


def call_activities_list(w, client, kind, body):
    return listed(w, kind, body, lambda: client.Activities.List(
        act.ListActivitiesRequest(page_size=1000)))


def call_watch(w, client, kind, body):
    """In the snapshot, and in what follows the first revision."""
    seen = []
    for start in {"snapshot": True}, {"from_revision": 1}:
        head = client.Admin.Status(admin.StatusRequest()).revision
        stream = client.Registry.Watch(reg.WatchRequest(progress_seconds=1,
            kinds=[KINDS[kind]], **start), timeout=30)
        ids = set()

        def read():
            for message in stream:
                ids.update(e.record.id for e in message.events)
                if message.snapshot_done or (not message.snapshot_pending and
                        message.revision >= head):
                    return
        allowed, _ = outcome(read)
        stream.cancel()
        seen.append(allowed and w.ids[body, kind] in ids)
    assert seen[0] == seen[1], (kind, body, seen)
    return seen[0], None


def call_put(w, client, kind, body):
    return outcome(lambda: client.Registry.Put(reg.PutRequest(
        request_id=new_id(), record=record_of(kind, body, w.ids[body, kind],
        "Un autre nom"))))


def call_put_new(w, client, kind, body):
    return outcome(lambda: client.Registry.Put(reg.PutRequest(
        request_id=new_id(), record=record_of(kind, body, w.fresh()))))


def call_delete(w, client, kind, body):
    id_ = w.ids[body, kind]
    if kind in ("site", "offer"):
        id_ = w.make(kind, body)    # organisations are referred to: kept
    return outcome(lambda: client.Registry.Delete(reg.DeleteRequest(
        request_id=new_id(), kind=KINDS[kind], id=id_)))


def call_confirm(w, client, kind, body):
    return outcome(lambda: client.Registry.Confirm(reg.ConfirmRequest(
        request_id=new_id(), names=[reg.RecordName(kind=KINDS[kind],
        id=w.ids[body, kind])])))


def call_sync(w, client, kind, body):
    """A dry run of one record: its own refusal counts too."""
    record = record_of(kind, "", w.ids[body, kind])
    record.source_id = "essai-sync"
    if kind != "organisation":
        getattr(record, kind).organisation_id = body

    def steps():
        yield reg.SyncRequest(start=reg.SyncStart(request_id=new_id(),
            source="essai", owner=body, mode=reg.SYNC_MODE_DELTA,
            dry_run=True, kinds=[KINDS[kind]]))
        yield reg.SyncRequest(batch=reg.SyncBatch(records=[
            reg.SyncRecord(record=record)]))
        yield reg.SyncRequest(end=reg.SyncEnd(records=1))
    allowed, answer = outcome(lambda: list(client.Registry.Sync(steps())))
    if allowed and not isinstance(answer, grpc.RpcError):
        reasons = [x.reason for a in answer for i in a.plan.items
            for x in i.refusals]
        allowed = not {"NOT_ALLOWED", "OWNER"} & set(reasons)
        answer = reasons
    return allowed, answer


def call_record_status(w, client, kind, body):
    return outcome(lambda: client.Memberships.RecordStatus(
        memberships.RecordStatusRequest(request_id=new_id(), status=record_of(
        kind, body, "").status)))


def call_end_status(w, client, kind, body):
    return outcome(lambda: client.Memberships.EndStatus(
        memberships.EndStatusRequest(request_id=new_id(), id=w.ids[body,
        kind], to="2099-12-31", reason="pour voir")))


def call_resolve(w, client, kind, body):
    """For somebody who is no party: refused past the policy."""
    return outcome(lambda: client.Ownership.ResolveDispute(
        own.ResolveDisputeRequest(request_id=new_id(), id=w.ids[body, kind],
        resolved_for="personne", reason="pour voir")))


def call_withdraw(w, client, kind, body):
    return outcome(lambda: client.Ownership.WithdrawDispute(
        own.WithdrawDisputeRequest(request_id=new_id(), id=w.ids[body,
        kind])))


def call_request_transfer(w, client, kind, body):
    """Another transfer of it is pending: refused past the policy."""
    return outcome(lambda: client.Ownership.RequestTransfer(
        own.RequestTransferRequest(request_id=new_id(), kind=t.KIND_SITE,
        record_id="offert-" + body, organisation_id=body)))


def call_offer_transfer(w, client, kind, body):
    return outcome(lambda: client.Ownership.OfferTransfer(
        own.OfferTransferRequest(request_id=new_id(), kind=t.KIND_SITE,
        record_id=w.ids[body, "site"], organisation_id=THIRD)))


def on_transfer(name, request, **fields):
    """Whose turn it is is a rule of the transfer, not of the policy."""
    def call(w, client, kind, body):
        allowed, answer = outcome(lambda: getattr(client.Ownership, name)(
            request(request_id=new_id(), id=w.ids[body, kind], **fields)))
        if not allowed:
            allowed = r.details(answer)["ErrorInfo"].reason == "OTHER_SIDE"
        return allowed, answer
    return call


def call_declare(w, client, kind, body):
    return outcome(lambda: client.Activities.Declare(act.DeclareRequest(
        request_id=new_id(), activity=record_of(kind, body, "").activity)))


def of_account(service, name, request, **fields):
    def call(w, client, kind, account):
        return outcome(lambda: getattr(getattr(client, service), name)(
            request(**dict(fields, **{"id" if name == "GetAccount" else
            "account_id": account}))))
    return call


def call_put_account(w, client, kind, account):
    role, body = ACCOUNTS[account]
    return outcome(lambda: client.Admin.PutAccount(admin.PutAccountRequest(
        request_id=new_id(), account=admin.Account(id=account,
        organisation_id=body, roles=["ROLE_" + role]))))


def plain(service, method, request, **fields):
    return lambda w, client, *_: outcome(lambda: getattr(getattr(client,
        service), method)(request(**fields)))


CALLS = {
    "Registry/Get": [call_get], "Registry/History": [call_history],
    "Registry/BatchGet": [call_batch_get], "Registry/List": [call_list],
    "Registry/Search": [call_search],
    "Registry/Watch": [call_watch], "Registry/Delete": [call_delete],
    "Registry/Put": [call_put, call_put_new],
    "Registry/Confirm": [call_confirm], "Registry/Sync": [call_sync],
    "Registry/FreshnessCounts": [plain("Registry", "FreshnessCounts",
        reg.FreshnessCountsRequest)],
    "Ownership/ResolveDispute": [call_resolve],
    "Ownership/WithdrawDispute": [call_withdraw],
    "Ownership/RequestTransfer": [call_request_transfer],
    "Ownership/OfferTransfer": [call_offer_transfer],
    "Ownership/ApproveTransfer": [on_transfer("ApproveTransfer",
        own.ApproveTransferRequest)],
    "Ownership/RejectTransfer": [on_transfer("RejectTransfer",
        own.EndTransferRequest)],
    "Ownership/CancelTransfer": [on_transfer("CancelTransfer",
        own.EndTransferRequest)],
    "Memberships/RecordStatus": [call_record_status],
    "Memberships/EndStatus": [call_end_status],
    "Activities/Declare": [call_declare],
    "Activities/List": [call_activities_list],
    "Referrals/Find": [plain("Referrals", "Find", referrals.FindRequest,
        commune="61169")],
    "Territories/Resolve": [plain("Territories", "Resolve",
        territories.ResolveRequest, text="Flers")],
    "Territories/ListZones": [plain("Territories", "ListZones",
        territories.ListZonesRequest)],
    "Admin/WhoAmI": [plain("Admin", "WhoAmI", admin.WhoAmIRequest)],
    "Admin/Status": [plain("Admin", "Status", admin.StatusRequest)],
    "Admin/Verify": [plain("Admin", "Verify", admin.VerifyRequest)],
    "Admin/ListAccounts": [plain("Admin", "ListAccounts",
        admin.ListAccountsRequest)],
    "Admin/Explain": [of_account("Admin", "Explain", admin.ExplainRequest,
        method="Registry/Get", kind=t.KIND_SITE)],
    "Admin/GetAccount": [of_account("Admin", "GetAccount",
        admin.GetAccountRequest)],
    "Admin/PutAccount": [call_put_account],
    # Refused past the policy: nothing is made or revoked.
    "Admin/CreateToken": [of_account("Admin", "CreateToken",
        admin.CreateTokenRequest, request_id="trop-court")],
    "Admin/RevokeToken": [of_account("Admin", "RevokeToken",
        admin.RevokeTokenRequest, request_id="revoke-no-token-at-all",
        token_id="t-absent")],
    "Admin/RevokeCertificate": [of_account("Admin", "RevokeCertificate",
        admin.RevokeCertificateRequest, request_id="trop-court",
        sha256="0" * 64)],
}


def rows():
    """(method, subject, letter, own, on what)"""
    for (method, subject) in TABLE:
        for letter, account in LETTERS.items():
            if subject == "account":
                yield method, subject, letter, True, account
                yield method, subject, letter, False, \
                    "crefop" if account != "crefop" else "prefecture"
                continue
            body = body_of(account)
            if subject and body:
                yield method, subject, letter, True, body
            yield method, subject, letter, False, OTHER


# ---- the walk ------------------------------------------------------------------

def table__against_the_services__names_every_method():
    every = {"%s/%s" % (name, m.name) for name, module in r.SERVICES.items()
        for m in messages(module).DESCRIPTOR.services_by_name[name].methods}
    assert every == {m for m, _ in TABLE} == set(CALLS), \
        every ^ {m for m, _ in TABLE}


def walk__each_method_role_and_owner__is_as_the_table_says():
    clients = {letter: context.client(account)
        for letter, account in LETTERS.items()}
    wrong, n = [], 0
    for method, subject, letter, own, what in rows():
        expected = may(method, subject, letter, own)
        for call in CALLS[method]:
            if subject == "organisation" and call is call_put_new:
                continue    # an organisation that does not exist has no body
            allowed, answer = call(world, clients[letter], subject, what)
            n += 1
            if allowed != expected:
                wrong.append("%s %s by %s on %s: %s instead of %s (%.200s)" %
                    (method, subject, LETTERS[letter], what, allowed,
                    expected, answer))
    for client in clients.values():
        client.close()
    assert n > 900 and not wrong, "%d of %d\n%s" % (len(wrong), n,
        "\n".join(wrong))


def explain__each_row__says_what_happens():
    wrong = []
    for method, subject, letter, own, what in rows():
        kind = KINDS.get(subject, t.KIND_ACCOUNT if subject else 0)
        verdict = agency.Admin.Explain(admin.ExplainRequest(
            account_id=LETTERS[letter], method=method, kind=kind,
            record_id=what if subject == "account" else
            world.ids[what, subject] if subject else ""))
        if verdict.allowed != may(method, subject, letter, own) or \
                (not verdict.allowed and not verdict.remedy):
            wrong.append((method, subject, letter, own, str(verdict)))
    assert not wrong, wrong


def field_of_the_agency__pushed_by_its_owner__refused_by_name():
    member = context.client("bocage")
    for field, value in (("kind", "cio"), ("parent_id", AGENCY),
            ("date_fermeture", "2026-01-01"), ("competence", ["dep:61"])):
        record = record_of("organisation", r.MEMBER, r.MEMBER)
        if isinstance(value, list):
            getattr(record.organisation, field).extend(value)
        else:
            setattr(record.organisation, field, value)
        error = r.refusal(lambda: member.Registry.Put(reg.PutRequest(
            request_id=new_id(), record=record)), Code.PERMISSION_DENIED)
        assert "organisation." + field in error.details(), error.details()
    member.close()


def title_above_the_proximity_network__by_a_coordinator__denied():
    coordinator = context.client("coordination")
    status = record_of("status", r.MEMBER, "").status
    status.title = "cep-loi"
    error = r.refusal(lambda: coordinator.Memberships.RecordStatus(
        memberships.RecordStatusRequest(request_id=new_id(), status=status)),
        Code.PERMISSION_DENIED)
    assert "status.title" in error.details(), error.details()
    given = agency.Memberships.RecordStatus(memberships.RecordStatusRequest(
        request_id=new_id(), status=status)).record
    error = r.refusal(lambda: coordinator.Memberships.EndStatus(
        memberships.EndStatusRequest(request_id=new_id(), id=given.id,
        to="2099-12-31", reason="pour voir")), Code.PERMISSION_DENIED)
    assert "status.title" in error.details(), error.details()
    coordinator.close()


def field_of_the_agency__left_empty_by_its_owner__kept():
    member = context.client("bocage")
    answer = member.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=record_of("organisation", r.MEMBER, r.MEMBER, "Mission")))
    assert answer.record.organisation.kind == "mission-locale", answer
    assert answer.record.organisation.nom == "Mission"
    error = r.refusal(lambda: agency.Registry.Put(reg.PutRequest(
        request_id=new_id(), record=record_of("organisation", "toute-neuve",
        "toute-neuve"))), Code.INVALID_ARGUMENT)
    assert "organisation.kind" in error.details(), error.details()
    member.close()


def nobody__neither_certificate_nor_token__only_health_answers():
    nobody = context.client(None)
    for name, module in r.SERVICES.items():
        for m in messages(module).DESCRIPTOR.services_by_name[name].methods:
            method = getattr(getattr(nobody, name), m.name)
            stream = name == "Registry" and m.name == "Sync"
            request = r.message_class(m.input_type)()
            r.refusal(lambda: method(iter([request]) if stream else request),
                Code.UNAUTHENTICATED)
    for version in "v1", "v1alpha":
        call = nobody.channel.stream_stream(
            "/grpc.reflection.%s.ServerReflection/ServerReflectionInfo" %
            version)
        r.refusal(lambda: call(iter([b"\x3a\x00"])), Code.UNAUTHENTICATED)
    health = nobody.channel.unary_unary("/grpc.health.v1.Health/Check")
    assert health(b"") == b"\x08\x01"
    nobody.close()


with r.Register() as context:
    context.accounts()
    agency = context.client("agence")
    for body in OTHER, THIRD:
        context.put_organisation(agency, body, "partenaire")
    world = World(agency)
    failed = r.run_tests(globals())
    agency.close()
sys.exit(failed > 0)
