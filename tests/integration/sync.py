#!/usr/bin/python3
"""Sync in earnest, by stock gRPC against a real daemon: changes that end
records, sets that cover a part, the first answer told again, and what others
do meanwhile.  A function is a test; its name is the claim."""
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import register as r
from register import AGENCY, MEMBER, PROXIMITY, details, messages, new_id, \
    refusal

t, reg, admin = messages("types"), messages("registry"), messages("admin")
Code = grpc.StatusCode
FULL, DELTA = reg.SYNC_MODE_FULL, reg.SYNC_MODE_DELTA
SITE, OFFER, ORGANISATION = t.KIND_SITE, t.KIND_OFFER, t.KIND_ORGANISATION
CREATE, UPDATE, UNCHANGED, RETIRE, REFUSED = (reg.SYNC_ACTION_CREATE,
    reg.SYNC_ACTION_UPDATE, reg.SYNC_ACTION_UNCHANGED, reg.SYNC_ACTION_RETIRE,
    reg.SYNC_ACTION_REFUSED)


def site(source_id, nom="Un lieu", **fields):
    """A site of the caller's own body, unless it names another."""
    return reg.SyncRecord(record=t.Record(source_id=source_id, site=t.Site(
        nom=nom, code_insee="61169", **fields)))


def offer(source_id, at, nom="Un atelier", **fields):
    return reg.SyncRecord(site_source_id=at, record=t.Record(
        source_id=source_id, offer=t.Offer(nom=nom, description="Un atelier "
        "de deux heures, chaque lundi, pour tous.", **fields)))


def gone(kind, source_id="", id=""):
    return reg.SyncRecord(retire=True, record=t.Record(kind=kind, id=id,
        source_id=source_id))


def steps(records, source, mode=DELTA, **start):
    start.setdefault("request_id", new_id())
    out = [reg.SyncRequest(start=reg.SyncStart(source=source, mode=mode,
        **start))]
    out += [reg.SyncRequest(batch=reg.SyncBatch(records=records[i:i + 500]))
        for i in range(0, len(records), 500)]
    return out + [reg.SyncRequest(end=reg.SyncEnd(records=len(records)))]


def sync(client, *args, **start):
    """Plan items and result."""
    answers = list(client.Registry.Sync(iter(steps(*args, **start))))
    return [i for a in answers for i in a.plan.items], answers[-1].result


def counts(result):
    return (result.created, result.updated, result.unchanged, result.retired,
        result.refused)


def mine(client, source, kind=SITE):
    """{source_id: record} of one source, every page."""
    found, token = {}, ""
    while True:
        page = client.Registry.List(reg.ListRequest(kind=kind, page_size=1000,
            page_token=token))
        found.update((x.source_id, x) for x in page.records if
            x.source == source)
        token = page.next_page_token
        if not token:
            return found


def head(client):
    return client.Admin.Status(admin.StatusRequest()).revision


class Stream:
    """A set whose records have come, but not yet its end."""

    def __init__(self, client, records, source, **start):
        self.sent, self.go_on = threading.Event(), threading.Event()
        *self.first, self.end = steps(records, source, **start)
        self.call = client.Registry.Sync(self.all())
        assert self.sent.wait(60)
        # What comes later on the connection is answered later.
        client.Admin.Status(admin.StatusRequest())

    def all(self):
        yield from self.first
        self.sent.set()     # asked for more: those are on their way
        self.go_on.wait(60)
        yield self.end

    def finish(self):
        self.go_on.set()
        answers = list(self.call)
        return [i for a in answers for i in a.plan.items], answers[-1].result


# ---- changes that end records ---------------------------------------------


def delta__record_named_as_gone__ends_and_the_others_stay(agency, member):
    sync(member, [site("s%d" % i) for i in range(9)] + [offer("o1", "s1")],
        "fin")
    items, result = sync(member, [gone(SITE, "s3"), gone(OFFER, "o1"),
        gone(SITE, "s1"), site("s2", "Un autre nom"), site("s9")], "fin")
    assert counts(result) == (1, 1, 0, 3, 0), (items, result)
    assert [i.position for i in items] == [1, 2, 3, 4, 5], items
    assert [i.name for i in items if i.action == RETIRE] == ["Un lieu",
        "Un atelier", "Un lieu"], items
    assert sorted(mine(agency, "fin")) == ["s0", "s2", "s4", "s5", "s6", "s7",
        "s8", "s9"]
    # The night after: said again, and nothing happens.
    before = head(agency)
    items, result = sync(member, [gone(SITE, "s3"), gone(OFFER, "jamais")],
        "fin")
    assert counts(result) == (0, 0, 2, 0, 0) and head(agency) == before
    assert len(items) == 2 and all("nothing to retire" in i.warnings[0] for i
        in items), items


