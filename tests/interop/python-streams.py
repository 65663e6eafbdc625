#!/usr/bin/python3
"""Streams by Python's grpcio: Sync in all its forms, cut and sent again;
Watch resumed, filtered, a hundred at once; gzip, cancellation, deadlines.
A function is a test; its name is the claim."""
import os
import queue
import random
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import register as r
from register import MEMBER, PROXIMITY, details, messages, new_id, refusal

t, reg, admin = messages("types"), messages("registry"), messages("admin")
Code = grpc.StatusCode
FULL, DELTA = reg.SYNC_MODE_FULL, reg.SYNC_MODE_DELTA


def head(client):
    return client.Admin.Status(admin.StatusRequest()).revision


def one(i, nom=None, **fields):
    return t.Record(kind=t.KIND_SITE, source_id="l%d" % i, site=t.Site(
        organisation_id=MEMBER, nom=nom or "Lieu %d" % i, code_insee="61169",
        **fields))


def steps(records, source, mode=DELTA, request_id=None, count=None, **start):
    yield reg.SyncRequest(start=reg.SyncStart(source=source, mode=mode,
        request_id=request_id or new_id(), kinds=[t.KIND_SITE], **start))
    for i in range(0, len(records), 50):
        yield reg.SyncRequest(batch=reg.SyncBatch(records=[
            reg.SyncRecord(record=x) for x in records[i:i + 50]]))
    yield reg.SyncRequest(end=reg.SyncEnd(
        records=len(records) if count is None else count))


def sync(client, *args, **fields):
    """Plan items and result."""
    answers = list(client.Registry.Sync(steps(*args, **fields)))
    assert answers[-1].HasField("result")
    return [i for a in answers[:-1] for i in a.plan.items], answers[-1].result


def counts(result):
    return (result.created, result.updated, result.unchanged, result.retired,
        result.refused)


def mine(client, source):
    sites = client.Registry.List(reg.ListRequest(kind=t.KIND_SITE,
        page_size=1000, owner=MEMBER)).records
    return {s.source_id: s for s in sites if s.source == source}


def put(client, id_, nom, **fields):
    return client.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=t.Record(kind=t.KIND_SITE, id=id_, owner=MEMBER, site=t.Site(
        organisation_id=MEMBER, nom=nom, code_insee="61169")), **fields))


# ---- sync --------------------------------------------------------------------

def sync__dry_run__whole_plan_and_nothing_written(agency, member):
    before = head(agency)
    items, result = sync(member, [one(i) for i in range(120)], "sec",
        dry_run=True)
    assert counts(result) == (120, 0, 0, 0, 0) and not result.applied
    assert [i.position for i in items] == list(range(1, 121))
    assert {i.action for i in items} == {reg.SYNC_ACTION_CREATE}
    assert head(agency) == before and not mine(agency, "sec")


def sync__full_then_changed_then_less__plan_is_field_by_field(agency, member):
    sync(member, [one(i) for i in range(100)], "plein", FULL)
    versions = {s.source_id: (s.version, s.confirmed_at.ToNanoseconds())
        for s in mine(agency, "plein").values()}
    changed = [one(i, telephone="+33233000000" if i == 7 else "")
        for i in range(98)]
    items, result = sync(member, changed, "plein", FULL)
    assert counts(result) == (0, 1, 97, 2, 0), result
    (update,) = [i for i in items if i.action == reg.SYNC_ACTION_UPDATE]
    assert [(c.field, c.before, c.after) for c in update.changes] == [
        ("telephone", "", "+33233000000")], update
    assert len([i for i in items if i.action == reg.SYNC_ACTION_RETIRE]) == 2
    after = mine(agency, "plein")
    assert len(after) == 98
    for source_id, record in after.items():
        version, confirmed = versions[source_id]
        assert record.version == version + (source_id == "l7")
        assert record.confirmed_at.ToNanoseconds() > confirmed, source_id
    assert {s.revision for s in after.values()} >= {result.revision}


