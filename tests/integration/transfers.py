#!/usr/bin/python3
"""A record changes hands: asked for or offered, approved with a secret that is
good once, in one commit, whatever happens to it meanwhile.  A function is a
test; its name is the claim."""
import glob
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import register as r
from register import AGENCY, MEMBER, PROXIMITY, messages, new_id, refusal

t, reg, admin = messages("types"), messages("registry"), messages("admin")
own, memberships = messages("ownership"), messages("memberships")
Code = grpc.StatusCode
OTHER = "une-autre-structure"
PENDING, APPROVED, REJECTED, CANCELLED, EXPIRED = (t.TRANSFER_STATE_PENDING,
    t.TRANSFER_STATE_APPROVED, t.TRANSFER_STATE_REJECTED,
    t.TRANSFER_STATE_CANCELLED, t.TRANSFER_STATE_EXPIRED)
SITE, OFFER, ORGANISATION = t.KIND_SITE, t.KIND_OFFER, t.KIND_ORGANISATION


def put(client, record):
    return client.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=record)).record


def site(id_, body=MEMBER, owner="", **fields):
    return t.Record(kind=SITE, id=id_, owner=owner or body, site=t.Site(
        organisation_id=body, nom="Accueil " + id_, code_insee="61169",
        **fields))


def offer(id_, body=MEMBER, site_id="", owner=""):
    return t.Record(kind=OFFER, id=id_, owner=owner or body, offer=t.Offer(
        organisation_id=body, site_id=site_id, nom="Offre " + id_,
        description="Une description"))


def get(client, id_, kind=SITE):
    return client.Registry.Get(reg.GetRequest(kind=kind, id=id_)).record


def transfer(client, id_):
    return get(client, id_, t.KIND_TRANSFER)


def revision(w):
    return w.agency.Admin.Status(admin.StatusRequest()).revision


def begin(client, way, id_, kind=SITE, request_id="", **fields):
    request = getattr(own, way + "TransferRequest")(kind=kind, record_id=id_,
        request_id=request_id or new_id(), **fields)
    return getattr(client.Ownership, way + "Transfer")(request)


def offered(w, id_, kind=SITE, to=PROXIMITY, **fields):
    """By the member to the other: the transfer's id and its secret."""
    begun = begin(w.member, "Offer", id_, kind, organisation_id=to, **fields)
    return begun.record.id, begun.secret


def approve(client, id_, secret="", **fields):
    fields.setdefault("request_id", new_id())
    return client.Ownership.ApproveTransfer(own.ApproveTransferRequest(
        id=id_, secret=secret, **fields)).record


def end(client, how, id_, **fields):
    return getattr(client.Ownership, how + "Transfer")(own.EndTransferRequest(
        request_id=new_id(), id=id_, **fields)).record


def refused(call, reason, code=Code.FAILED_PRECONDITION):
    info = r.details(refusal(call, code))["ErrorInfo"]
    assert info.reason == reason, info
    return info


def listed(client, *states):
    return [x.id for x in client.Registry.List(reg.ListRequest(
        kind=t.KIND_TRANSFER, page_size=1000, transfer_states=states)).records]


def sync(client, source, records, owner="", mode=reg.SYNC_MODE_DELTA,
        **options):
    def steps():
        yield reg.SyncRequest(start=reg.SyncStart(request_id=new_id(),
            source=source, mode=mode, kinds=[SITE, OFFER], owner=owner,
            **options))
        yield reg.SyncRequest(batch=reg.SyncBatch(records=[
            reg.SyncRecord(record=x) for x in records]))
        yield reg.SyncRequest(end=reg.SyncEnd(records=len(records)))
    refusals, result = {}, None
    try:
        for answer in client.Registry.Sync(steps()):
            for i in answer.plan.items:
                if i.refusals:
                    refusals[i.source_id] = i.refusals[0]
            if answer.HasField("result"):
                result = answer.result
    except grpc.RpcError as e:
        result = e
    return refusals, result