def delta__record_gone_by_the_register_s_id__ends(agency, member):
    sync(member, [site("a")], "par-id")
    id = mine(agency, "par-id")["a"].id
    items, result = sync(member, [gone(SITE, id=id)], "autre")
    assert counts(result) == (0, 0, 0, 1, 0) and items[0].id == id, items


def delta__gone_but_not_one_s_own_or_still_needed__refused(agency, member):
    sync(member, [site("a"), offer("o", "a")], "tenu")
    sync(agency, [reg.SyncRecord(record=t.Record(source_id="x", id="lieu-ccas",
        site=t.Site(organisation_id=PROXIMITY, nom="Le CCAS",
        code_insee="61169")))], "agence", owner=PROXIMITY)
    items, result = sync(member, [gone(SITE, "a"), gone(SITE, id="lieu-ccas"),
        gone(ORGANISATION, id=AGENCY), gone(SITE, ""), gone(0, "a")], "tenu",
        accept_valid=True)
    reasons = [i.refusals[0].reason for i in items]
    assert reasons == ["REFERRED_TO", "OWNER", "OWNER", "SOURCE_ID", "KIND"], \
        items
    assert result.refused == 5 and "a" in mine(agency, "tenu")
    items, _ = sync(member, [gone(SITE, "a"), site("a")], "tenu",
        dry_run=True)
    assert [i.refusals[0].reason for i in items if i.action == REFUSED] in (
        ["DUPLICATE"], ["REFERRED_TO", "DUPLICATE"]), items


def delta__many_named_as_gone__needs_no_number(agency, member):
    sync(member, [site("s%d" % i) for i in range(40)], "foule")
    _, result = sync(member, [gone(SITE, "s%d" % i) for i in range(39)],
        "foule")
    assert result.retired == 39 and len(mine(agency, "foule")) == 1


# ---- sets that cover a part -------------------------------------------------


def full__of_one_site__what_belongs_to_others_stays(agency, member):
    everything = [site("caen"), site("ifs"), offer("c1", "caen"),
        offer("c2", "caen"), offer("i1", "ifs"), offer("i2", "ifs")]
    sync(member, everything, "lieux", FULL)
    confirmed = mine(agency, "lieux")["ifs"].confirmed_at.ToNanoseconds()
    scope = reg.SyncScope(site_source_ids=["caen"])
    items, result = sync(member, [site("caen"), offer("c1", "caen")], "lieux",
        FULL, scope=scope)
    assert counts(result) == (0, 0, 2, 1, 0), (items, result)
    assert sorted(mine(agency, "lieux", OFFER)) == ["c1", "i1", "i2"]
    after = mine(agency, "lieux")
    assert after["ifs"].confirmed_at.ToNanoseconds() == confirmed
    assert after["caen"].confirmed_at.ToNanoseconds() > confirmed
    # By the register's id; the site itself is missing: it ends with the rest.
    scope = reg.SyncScope(site_ids=[after["caen"].id])
    _, result = sync(member, [], "lieux", FULL, scope=scope, confirm_retire=2)
    assert counts(result) == (0, 0, 0, 2, 0)
    assert sorted(mine(agency, "lieux")) == ["ifs"]


