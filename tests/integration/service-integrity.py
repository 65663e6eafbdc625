#!/usr/bin/python3
"""What a member must not be able to do, and what the register must not come
to hold: by stock gRPC against a real daemon.  A function is a test; its name
is the claim."""
import os
import queue
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import register as r
from register import AGENCY, MEMBER, PROXIMITY, messages, new_id, refusal

t, reg, admin = messages("types"), messages("registry"), messages("admin")
act, memberships = messages("activities"), messages("memberships")
Code = grpc.StatusCode
FULL, DELTA = reg.SYNC_MODE_FULL, reg.SYNC_MODE_DELTA
SITE, OFFER, ORGANISATION = t.KIND_SITE, t.KIND_OFFER, t.KIND_ORGANISATION


def site(source_id="", organisation=MEMBER, nom="Un lieu", **fields):
    more = {k: fields.pop(k) for k in ("id", "owner", "source") if k in fields}
    return t.Record(kind=SITE, source_id=source_id, site=t.Site(
        organisation_id=organisation, nom=nom, code_insee="61169", **fields),
        **more)


def put(client, record, **fields):
    return client.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=record, **fields))


def get(client, kind, id, **fields):
    return client.Registry.Get(reg.GetRequest(kind=kind, id=id, **fields))


def sync(client, records, source, mode=DELTA, kinds=(SITE,), **start):
    """Records, or SyncRecords; plan items and result."""
    wrapped = [x if isinstance(x, reg.SyncRecord) else
        reg.SyncRecord(record=x) for x in records]
    steps = [reg.SyncRequest(start=reg.SyncStart(source=source, mode=mode,
        request_id=new_id(), kinds=kinds, **start))]
    steps += [reg.SyncRequest(batch=reg.SyncBatch(records=wrapped[i:i + 500]))
        for i in range(0, len(wrapped), 500)]
    steps.append(reg.SyncRequest(end=reg.SyncEnd(records=len(wrapped))))
    answers = list(client.Registry.Sync(iter(steps)))
    return [i for a in answers for i in a.plan.items], answers[-1].result


# ---- policy ---------------------------------------------------------------


def sync__full_set_of_activities__members_cannot_delete_what_they_declared(
        agency, member):
    agency.Memberships.RecordStatus(memberships.RecordStatusRequest(
        request_id=new_id(), status=t.Status(organisation_id=MEMBER,
        title="cep-loi", legal_basis="C. trav. L6111-6", authority="Loi",
        **{"from": "2020-01-01"})))
    made = member.Activities.Declare(act.DeclareRequest(request_id=new_id(),
        source="crm", source_id="a1", activity=t.Activity(
        organisation_id=MEMBER, activity_kind="A11", title="Un forum",
        start="2024-03-12", communes=["61169"]))).record
    for kinds in [t.KIND_ACTIVITY], [SITE, t.KIND_STATUS]:
        refusal(lambda: sync(member, [], "crm", FULL, kinds, confirm_retire=1),
            Code.PERMISSION_DENIED)
    assert get(member, t.KIND_ACTIVITY, made.id).record.version == 1


def put__site_of_another_body__member_is_refused(agency, member):
    refusal(lambda: put(member, site(organisation=PROXIMITY, id="intrus")),
        Code.PERMISSION_DENIED)
    items, result = sync(member, [site("intrus", PROXIMITY)], "intrus",
        accept_valid=True)
    assert result.refused == 1 and result.created == 0, items
    assert items[0].refusals[0].reason == "OTHER_BODY", items
    # What the agency gave it to keep, it keeps.
    put(agency, site(organisation=PROXIMITY, id="confie", owner=MEMBER))
    put(member, site(organisation=PROXIMITY, id="confie", nom="Autre nom"))


def list__kind_the_caller_may_not_read__denied_not_empty(agency, member):
    operator = context.client("exploitation")
    refusal(lambda: operator.Registry.List(reg.ListRequest(
        kind=t.KIND_ACTIVITY)), Code.PERMISSION_DENIED)
    operator.close()