# ---- the two ways ---------------------------------------------------------------------

def offer__approved_with_its_secret__all_moves_in_one_commit(w):
    put(w.member, site("part", telephone="0233000000"))
    for id_ in "part-o1", "part-o2":
        put(w.member, offer(id_, site_id="part"))
    put(w.member, offer("reste"))
    before = revision(w)
    begun = begin(w.member, "Offer", "part", organisation_id=PROXIMITY,
        message="Reprise au 1er janvier", days=30)
    id_, secret = begun.record.id, begun.secret
    body = begun.record.transfer
    assert begun.record.owner == MEMBER and revision(w) == before + 1
    assert (body.organisation_id, body.way, body.state, body.message) == (
        PROXIMITY, t.TRANSFER_WAY_OFFER, PENDING, "Reprise au 1er janvier")
    days = (body.expires_at.ToNanoseconds() -
        begun.record.created_at.ToNanoseconds()) / 86400e9
    assert days == 30, days
    # Both and the agency are told; nobody else; and nobody is told the hash.
    for client in w.member, w.near, w.agency:
        assert transfer(client, id_).transfer == body
        assert id_ in listed(client, PENDING)
        assert id_ not in listed(client, EXPIRED, APPROVED)
    refusal(lambda: transfer(w.stranger, id_), Code.PERMISSION_DENIED)
    assert listed(w.stranger) == []
    for kind in t.KIND_SECRET, 99:
        refusal(lambda: get(w.agency, id_, kind), Code.INVALID_ARGUMENT)
    ended = approve(w.near, id_, secret, reason="Merci")
    assert ended.transfer.state == APPROVED and revision(w) == before + 2
    assert (ended.transfer.decided_by, ended.transfer.reason) == (
        "ccas-flers", "Merci"), ended
    moved = {(m.kind, m.id) for m in ended.transfer.moved}
    assert moved == {(SITE, "part"), (OFFER, "part-o1"), (OFFER, "part-o2")}
    for kind, name in moved:
        record = get(w.agency, name, kind)
        assert (record.owner, record.revision, record.version) == (PROXIMITY,
            before + 2, 2), record
    there = get(w.near, "part").site
    assert (there.organisation_id, there.telephone) == (PROXIMITY,
        "0233000000"), there
    assert get(w.near, "part-o1", OFFER).offer.site_id == "part"
    assert get(w.member, "reste", OFFER).owner == MEMBER
    # The new owner writes it, the old one no more.
    put(w.near, site("part", PROXIMITY, telephone="0233111111"))
    refusal(lambda: put(w.member, site("part")), Code.PERMISSION_DENIED)


def request__approved_by_the_owner__its_secret_is_the_requesters(w):
    put(w.member, site("demande"))
    begun = begin(w.near, "Request", "demande")
    assert begun.record.owner == MEMBER
    assert begun.record.transfer.organisation_id == PROXIMITY
    refused(lambda: approve(w.near, begun.record.id, begun.secret),
        "OTHER_SIDE", Code.PERMISSION_DENIED)
    approve(w.member, begun.record.id, begun.secret)
    assert get(w.agency, "demande").owner == PROXIMITY


def organisation__approved__its_sites_and_offers_go_along(w):
    w.register.put_organisation(w.agency, "antenne-locale", "partenaire")
    record = get(w.agency, "antenne-locale", ORGANISATION)
    record.owner = MEMBER
    put(w.agency, record)
    put(w.agency, site("antenne-s", "antenne-locale", MEMBER))
    put(w.agency, offer("antenne-o", "antenne-locale", "antenne-s", MEMBER))
    put(w.agency, site("antenne-agence", "antenne-locale", AGENCY))
    id_, secret = offered(w, "antenne-locale", ORGANISATION)
    ended = approve(w.near, id_, secret)
    assert len(ended.transfer.moved) == 3, ended
    for kind, name in ((ORGANISATION, "antenne-locale"), (SITE, "antenne-s"),
            (OFFER, "antenne-o")):
        assert get(w.agency, name, kind).owner == PROXIMITY
    # It is the body that it was; what another owns of it stays.
    assert get(w.agency, "antenne-s").site.organisation_id == "antenne-locale"
    assert get(w.agency, "antenne-agence").owner == AGENCY