def sync__full_would_retire_too_many__guard_until_the_number_is_said(agency,
        member):
    sync(member, [one(i) for i in range(40)], "garde", FULL)
    before = head(agency)
    for confirm in 0, 34, 36:
        error = refusal(lambda: sync(member, [one(i) for i in range(5)],
            "garde", FULL, confirm_retire=confirm), Code.FAILED_PRECONDITION)
        found = details(error)["PreconditionFailure"].violations[0]
        assert "35" in found.description, found
    refusal(lambda: sync(member, [], "garde", FULL),
        Code.FAILED_PRECONDITION)
    assert head(agency) == before and len(mine(agency, "garde")) == 40
    _, result = sync(member, [one(i) for i in range(5)], "garde", FULL,
        confirm_retire=35)
    assert counts(result) == (0, 0, 5, 35, 0)
    assert len(mine(agency, "garde")) == 5


def sync__one_bad_record__all_or_nothing_unless_valid_ones_accepted(agency,
        member):
    records = [one(i) for i in range(9)] + [one(9, siret="123")]
    before = head(agency)
    refusal(lambda: sync(member, records, "tri"), Code.FAILED_PRECONDITION)
    assert head(agency) == before and not mine(agency, "tri")
    items, result = sync(member, records, "tri", accept_valid=True)
    assert counts(result) == (9, 0, 0, 0, 1) and result.applied
    (bad,) = [i for i in items if i.action == reg.SYNC_ACTION_REFUSED]
    assert bad.position == 10 and bad.source_id == "l9"
    assert bad.refusals[0].field.endswith("siret") and bad.refusals[0].remedy
    assert len(mine(agency, "tri")) == 9


def sync__same_request_id_again__first_answer_and_one_commit(agency, member):
    rid = new_id()
    _, first = sync(member, [one(i) for i in range(60)], "deux",
        request_id=rid)
    at = head(agency)
    _, again = sync(member, [one(i) for i in range(60)], "deux",
        request_id=rid)
    assert again.replayed and again.revision == first.revision
    assert counts(again) == counts(first) and head(agency) == at
    refusal(lambda: sync(member, [one(61)], "deux", request_id=rid),
        Code.ALREADY_EXISTS)


def sync__same_id_from_four_connections_at_once__once(agency, member):
    rid, done = new_id(), queue.Queue()
    before = head(agency)

    def push():
        client = context.client("bocage")
        try:
            done.put(sync(client, [one(i) for i in range(200)], "quatre",
                request_id=rid)[1])
        except grpc.RpcError as e:
            done.put(e)
        client.close()

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    results = [done.get(timeout=60) for _ in threads]
    for thread in threads:
        thread.join()
    assert all(not isinstance(x, Exception) for x in results), results
    assert {x.revision for x in results} == {before + 1}, results
    assert sum(not x.replayed for x in results) == 1
    assert all(x.created == 200 for x in results)
    assert head(agency) == before + 1 and len(mine(agency, "quatre")) == 200


def sync__stream_cut_anywhere__changes_nothing(agency, member):
    records = [one(i) for i in range(300)]
    whole = list(steps(records, "coupe"))
    before = head(agency)
    for cut in range(1, len(whole)):
        gone = threading.Event()

        def part():
            yield from whole[:cut]
            gone.wait(20)       # never the end

        call = member.Registry.Sync(part())
        call.cancel()
        gone.set()
    # Half-closed without an end.
    refusal(lambda: list(member.Registry.Sync(iter(whole[:-1]))),
        Code.INVALID_ARGUMENT, Code.CANCELLED)
    assert head(agency) == before and not mine(agency, "coupe")


def sync__wrong_order_or_count__refused_by_name(agency, member):
    whole = list(steps([one(1)], "ordre"))
    for wrong in [whole[1:], whole[:1] + whole, whole[:1] + whole[2:],
            whole[:1] + [reg.SyncRequest()] + whole[1:]]:
        refusal(lambda: list(member.Registry.Sync(iter(wrong))),
            Code.INVALID_ARGUMENT)
    error = refusal(lambda: sync(member, [one(1)], "ordre", count=2),
        Code.INVALID_ARGUMENT)
    assert details(error)["BadRequest"].field_violations[0].field == \
        "end.records"
    refusal(lambda: sync(member, [one(1), one(1)], "ordre"),
        Code.FAILED_PRECONDITION)
    refusal(lambda: sync(member, [one(1)], "ordre", owner=PROXIMITY),
        Code.PERMISSION_DENIED)
    assert not mine(agency, "ordre")