def put__thousands_of_zones_of_the_agency__member_leaves_them_as_they_are(
        agency, member):
    with open(os.path.join(r.TOP, "config/territories/communes.csv")) as f:
        zones = ["com:" + line[:5] for line in f][1:]
    record = get(agency, ORGANISATION, MEMBER).record
    record.organisation.competence[:] = zones
    put(agency, record)
    record = get(member, ORGANISATION, MEMBER).record
    assert len(record.organisation.competence) == len(zones) > 2000
    record.organisation.telephone = "+33233000000"
    put(member, record)
    history = member.Registry.History(reg.HistoryRequest(kind=ORGANISATION,
        id=MEMBER, limit=2)).entries
    assert [c.field for c in history[0].changes] == ["telephone"], history[0]
    assert len(history[1].changes[0].after) > 10 * len(zones)


# ---- sync -----------------------------------------------------------------


def sync__accepting_valid__nothing_refers_to_what_was_refused(agency, member):
    put(member, site(id="tient-siret", siret="78467169500103"))
    items, result = sync(member, [site("s1", siret="78467169500103"),
        reg.SyncRecord(site_source_id="s1", record=t.Record(kind=OFFER,
        source_id="o1", offer=t.Offer(organisation_id=MEMBER,
        nom="Une offre", description="Un atelier de deux heures, chaque "
        "lundi, pour tous, sans rendez-vous ni inscription."))),
        site("s2")], "chaine", kinds=[SITE, OFFER], accept_valid=True)
    assert (result.created, result.refused) == (1, 2), (items, result)
    assert not [o for o in agency.Registry.List(reg.ListRequest(kind=OFFER,
        owner=MEMBER)).records if o.source == "chaine"]


def sync__full_accepting_valid__a_refused_record_is_not_retired(agency,
        member):
    sync(member, [site("g%d" % i) for i in range(3)], "garde-moi", FULL)
    bad = site("g1")
    bad.owner = PROXIMITY
    items, result = sync(member, [site("g0"), bad, site("g2")], "garde-moi",
        FULL, accept_valid=True)
    assert (result.unchanged, result.refused, result.retired) == (2, 1, 0), (
        items, result)


def sync__identifier_that_begins_another__is_another_record(agency, member):
    sync(member, [site("a/b", nom="Le premier")], "barre")
    _, result = sync(member, [site("a", nom="Le second")], "barre")
    assert (result.created, result.updated) == (1, 0), result