def agency__approves_with_a_reason__without_the_secret(w):
    put(w.agency, site("de-l-agence", MEMBER, AGENCY))
    begun = begin(w.member, "Request", "de-l-agence")
    refused(lambda: approve(w.agency, begun.record.id), "REQUIRED",
        Code.INVALID_ARGUMENT)
    refused(lambda: approve(w.member, begun.record.id, reason="à moi"),
        "OTHER_SIDE", Code.PERMISSION_DENIED)
    approve(w.agency, begun.record.id, reason="le membre la tient à jour")
    record = get(w.member, "de-l-agence")
    assert (record.owner, record.site.organisation_id) == (MEMBER, MEMBER)


# ---- the secret -----------------------------------------------------------------------

def secret__good_once__and_shown_once(w):
    put(w.member, site("une-fois"))
    request = new_id()
    begun = begin(w.member, "Offer", "une-fois", organisation_id=PROXIMITY,
        request_id=request)
    count = len(listed(w.member))
    refused(lambda: begin(w.member, "Offer", "une-fois",
        organisation_id=PROXIMITY, request_id=request), "SECRET_SHOWN")
    assert len(listed(w.member)) == count
    again = new_id()
    first = approve(w.near, begun.record.id, begun.secret, request_id=again)
    assert approve(w.near, begun.record.id, begun.secret,
        request_id=again) == first
    refused(lambda: approve(w.near, begun.record.id, begun.secret),
        "NOT_PENDING")
    # Nothing of it is where it was said to be kept.
    with open(w.register.log, "rb") as f:
        assert begun.secret.encode() not in f.read()
    for part in glob.glob(w.register.dir + "/data/*"):
        with open(part, "rb") as f:
            assert begun.secret.encode() not in f.read(), part


def secret__wrong__counted_and_the_fifth_cancels(w):
    put(w.member, site("devine"))
    id_, secret = offered(w, "devine")
    other, _ = offered(w, put(w.member, site("devine-aussi")).id)
    for left in "43210":
        request = new_id()
        for _ in range(2):          # a retry is not another try
            info = refused(lambda: approve(w.near, id_, "rst-mauvais" + left,
                request_id=request), "WRONG_SECRET")
            assert info.metadata["tries_left"] == left, info
    ended = transfer(w.member, id_).transfer
    assert (ended.state, ended.wrong_secrets) == (CANCELLED, 5), ended
    refused(lambda: approve(w.near, id_, secret), "NOT_PENDING")
    assert get(w.member, "devine").owner == MEMBER
    # The secret of one is not that of another.
    refused(lambda: approve(w.near, other, secret), "WRONG_SECRET")


def secret__wrong_then_killed__still_counted(w):
    put(w.member, site("panne"))
    id_, secret = offered(w, "panne")
    refused(lambda: approve(w.near, id_, "faux"), "WRONG_SECRET")
    w.restart()
    info = refused(lambda: approve(w.near, id_, "faux aussi"), "WRONG_SECRET")
    assert info.metadata["tries_left"] == "3", info
    approve(w.near, id_, secret)


# ---- ends -----------------------------------------------------------------------------