def full__of_one_organisation__the_others_stay(agency, member):
    bodies = [reg.SyncRecord(record=t.Record(source_id=b,
        organisation=t.Organisation(nom="Le corps " + b,
        kind="mission-locale"))) for b in "ab"]
    places = [reg.SyncRecord(organisation_source_id=b, record=t.Record(
        source_id="%s%d" % (b, i), site=t.Site(nom="Un lieu",
        code_insee="61169"))) for b in "ab" for i in range(6)]
    sync(agency, bodies + places, "corps", FULL)
    scope = reg.SyncScope(organisation_source_ids=["a"])
    # The guard's share is that of the scope: 2 of 7.
    error = refusal(lambda: sync(agency, bodies[:1] + places[:1], "corps",
        FULL, scope=scope), Code.FAILED_PRECONDITION)
    assert "5 of the 7" in error.details() and "scope" in error.details(), \
        error.details()
    _, result = sync(agency, bodies[:1] + places[:1], "corps", FULL,
        scope=scope, confirm_retire=5)
    assert counts(result) == (0, 0, 2, 5, 0), result
    assert len(mine(agency, "corps")) == 7
    # One that comes with this very set.
    _, result = sync(agency, [reg.SyncRecord(record=t.Record(source_id="c",
        organisation=t.Organisation(nom="Le corps c",
        kind="mission-locale"))), reg.SyncRecord(organisation_source_id="c",
        record=t.Record(source_id="c1", site=t.Site(nom="Un lieu",
        code_insee="61169")))], "corps", FULL,
        scope=reg.SyncScope(organisation_source_ids=["c"]))
    assert counts(result) == (2, 0, 0, 0, 0), result


def full__record_outside_its_scope__refused_by_name(agency, member):
    scope = reg.SyncScope(site_source_ids=["dedans"])
    items, result = sync(member, [site("dedans"), site("dehors"),
        offer("o1", "dedans"), offer("o2", "dehors")], "portee", FULL,
        scope=scope, accept_valid=True)
    assert counts(result) == (2, 0, 0, 0, 2), (items, result)
    out = [i for i in items if i.action == REFUSED]
    assert [i.source_id for i in out] == ["dehors", "o2"], out
    assert out[0].refusals[0].reason == "SCOPE" and out[0].refusals[0].remedy
    for wrong in reg.SyncScope(), reg.SyncScope(site_ids=["Pas un id"]), \
            reg.SyncScope(site_source_ids=[""]):
        error = refusal(lambda: sync(member, [], "portee", FULL, scope=wrong),
            Code.INVALID_ARGUMENT)
        assert details(error)["BadRequest"].field_violations[0].field \
            .startswith("start.scope"), error


def member__site_that_names_no_body__is_of_its_own(agency, member):
    _, result = sync(member, [site("s"), offer("o", "s")], "sien")
    assert counts(result) == (2, 0, 0, 0, 0)
    assert mine(agency, "sien")["s"].site.organisation_id == MEMBER
    assert mine(agency, "sien", OFFER)["o"].offer.organisation_id == MEMBER
    # The agency speaks for many: it has to say of whom.
    items, _ = sync(agency, [site("s")], "sien", dry_run=True)
    assert items[0].refusals[0].field == "site.organisation_id", items


def member__fields_of_the_agency__refused_by_name_and_journalled(agency,
        member):
    body = reg.SyncRecord(record=t.Record(source_id="x", id=MEMBER,
        organisation=t.Organisation(nom="La mission", kind="cio")))
    context.expected = b"agency_field_refused"

    def told():
        with open(context.log) as f:
            return [line for line in f if "agency_field_refused" in line]

    sync(member, [body], "agence", dry_run=True)        # only looking
    assert not told()
    items, _ = sync(member, [body], "agence", accept_valid=True)
    assert items[0].refusals[0].field == "organisation.kind", items
    for request_id in "", new_id():
        error = refusal(lambda: member.Registry.Put(reg.PutRequest(
            request_id=request_id, record=t.Record(kind=ORGANISATION,
            id=MEMBER, organisation=body.record.organisation))),
            Code.PERMISSION_DENIED)
        assert "organisation.kind" in error.details(), error.details()
    for line in told():
        assert "account=bocage" in line and "record=" + MEMBER in line and \
            "field=organisation.kind" in line, line
    assert len(told()) == 3, told()


# ---- the first answer, again ------------------------------------------------


def told(items):
    return [(i.action, i.kind, i.id, i.source_id, i.position, i.name,
        [(c.field, c.before, c.after) for c in i.changes],
        [(x.field, x.reason, x.message, x.remedy) for x in i.refusals])
        for i in items]