def sync__identifiers_that_look_alike__planned_in_linear_time(agency, member):
    marks = "!#$%&*+=?^_~"
    alike = [site("".join(marks[i // len(marks) ** n % len(marks)]
        for n in range(4))) for i in range(20000)]
    for name, records in (("alike", alike),
            ("meme", [site("x") for _ in range(40000)]),
            ("vide", [site() for _ in range(40000)])):
        begun = time.monotonic()
        _, result = sync(member, records, name, dry_run=True)
        took = time.monotonic() - begun
        print("%s: %.1f s" % (name, took), flush=True)
        assert took < 20, (name, took)
    _, result = sync(member, alike, "alike", dry_run=True)
    assert result.created == len(alike), result


def put__source_identifier_of_another_record__refused(agency, member):
    put(member, site("double", id="double-1", source="crm"))
    refusal(lambda: put(member, site("double", id="double-2", source="crm")),
        Code.FAILED_PRECONDITION)


def list__as_of_before_the_first_revision__empty_page(agency, member):
    request = reg.ListRequest(kind=SITE)
    request.as_of.time.seconds = 1
    page = member.Registry.List(request)
    assert not page.records and not page.next_page_token, page


# ---- reading ---------------------------------------------------------------


def get__as_of_a_time_out_of_range__answered_or_refused_never_overflows(
        agency, member):
    for seconds in (1 << 62, -(1 << 62), 253402300800):
        request = reg.GetRequest(kind=ORGANISATION, id=MEMBER)
        request.as_of.time.seconds = seconds
        refusal(lambda: member.Registry.Get(request), Code.INVALID_ARGUMENT)
    request.as_of.time.seconds = 0
    refusal(lambda: member.Registry.Get(request), Code.NOT_FOUND)


def put__repeated_after_its_record_was_deleted__first_answer(agency, member):
    request = reg.PutRequest(request_id=new_id(), record=site(id="ephemere"))
    first = member.Registry.Put(request)
    member.Registry.Delete(reg.DeleteRequest(request_id=new_id(), kind=SITE,
        id="ephemere"))
    again = member.Registry.Put(request)
    assert again.revision == first.revision, (first, again)
    assert again.record.version == 1 and not again.record.deleted, again
    request.record.site.nom = "Autre chose"
    refusal(lambda: member.Registry.Put(request), Code.ALREADY_EXISTS)


def put__beside_reads__answer_holds_what_was_written(agency, member):
    stop, failures = threading.Event(), []

    def read():
        client = context.client("bocage")
        while not stop.is_set():
            client.Registry.BatchGet(reg.BatchGetRequest(names=[
                reg.RecordName(kind=ORGANISATION, id=MEMBER)] * 100))
        client.close()

    def write(n):
        client = context.client("bocage")
        try:
            for i in range(120):
                answer = put(client, site(id="course-%d" % n,
                    nom="Nom %d" % i)).record
                if answer.site.nom != "Nom %d" % i or answer.version != i + 1:
                    failures.append((i, answer.site.nom, answer.version))
        except grpc.RpcError as e:
            failures.append(e.details())
        client.close()

    readers = [threading.Thread(target=read) for _ in range(6)]
    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert not failures, (len(failures), failures[:5])


def watch__a_filter_that_nothing_meets__others_are_served_meanwhile(*_):
    with r.Register({("workers", "count"): "1"}) as own:
        agency, other = own.client("agence"), own.client("agence")
        for i in range(12):
            sync(agency, [site("v%d" % n, AGENCY, "Lieu %d %d" % (i, n),
                description="x" * 900) for n in range(3000)], "volume", FULL)
        head = get(other, ORGANISATION, AGENCY).revision
        streams = [agency.Registry.Watch(reg.WatchRequest(from_revision=1,
            names=[reg.RecordName(kind=SITE, id="absent")]))
            for _ in range(60)]
        worst, last = 0, [None]

        def catch_up(stream):
            for message in stream:
                assert not message.events
                if message.revision == head:
                    return True
        thread = threading.Thread(target=lambda: last.append(
            [catch_up(s) for s in streams]))
        thread.start()
        while len(last) == 1:
            begun = time.monotonic()
            get(other, ORGANISATION, AGENCY)
            worst = max(worst, time.monotonic() - begun)
        thread.join()
        assert all(last[1])
        print("slowest read: %.0f ms" % (1000 * worst), flush=True)
        # What a cursor has passed over it has passed: then it follows.
        put(agency, t.Record(kind=SITE, id="absent", site=t.Site(
            organisation_id=AGENCY, nom="Enfin", code_insee="61169")))
        for s in streams:
            assert next(s).events[0].record.site.nom == "Enfin"
            s.cancel()
        agency.close()
        other.close()
        assert worst < 2, worst


# ---- the end ----------------------------------------------------------------


def stop__streams_open__told_unavailable_and_the_daemon_ends(*_):
    with r.Register({("workers", "drain"): "20s"}) as own:
        client = own.client("agence")
        watch = client.Registry.Watch(reg.WatchRequest())
        next(watch)
        open_end = queue.Queue()
        half = client.Registry.Sync(iter(open_end.get, None))
        open_end.put(reg.SyncRequest(start=reg.SyncStart(source="lent",
            mode=DELTA)))
        client.Admin.Status(admin.StatusRequest())
        begun = time.monotonic()
        own.stop()
        took = time.monotonic() - begun
        for stream in watch, half:
            refusal(lambda: list(stream), Code.UNAVAILABLE)
        open_end.put(None)
        client.close()
        print("stopped in %.1f s" % took, flush=True)
        assert took < 5, took


def stop__writes_on_their_way__the_daemon_ends_well(*_):
    for _ in range(8):
        with r.Register() as own:
            client = own.client("agence")
            calls = [client.Registry.Put.future(reg.PutRequest(
                request_id=new_id(), record=t.Record(kind=SITE,
                id="lieu-%d" % i, site=t.Site(organisation_id=AGENCY,
                nom="Lieu", code_insee="61169")))) for i in range(200)]
            calls[0].result()
            client.close()
            own.stop()


with r.Register() as context:
    context.accounts()
    clients = context.client("agence"), context.client("bocage")
    failed = r.run_tests(globals(), *clients)
    for client in clients:
        client.close()
sys.exit(failed > 0)