def reject_and_cancel__by_the_right_side_only(w):
    put(w.member, site("refus"))
    id_, secret = offered(w, "refus")
    for call, client in (("Reject", w.member), ("Cancel", w.near)):
        refused(lambda: end(client, call, id_), "OTHER_SIDE",
            Code.PERMISSION_DENIED)
    refusal(lambda: end(w.stranger, "Reject", id_), Code.PERMISSION_DENIED)
    ended = end(w.near, "Reject", id_, reason="pas maintenant")
    assert (ended.transfer.state, ended.transfer.reason) == (REJECTED,
        "pas maintenant"), ended
    refused(lambda: approve(w.near, id_, secret), "NOT_PENDING")
    id_, secret = offered(w, "refus")
    assert end(w.member, "Cancel", id_).transfer.state == CANCELLED
    refused(lambda: end(w.near, "Reject", id_), "NOT_PENDING")
    id_, _ = offered(w, "refus")
    assert end(w.agency, "Cancel", id_).transfer.state == CANCELLED


def expiry__computed_at_its_instant__another_may_begin(w):
    put(w.member, site("expire"))
    id_, secret = offered(w, "expire", days=1)
    refused(lambda: offered(w, "expire"), "TRANSFER_PENDING")
    w.set_clock(2 * 86400)
    refused(lambda: approve(w.near, id_, secret), "EXPIRED")
    refused(lambda: end(w.near, "Reject", id_), "EXPIRED")
    assert id_ in listed(w.near, EXPIRED) and id_ not in listed(w.near,
        PENDING)
    # Nothing was written for it: the stored state is what it was.
    assert transfer(w.near, id_).version == 1
    other, secret = offered(w, "expire")
    approve(w.near, other, secret)
    # Set back, the clock revives nothing: the last commit's time stands.
    w.set_clock(0)
    refused(lambda: approve(w.near, id_, secret), "EXPIRED")


def questions__bad__refused_with_the_field(w):
    put(w.member, site("faux"))
    for field, code, way, query in (
            ("kind", Code.INVALID_ARGUMENT, "Offer", {"kind": t.KIND_STATUS}),
            ("days", Code.INVALID_ARGUMENT, "Offer", {"days": 91}),
            ("message", Code.INVALID_ARGUMENT, "Offer", {"message":
                "x" * 501}),
            ("organisation_id", Code.INVALID_ARGUMENT, "Offer",
                {"organisation_id": ""}),
            ("organisation_id", Code.FAILED_PRECONDITION, "Offer",
                {"organisation_id": "absente"}),
            ("organisation_id", Code.FAILED_PRECONDITION, "Offer",
                {"organisation_id": MEMBER})):
        fields = dict(organisation_id=PROXIMITY, kind=SITE)
        fields.update(query)
        error = refusal(lambda: begin(w.member, way, "faux", **fields), code)
        assert field in error.details().split(":")[0], error.details()
    refusal(lambda: begin(w.near, "Offer", "faux", organisation_id=PROXIMITY),
        Code.PERMISSION_DENIED)
    refusal(lambda: begin(w.near, "Request", "faux", organisation_id=OTHER),
        Code.PERMISSION_DENIED)
    refusal(lambda: begin(w.near, "Request", "absent"), Code.NOT_FOUND)


def obstacles__title_offer_of_another_site_that_stays__named(w):
    put(w.member, site("entrave"))
    put(w.member, offer("entrave-o", site_id="entrave"))
    error = refusal(lambda: offered(w, "entrave-o", OFFER),
        Code.FAILED_PRECONDITION)
    assert r.details(error)["ErrorInfo"].reason == "AT_A_SITE"
    put(w.agency, offer("entrave-a", MEMBER, "entrave", AGENCY))
    refused(lambda: offered(w, "entrave"), "OFFER_OF_ANOTHER")
    w.agency.Registry.Delete(reg.DeleteRequest(request_id=new_id(),
        kind=OFFER, id="entrave-a"))
    title = w.agency.Memberships.RecordStatus(memberships.RecordStatusRequest(
        request_id=new_id(), status=t.Status(organisation_id=MEMBER,
        site_id="entrave", title="cep-loi", legal_basis="Loi",
        authority="Loi", **{"from": "2020-01-01"}))).record
    refused(lambda: offered(w, "entrave"), "TITLE_HELD")
    w.agency.Memberships.EndStatus(memberships.EndStatusRequest(
        request_id=new_id(), id=title.id, to="2021-01-01", reason="fin"))
    id_, secret = offered(w, "entrave")
    # What comes in the way meanwhile stops it too, and leaves it pending.
    put(w.agency, offer("entrave-b", MEMBER, "entrave", AGENCY))
    refused(lambda: approve(w.near, id_, secret), "OFFER_OF_ANOTHER")
    assert transfer(w.near, id_).transfer.state == PENDING