def again__whatever_came_after__the_first_plan_and_numbers(agency, member):
    sync(member, [site("s%d" % i) for i in range(1200)], "redite", FULL)
    records = [site("s%d" % i, telephone="+33233000000" if i % 2 else "")
        for i in range(1, 1200)] + [site("neuf"), site("faux", siret="123")]
    request = dict(request_id=new_id(), accept_valid=True,
        kinds=[SITE, OFFER])
    items, first = sync(member, records, "redite", FULL, **request)
    assert counts(first) == (1, 600, 599, 1, 1), first
    # The world goes on: all of it is gone, and the daemon was killed.
    sync(member, [], "redite", FULL, kinds=[SITE], confirm_retire=1200)
    context.kill()
    context.start()
    agency, member = context.client("agence"), context.client("bocage")
    before = head(agency)
    same, again = sync(member, records, "redite", FULL, **request)
    assert again.replayed and again.revision == first.revision
    assert counts(again) == counts(first) and head(agency) == before
    assert sorted(told(same)) == sorted(told(items))
    agency.close()
    member.close()


def again__answer_lost__told_on_the_next_try(agency, member):
    records = [site("s%d" % i) for i in range(300)]
    for attempt in range(5):
        source, request_id = "perdue-%d" % attempt, new_id()
        whole = steps(records, source, FULL, request_id=request_id)
        call = member.Registry.Sync(iter(whole))
        r.until(lambda: mine(agency, source), "the set is written")
        call.cancel()       # nobody reads the answer
        items, result = sync(member, records, source, FULL,
            request_id=request_id)
        assert result.replayed and counts(result) == (300, 0, 0, 0, 0), result
        assert [i.action for i in items] == [CREATE] * 300
        assert [i.position for i in items] == list(range(1, 301))
        assert {x.version for x in mine(agency, source).values()} == {1}


def again__more_refusals_than_are_kept__counted_and_named(agency, member):
    records = [site("s%d" % i, siret="1" * 13, uai="x", nom="x" * 140)
        for i in range(4000)] + [site("bon")]
    request = dict(request_id=new_id(), accept_valid=True)
    items, first = sync(member, records, "refus", **request)
    assert counts(first) == (1, 0, 0, 0, 4000)
    same, again = sync(member, records, "refus", **request)
    assert again.replayed and counts(again) == counts(first)
    assert [(i.position, i.action) for i in same] == [(i.position, i.action)
        for i in items]
    assert told(same)[:500] == told(items)[:500]
    assert all(i.refusals[0].reason for i in same if i.action == REFUSED)


def again__set_that_settled_a_dispute__only_its_own_records_are_told(agency,
        member):
    mine_too = [site("litige", siret="55208131766522")]

    def held(**fields):
        agency.Registry.Put(reg.PutRequest(request_id=new_id(),
            record=t.Record(kind=SITE, id="tient-le-siret", owner=PROXIMITY,
            site=t.Site(organisation_id=PROXIMITY, nom="Un lieu",
            code_insee="61169", **fields))))

    held(siret="55208131766522")
    _, result = sync(member, mine_too, "litige", accept_valid=True)
    assert result.refused == 1, result
    held()
    request_id = new_id()
    items, first = sync(member, mine_too, "litige", request_id=request_id)
    assert counts(first) == (1, 0, 0, 0, 0), items
    same, again = sync(member, mine_too, "litige", request_id=request_id)
    assert again.replayed and told(same) == told(items), same


# ---- what others do meanwhile -------------------------------------------------


def meanwhile__referred_body_deleted__refused_and_nothing_written(agency,
        member):
    for id in "appui-1", "appui-2":
        agency.Registry.Put(reg.PutRequest(request_id=new_id(),
            record=t.Record(kind=ORGANISATION, id=id,
            organisation=t.Organisation(nom="Un appui",
            kind="mission-locale"))))
    stream = Stream(agency, [reg.SyncRecord(record=t.Record(source_id="s%d" %
        i, site=t.Site(organisation_id="appui-1", nom="Un lieu",
        code_insee="61169"))) for i in range(50)], "appui")
    # Others do not matter, nor does their number.
    for i in range(700):
        agency.Registry.Put(reg.PutRequest(request_id=new_id(),
            record=t.Record(kind=SITE, id="bruit", site=t.Site(
            organisation_id="appui-2", nom="Bruit %d" % i,
            code_insee="61169"))))
    agency.Registry.Delete(reg.DeleteRequest(request_id=new_id(),
        kind=ORGANISATION, id="appui-1"))
    refusal(stream.finish, Code.FAILED_PRECONDITION, Code.ABORTED)
    assert not mine(agency, "appui")