def sync__something_after_the_end__told_as_it_went(agency, member):
    """Refused when nothing was written, answered when the set was."""
    for i in range(20):
        source = "apres-%d" % i
        whole = list(steps([one(1)], source))
        try:
            list(member.Registry.Sync(iter(whole + whole[1:])))
            written = 1
        except grpc.RpcError as e:
            assert e.code() == Code.INVALID_ARGUMENT, e
            written = 0
        assert len(mine(agency, source)) == written


# ---- watch -------------------------------------------------------------------

def until_snapshot(stream):
    """Ids of the snapshot, its revision."""
    ids = []
    for message in stream:
        ids += [e.record.id for e in message.events]
        if message.snapshot_done:
            assert not message.snapshot_pending
            return ids, message.revision
        assert message.snapshot_pending
    raise AssertionError("no end of the snapshot")


def watch__cut_at_random_and_resumed__no_loss_and_no_duplicate(agency,
        member):
    first = head(agency) + 1
    total, done = 150, threading.Event()

    def write():
        for i in range(total):
            put(member, "suivi-%d" % (i % 10), "Suivi numéro %d" % i)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    rng, seen, next_ = random.Random(1), [], first
    while len(seen) < total:
        stream = agency.Registry.Watch(reg.WatchRequest(from_revision=next_,
            owner=MEMBER), timeout=30)
        for _ in range(rng.randint(1, 9)):
            message = next(stream)
            seen += [(message.revision, e.record.site.nom, e.record.version)
                for e in message.events]
            next_ = message.revision + 1
            if len(seen) >= total:
                break
        stream.cancel()
    writer.join()
    assert done.is_set()
    assert [nom for _, nom, _ in seen] == ["Suivi numéro %d" % i
        for i in range(total)]
    assert [v for _, _, v in seen] == [i // 10 + 1 for i in range(total)]
    assert [x for x, _, _ in seen] == sorted({x for x, _, _ in seen})


def watch__snapshot_while_others_write__every_record_exactly_as_it_is(agency,
        member):
    stop = threading.Event()

    def write():
        i = 0
        while not stop.is_set():
            put(member, "vif-%d" % (i % 300), "Vif numéro %d" % i)
            i += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            stream = agency.Registry.Watch(reg.WatchRequest(snapshot=True,
                kinds=[t.KIND_SITE]), timeout=60)
            ids, at = until_snapshot(stream)
            assert len(ids) == len(set(ids))
            listed = agency.Registry.List(reg.ListRequest(page_size=1000,
                kind=t.KIND_SITE, as_of=reg.AsOf(revision=at)))
            assert not listed.next_page_token
            assert ids == [x.id for x in listed.records]
            following = [next(stream).revision for _ in range(3)]
            assert following == [at + 1, at + 2, at + 3], (at, following)
            stream.cancel()
    finally:
        stop.set()
        writer.join()


def watch__filters_by_kind_owner_name__only_those(agency, member):
    put(member, "filtre-a", "Avant")
    start = head(agency) + 1
    put(member, "filtre-a", "Après")
    put(member, "filtre-b", "Après")
    agency.Registry.Put(reg.PutRequest(request_id=new_id(), record=t.Record(
        kind=t.KIND_SITE, id="filtre-c", owner=PROXIMITY, site=t.Site(
        organisation_id=PROXIMITY, nom="Ailleurs", code_insee="61169"))))
    member.Registry.Delete(reg.DeleteRequest(request_id=new_id(),
        kind=t.KIND_SITE, id="filtre-b"))
    def first(n, **filters):
        stream = agency.Registry.Watch(reg.WatchRequest(from_revision=start,
            **filters), timeout=20)
        seen = []
        while len(seen) < n:
            seen += [(e.record.id, e.type) for e in next(stream).events]
        stream.cancel()
        return seen
    updated, created, deleted = (reg.CHANGE_TYPE_UPDATED,
        reg.CHANGE_TYPE_CREATED, reg.CHANGE_TYPE_DELETED)
    a, b, c, gone = (("filtre-a", updated), ("filtre-b", created),
        ("filtre-c", created), ("filtre-b", deleted))
    assert first(4) == first(4, kinds=[t.KIND_SITE]) == [a, b, c, gone]
    assert first(3, owner=MEMBER) == [a, b, gone]
    assert first(1, owner=PROXIMITY) == [c]
    assert first(2, names=[reg.RecordName(kind=t.KIND_SITE,
        id="filtre-b")]) == [b, gone]


def watch__progress_marks__safe_to_resume_from(agency, member):
    stream = agency.Registry.Watch(reg.WatchRequest(kinds=[t.KIND_OFFER],
        progress_seconds=1), timeout=20)
    at = put(member, "marque", "Autre chose").revision
    message = next(stream)
    while message.revision < at:
        message = next(stream)
    assert not message.events
    stream.cancel()
    error = refusal(lambda: agency.Registry.Watch(reg.WatchRequest(
        from_revision=1 << 50), timeout=5), Code.OUT_OF_RANGE,
        Code.INVALID_ARGUMENT, Code.DEADLINE_EXCEEDED)
    assert error.code() != Code.DEADLINE_EXCEEDED


def watch__from_the_past_with_nothing_wanted__told_where_it_is(agency,
        member):
    put(member, "marque", "Encore autre chose")
    now = head(agency)
    stream = agency.Registry.Watch(reg.WatchRequest(from_revision=1,
        names=[reg.RecordName(kind=t.KIND_OFFER, id="absente")],
        progress_seconds=3600), timeout=20)
    message = next(stream)
    while message.revision < now:
        assert not message.events
        message = next(stream)
    assert not message.events
    stream.cancel()


def watch__hundred_on_one_connection__each_sees_all_in_order(agency, member):
    client = context.client("bocage")
    start = head(agency) + 1
    results = queue.Queue()

    def follow():
        stream = client.Registry.Watch(reg.WatchRequest(from_revision=start,
            owner=MEMBER), timeout=60)
        seen = []
        try:
            while len(seen) < 40:
                seen += [e.record.site.nom for e in next(stream).events]
            stream.cancel()
            results.put(seen)
        except grpc.RpcError as e:
            results.put(e)

    threads = [threading.Thread(target=follow) for _ in range(100)]
    for thread in threads:
        thread.start()
    r.until(lambda: agency.Admin.Status(admin.StatusRequest()).watches >= 100,
        "a hundred watches")
    names = ["Passage %d" % i for i in range(40)]
    for name in names:
        put(member, "passage", name)
    for thread in threads:
        assert results.get(timeout=60) == names
    for thread in threads:
        thread.join()
    client.close()
    r.until(lambda: agency.Admin.Status(admin.StatusRequest()).watches == 0,
        "no watch is left open")


# ---- the calls themselves ------------------------------------------------------

def gzip__requests_and_answers_of_streams__the_same(agency, member):
    client = context.client("bocage", compression=grpc.Compression.Gzip)
    _, result = sync(client, [one(i) for i in range(400)], "serre")
    assert result.created == 400
    stream = client.Registry.Watch(reg.WatchRequest(snapshot=True,
        kinds=[t.KIND_SITE]))
    ids, _ = until_snapshot(stream)
    stream.cancel()
    assert len(mine(client, "serre")) == 400 and len(ids) >= 400
    client.close()


def deadline__within_a_stream__ends_it_and_frees_it(agency, member):
    stream = agency.Registry.Watch(reg.WatchRequest(), timeout=0.4)
    refusal(lambda: list(stream), Code.DEADLINE_EXCEEDED)
    r.until(lambda: agency.Admin.Status(admin.StatusRequest()).watches == 0,
        "the watch is gone")
    never = threading.Event()

    def silent():
        never.wait(20)
        yield from ()

    call = member.Registry.Sync(silent(), timeout=0.4)
    refusal(lambda: list(call), Code.DEADLINE_EXCEEDED)
    never.set()


def cancel__five_hundred_streams_at_once__the_connection_lives(agency,
        member):
    for _ in range(10):
        streams = [agency.Registry.Watch(reg.WatchRequest(snapshot=True))
            for _ in range(50)]
        for stream in streams:
            stream.cancel()
        assert agency.Admin.Status(admin.StatusRequest()).revision > 0
    r.until(lambda: agency.Admin.Status(admin.StatusRequest()).watches == 0,
        "no watch is left open")


with r.Register() as context:
    context.accounts()
    clients = context.client("agence"), context.client("bocage")
    failed = r.run_tests(globals(), *clients)
    for client in clients:
        client.close()
sys.exit(failed > 0)