# ---- the two systems that push ---------------------------------------------------------

def push__by_the_former_owner__told_that_it_has_gone(w):
    record = site("")
    record.source_id, record.site.nom = "s1", "Accueil un"
    record.owner = ""
    _, result = sync(w.member, "nuit", [record])
    assert result.created == 1
    id_, secret = offered(w, "nuit-s1")
    approve(w.near, id_, secret)
    there = get(w.near, "nuit-s1")
    assert (there.source, there.source_id) == ("", ""), there
    assert [(m.source, m.source_id) for m in transfer(w.near, id_).transfer
        .moved] == [("nuit", "s1")]
    refusals, error = sync(w.member, "nuit", [record])
    assert error.code() == Code.FAILED_PRECONDITION
    assert refusals["s1"].reason == "TRANSFERRED" and PROXIMITY in \
        refusals["s1"].message, refusals
    # Its new owner's full sets do not know it: they do not end it either.
    other = site("", PROXIMITY)
    other.source_id, other.owner, other.site.nom = "s9", "", "Accueil neuf"
    _, result = sync(w.near, "nuit", [other], mode=reg.SYNC_MODE_FULL)
    assert result.retired == 0, result
    # Pushed with its id it is taken over.
    mine = site("nuit-s1", PROXIMITY)
    mine.source_id, mine.owner = "mien", ""
    _, result = sync(w.near, "nuit", [mine])
    assert result.updated == 1, result
    assert get(w.near, "nuit-s1").source_id == "mien"


def watch__of_one_owner__told_of_what_comes_and_goes(w):
    put(w.member, site("suivi"))
    start = revision(w) + 1
    id_, secret = offered(w, "suivi")
    approve(w.near, id_, secret)
    last = revision(w)
    for client, owner in (w.member, MEMBER), (w.near, PROXIMITY):
        seen = []
        stream = client.Registry.Watch(reg.WatchRequest(from_revision=start,
            owner=owner, kinds=[SITE], progress_seconds=1), timeout=30)
        for m in stream:
            seen += [e.record.owner for e in m.events if e.record.id ==
                "suivi"]
            if m.revision >= last:
                break
        stream.cancel()
        assert seen == [PROXIMITY], (owner, seen)


# ---- at once --------------------------------------------------------------------------