def meanwhile__number_taken_or_record_changed__refused(agency, member):
    sync(member, [site("a"), site("b")], "siret")
    ids = {k: v.id for k, v in mine(agency, "siret").items()}

    def put(id, **fields):
        return agency.Registry.Put(reg.PutRequest(request_id=new_id(),
            record=t.Record(kind=SITE, id=id, site=t.Site(
            organisation_id=MEMBER, nom="Un lieu", code_insee="61169",
            **fields))))

    stream = Stream(member, [site("a", siret="78467169500103")], "siret")
    put(ids["b"], siret="78467169500103")
    refusal(stream.finish, Code.FAILED_PRECONDITION, Code.ABORTED)
    # Changed since it was compared, as changed or as unchanged.
    for records in [site("a", telephone="+33233000001")], [site("a")]:
        stream = Stream(member, records, "siret")
        put(ids["a"], telephone="+33233000002")
        error = refusal(stream.finish, Code.ABORTED)
        assert details(error)["ErrorInfo"].reason == "SYNC_MOVED", error
        put(ids["a"])
    # And what ends came to be needed.
    stream = Stream(member, [gone(SITE, "a")], "siret")
    agency.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=t.Record(kind=OFFER, id="pris", owner=MEMBER, offer=t.Offer(
        organisation_id=MEMBER, site_id=ids["a"], nom="Une offre",
        description="Une offre du lieu."))))
    refusal(stream.finish, Code.FAILED_PRECONDITION, Code.ABORTED)
    assert "a" in mine(agency, "siret")


def meanwhile__what_does_not_matter_changed__applied(agency, member):
    stream = Stream(member, [site("s%d" % i) for i in range(20)], "calme")
    for i in range(900):
        agency.Registry.Put(reg.PutRequest(request_id=new_id(),
            record=t.Record(kind=SITE, id="bruit-2", site=t.Site(
            organisation_id=AGENCY, nom="Bruit %d" % i,
            code_insee="61169"))))
    _, result = stream.finish()
    assert counts(result) == (20, 0, 0, 0, 0)


# ---- confirmed by the thousand --------------------------------------------------


def confirm__ten_thousand_names__one_commit(agency, member):
    sync(member, [site("s%d" % i) for i in range(10000)], "dix-mille")
    names = [reg.RecordName(kind=SITE, id=x.id)
        for x in mine(agency, "dix-mille").values()]
    before = head(agency)
    request = reg.ConfirmRequest(request_id=new_id(), names=names)
    for _ in range(2):      # the second is the first
        answer = member.Registry.Confirm(request)
        assert answer.confirmed == 10000 and answer.revision == before + 1
    assert head(agency) == before + 1
    # A name said twice is confirmed once; an unknown one is told by its place.
    answer = member.Registry.Confirm(reg.ConfirmRequest(request_id=new_id(),
        names=names[:3] + names[:2]))
    assert answer.confirmed == 3, answer
    names[7].id = "nulle-part"
    error = refusal(lambda: member.Registry.Confirm(reg.ConfirmRequest(
        request_id=new_id(), names=names)), Code.NOT_FOUND)
    assert "names[7]" in error.details(), error.details()


# ---- memory ---------------------------------------------------------------------


def memory__sets_too_large_together__the_last_is_told_to_come_again(*_):
    with r.Register({("limits", "sync_max_bytes"): "4MiB",
            ("limits", "sync_total_bytes"): "4MiB",
            ("workers", "count"): "1"}) as own:
        own.accounts()
        agency, member = own.client("agence"), own.client("bocage")
        large = [site("s%d" % i, description="x" * 2000) for i in range(700)]
        streams = [Stream(member, large, "gros-%d" % i) for i in range(2)]
        error = refusal(lambda: sync(member, large, "gros-3", FULL),
            Code.RESOURCE_EXHAUSTED)
        assert details(error)["ErrorInfo"].reason == "SYNC_MEMORY", error
        assert details(error)["RetryInfo"].retry_delay.seconds > 0, error
        for stream in streams:
            assert stream.finish()[1].created == 700
        assert sync(member, large, "gros-3", FULL)[1].created == 700
        agency.close()
        member.close()


with r.Register() as context:
    context.accounts()
    failed = 0
    for name, test in sorted(globals().items()):
        if "__" not in name or name.startswith("__") or not callable(test):
            continue
        clients = context.client("agence"), context.client("bocage")
        failed += r.run_tests({name: test}, *clients)
        for client in clients:
            client.close()
sys.exit(failed > 0)