def race__approve_update_delete_and_cancel_at_once__one_order_explains_all(w):
    """For each record: the outcomes follow from some order of the four."""
    for n in range(25):
        id_ = "course-%d" % n
        put(w.member, site(id_))
        move, secret = offered(w, id_)
        outcomes = {}

        def run(name, call):
            try:
                outcomes[name] = call()
            except grpc.RpcError as e:
                assert e.code() in (Code.FAILED_PRECONDITION, Code.NOT_FOUND,
                    Code.PERMISSION_DENIED, Code.ALREADY_EXISTS), e
                outcomes[name] = None
        calls = {"approve": lambda: approve(w.near, move, secret),
            "twice": lambda: approve(w.near2, move, secret),
            "cancel": lambda: end(w.member, "Cancel", move),
            "update": lambda: put(w.member2, site(id_, description="neuf")),
            "delete": lambda: w.member3.Registry.Delete(reg.DeleteRequest(
                request_id=new_id(), kind=SITE, id=id_)) if n % 2 else None}
        threads = [threading.Thread(target=run, args=x) for x in
            calls.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        state = transfer(w.agency, move).transfer.state
        wins = [x for x in ("approve", "twice") if outcomes[x]]
        assert len(wins) <= 1, outcomes
        if wins:
            assert state == APPROVED and not outcomes["cancel"], outcomes
            record = get(w.agency, id_)
            assert record.owner == PROXIMITY, record
            # An update that was answered came before, and is not lost.
            assert (record.site.description == "neuf") == bool(
                outcomes["update"]), (record, outcomes)
            assert not (n % 2 and outcomes["delete"]), outcomes
        elif outcomes["cancel"]:
            assert state == CANCELLED, outcomes
        else:
            assert state == PENDING and outcomes["delete"], outcomes


def command__whole_life__by_the_two_bodies(w):
    cli = w.register.cli
    put(w.member, site("cli-site"))
    code, said = cli("bocage", "transfer", "offer", "site", "cli-site", "--to",
        PROXIMITY, "--days", "7", "--quiet")
    assert code == 0, said
    id_, secret = said.split()[1], said.split()[3]
    code, said = cli("ccas-flers", "transfer", "list", "--pending")
    assert code == 0 and id_ in said and "pending" in said, said
    path = os.path.join(r.scratch(), "secret")
    with open(path, "w") as f:
        f.write("rst-faux\n")
    code, said = cli("ccas-flers", "transfer", "approve", id_,
        "--secret-file", path)
    assert code == 6 and "4 tries are left" in said, said
    with open(path, "w") as f:
        f.write(" %s \n" % secret)
    code, said = cli("ccas-flers", "transfer", "approve", id_,
        "--secret-file", path)
    assert code == 0 and "approved" in said, said
    code, said = cli("bocage", "transfer", "show", id_)
    assert code == 0 and "cli-site" in said and secret not in said, said
    code, said = cli("ccas-flers", "transfer", "request", "site", "absent")
    assert code == 3, said
    code, said = cli("ccas-flers", "transfer", "offer", "site", "cli-site")
    assert code == 2 and "--to" in said, said
    for how in "reject", "cancel":
        code, said = cli("bocage", "transfer", how, id_)
        assert code in (4, 6), said


# ---- the world ------------------------------------------------------------------------

class World:
    def __init__(self):
        r.ACCOUNTS["etranger"] = ("MEMBER_WRITER", OTHER)
        r.KINDS[OTHER] = "mission-locale"
        library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        assert library, "the package libfaketime is missing"
        self.clock = os.path.join(r.scratch(), "clock")
        self.set_clock(0)
        self.register = r.Register(environment={"LD_PRELOAD": library[0],
            "FAKETIME_TIMESTAMP_FILE": self.clock, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"})
        self.register.init().start()
        self.register.accounts()
        self.connect()

    def set_clock(self, seconds):
        with open(self.clock + ".new", "w") as f:
            f.write("%+d\n" % seconds)
        os.rename(self.clock + ".new", self.clock)

    def connect(self):
        (self.agency, self.member, self.member2, self.member3, self.near,
            self.near2, self.stranger) = self.clients = [self.register.client(
            x) for x in ("agence", "bocage", "bocage", "bocage", "ccas-flers",
            "ccas-flers", "etranger")]

    def disconnect(self):
        for client in self.clients:
            client.close()

    def restart(self):
        self.disconnect()
        self.register.kill()
        self.register.start()
        self.connect()


def main():
    world = World()
    failed = r.run_tests(globals(), world)
    world.disconnect()
    if failed:
        print(world.register.tail())
        world.register.kill()
        sys.exit(1)
    world.register.stop()
    code, said = world.register.run("--verify")
    assert code == 0, said


if __name__ == "__main__":
    main()
