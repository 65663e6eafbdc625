#!/usr/bin/python3
"""Freshness is a lease: confirmed, due and stale on the right day for three
simulated years, whatever restarts or sets the clock back; listed, counted,
watched, shown.  A function is a test; its name is the claim."""
import datetime
import glob
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import certificates
import register as r
from register import AGENCY, MEMBER, messages, new_id, refusal

t, reg, admin = messages("types"), messages("registry"), messages("admin")
act, memberships = messages("activities"), messages("memberships")
referrals = messages("referrals")
Code = grpc.StatusCode
CONFIRMED, DUE, STALE = (t.FRESHNESS_CONFIRMED, t.FRESHNESS_DUE,
    t.FRESHNESS_STALE)
DAY = datetime.timedelta(days=1)
SITE_DAYS, SITE_DUE = 180, 144      # due from the 144th on
YEARS = 3


# ---- a register whose day the tests set -------------------------------------------

class Clock:
    """The daemon's wall clock; the monotonic one goes on as it does."""

    def __init__(self):
        library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        assert library, "the package libfaketime is missing"
        self.path = os.path.join(r.scratch(), "clock")
        # Tomorrow: the certificates are of today.
        self.set(paris(datetime.datetime.now(datetime.timezone.utc)).date() +
            DAY)
        self.environment = {"LD_PRELOAD": library[0],
            "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def set(self, day, hour=12, minute=0):
        """It is this time of this day in France now."""
        wanted = datetime.datetime(day.year, day.month, day.day, hour, minute,
            tzinfo=datetime.timezone.utc)
        wanted -= paris(wanted) - wanted.replace(tzinfo=None)
        with open(self.path + ".new", "w") as f:
            f.write("%+d\n" % (wanted.timestamp() - time.time()))
        os.rename(self.path + ".new", self.path)
        self.day = day


def paris(at):
    """Legal time in France, as the directive of 2000 says it."""
    def last_sunday(month):
        last = datetime.datetime(at.year, month, 31, 1)
        return last - datetime.timedelta((last.weekday() + 1) % 7)
    naive = at.replace(tzinfo=None)
    summer = last_sunday(3) <= naive < last_sunday(10)
    return naive + datetime.timedelta(hours=2 if summer else 1)


class Years(r.Register):
    """Certificates that outlive the simulation."""

    def make_pki(self):
        super().make_pki()
        end = 9 * 366 * 86400
        certificates.make(self.pki, "server", san="DNS:localhost",
            extended="serverAuth", issuer="ca", end=end)
        for account in r.ACCOUNTS:
            certificates.account(self, account, end=end)


def site(id_, body=MEMBER, **fields):
    return t.Record(kind=t.KIND_SITE, id=id_, owner=body, site=t.Site(
        organisation_id=body, nom="Accueil " + id_, code_insee="61169",
        **fields))


def put(client, record):
    return client.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=record)).record


def get(client, id_, kind=t.KIND_SITE, **options):
    return client.Registry.Get(reg.GetRequest(kind=kind, id=id_,
        **options)).record


def confirm(client, *ids, kind=t.KIND_SITE):
    return client.Registry.Confirm(reg.ConfirmRequest(request_id=new_id(),
        names=[reg.RecordName(kind=kind, id=i) for i in ids]))


def listed(client, *states, **filters):
    """Ids on all pages."""
    ids, token = [], ""
    filters.setdefault("kind", t.KIND_SITE)
    while True:
        page = client.Registry.List(reg.ListRequest(freshness=states,
            page_token=token, **filters))
        ids += [x.id for x in page.records]
        token = page.next_page_token
        if not token:
            return ids


def counted(client, **query):
    """{(kind, owner): (confirmed, due, stale)} on all pages."""
    found, token = {}, ""
    while True:
        page = client.Registry.FreshnessCounts(reg.FreshnessCountsRequest(
            page_token=token, **query))
        for c in page.counts:
            assert (c.kind, c.owner) not in found, c
            found[c.kind, c.owner] = (c.confirmed, c.due, c.stale)
        token = page.next_page_token
        if not token:
            return found


class Follower:
    """A watch of freshness; `seen` has the events since they were taken."""

    def __init__(self, client, **options):
        options.setdefault("progress_seconds", 1)
        self.stream = client.Registry.Watch(reg.WatchRequest(freshness=True,
            **options), timeout=300)
        self.day, self.revision, self.seen, self.snapshot = "", 0, [], []
        self.read()

    def read(self):
        m = next(self.stream)
        for e in m.events:
            if e.type == reg.CHANGE_TYPE_FRESHNESS:
                assert e.record.HasField("confirmed_at"), e
                self.seen.append((e.record.id, e.record.freshness))
            elif m.snapshot_pending or m.snapshot_done:
                self.snapshot.append((e.record.id, e.record.freshness))
        if m.freshness_day:
            self.day = m.freshness_day
        if not m.snapshot_pending:
            assert m.revision >= self.revision, m
            self.revision = m.revision

    def until(self, day):
        """Everything of that day is told."""
        while self.day != str(day):
            self.read()
        return self.take()

    def take(self):
        seen, self.seen = sorted(self.seen), []
        return seen

    def close(self):
        self.stream.cancel()


def other_day(w, day, **when):
    """Set the clock, and wait until the daemon says so."""
    w.clock.set(day, **when)
    follower = Follower(w.agency)
    follower.until(day)
    follower.close()


# ---- three years ------------------------------------------------------------------

def three_years__each_state_from_its_midnight_on(w):
    """Confirmed again a few days too late, for as long as it takes; every
    other time the daemon is killed just before midnight."""
    put(w.member, site("trois-ans"))
    day, cycles = w.clock.day, 0
    start = day
    while day < start + YEARS * 365 * DAY:
        for offset, state in (SITE_DUE, DUE), (SITE_DAYS, STALE):
            before = CONFIRMED if state == DUE else DUE
            other_day(w, day + (offset - 1) * DAY, hour=23, minute=58)
            check(w, "trois-ans", before, day)
            if cycles % 2:
                w.restart()
                check(w, "trois-ans", before, day)
            follower = Follower(w.member, names=[reg.RecordName(
                kind=t.KIND_SITE, id="trois-ans")])
            assert follower.take() == []
            w.clock.set(day + offset * DAY, hour=0, minute=1)
            assert follower.until(w.clock.day) == [("trois-ans", state)]
            follower.close()
            check(w, "trois-ans", state, day)
            w.restart()
            check(w, "trois-ans", state, day)
        day += (SITE_DAYS + 5) * DAY
        other_day(w, day)
        confirm(w.member, "trois-ans")
        check(w, "trois-ans", CONFIRMED, day)
        cycles += 1
    assert cycles == 6, cycles


def check(w, id_, state, confirmed):
    record = get(w.member, id_)
    assert record.freshness == state, (record, w.clock.day)
    assert record.stale_on == str(confirmed + SITE_DAYS * DAY), record
    for s in CONFIRMED, DUE, STALE:
        assert (id_ in listed(w.member, s, owner=MEMBER)) == (s == state), s


def clock_set_back__states_of_the_last_commit_and_nothing_told_twice(w):
    put(w.member, site("recul"))
    day = w.clock.day
    other_day(w, day + SITE_DUE * DAY)
    follower = Follower(w.member)
    assert get(w.member, "recul").freshness == DUE
    other_day(w, day + SITE_DAYS * DAY)
    assert ("recul", STALE) in follower.until(w.clock.day)
    confirm(w.agency, MEMBER, kind=t.KIND_ORGANISATION)  # a commit of that day
    # Back to before it was due: the register's own time stands.
    w.clock.set(day + DAY)
    w.restart()
    assert get(w.member, "recul").freshness == STALE
    follower = Follower(w.member, freshness_after=str(day + SITE_DAYS * DAY))
    assert follower.day == str(day + SITE_DAYS * DAY)
    confirm(w.member, "recul")
    assert get(w.member, "recul").freshness == CONFIRMED
    assert get(w.member, "recul").stale_on == str(day + 2 * SITE_DAYS * DAY)
    # Forth again: nothing of these days is told a second time.
    w.clock.set(day + (SITE_DAYS + 1) * DAY)
    assert follower.until(w.clock.day) == []
    follower.close()


# ---- which records, which answers -----------------------------------------------------

def answers__all_of_now__say_it_and_those_of_the_past_do_not(w):
    made = put(w.member, site("dit"))
    assert made.freshness == CONFIRMED and made.stale_on == str(
        w.clock.day + SITE_DAYS * DAY), made
    batch = w.member.Registry.BatchGet(reg.BatchGetRequest(names=[
        reg.RecordName(kind=t.KIND_SITE, id="dit")])).records[0]
    page = w.member.Registry.List(reg.ListRequest(kind=t.KIND_SITE,
        owner=MEMBER, page_size=1000))
    of_list = next(x for x in page.records if x.id == "dit")
    for record in get(w.member, "dit"), batch, of_list:
        assert (record.freshness, record.stale_on) == (made.freshness,
            made.stale_on), record
    past = reg.AsOf(revision=made.revision)
    assert get(w.member, "dit", as_of=past).freshness == 0
    assert get(w.member, "dit", as_of=past).stale_on == ""
    # What a caller says of it is not taken.
    made.freshness, made.stale_on = STALE, "1999-01-01"
    again = put(w.member, made)
    assert again.version == made.version and again.freshness == CONFIRMED


def kinds_without_a_period__and_what_has_closed__have_none(w):
    yesterday, tomorrow = str(w.clock.day - DAY), str(w.clock.day + DAY)
    assert put(w.member, site("ferme", date_fermeture=yesterday)) \
        .freshness == 0
    assert put(w.member, site("fermera", date_fermeture=tomorrow)) \
        .freshness == CONFIRMED
    other_day(w, w.clock.day + 2 * DAY)
    assert get(w.member, "fermera").freshness == 0
    title = w.agency.Memberships.RecordStatus(memberships.RecordStatusRequest(
        request_id=new_id(), status=t.Status(organisation_id=MEMBER,
        title="cep-loi", legal_basis="Loi", authority="Loi",
        **{"from": "2020-01-01"}))).record
    assert title.freshness == 0 and title.stale_on == ""
    everything = listed(w.agency, CONFIRMED, DUE, STALE)
    assert "ferme" not in everything and "fermera" not in everything
    assert "ferme" in listed(w.agency)


def filter__of_the_past_or_unknown__refused_with_the_field(w):
    for state, options in (STALE, {"as_of": reg.AsOf(revision=1)}), (0, {}), \
            (7, {}):
        error = refusal(lambda: w.agency.Registry.List(reg.ListRequest(
            kind=t.KIND_SITE, freshness=[state], **options)),
            Code.INVALID_ARGUMENT)
        bad = r.details(error)["BadRequest"].field_violations
        assert [v.field for v in bad] == ["freshness"], bad
    error = refusal(lambda: w.agency.Registry.Watch(reg.WatchRequest(
        freshness=True, freshness_after="demain")), Code.INVALID_ARGUMENT)
    assert "freshness_after" in error.details()


def filter__one_in_a_thousand__found_page_by_page_with_bounded_work(w):
    """list_work is 100 here."""
    put(w.member, site("aiguille"))
    other_day(w, w.clock.day + (SITE_DAYS - 1) * DAY)
    sync(w, "foin", 900)
    other_day(w, w.clock.day + DAY)
    pages = 0
    token, found = "", []
    while True:
        page = w.agency.Registry.List(reg.ListRequest(kind=t.KIND_SITE,
            freshness=[STALE], page_token=token, owner=MEMBER))
        pages += 1
        found += [x.id for x in page.records]
        token = page.next_page_token
        if not token:
            break
    assert "aiguille" in found and not any(x.startswith("foin") for x in
        found) and pages > 9, (pages, found)


def sync(w, source, n):
    """A full set of n sites: answers the result."""
    def steps():
        yield reg.SyncRequest(start=reg.SyncStart(request_id=new_id(),
            source=source, mode=reg.SYNC_MODE_FULL, kinds=[t.KIND_SITE]))
        yield reg.SyncRequest(batch=reg.SyncBatch(records=[reg.SyncRecord(
            record=t.Record(source_id="s%d" % i, site=t.Site(nom="Site %d" %
            i, organisation_id=MEMBER, code_insee="61169")))
            for i in range(n)]))
        yield reg.SyncRequest(end=reg.SyncEnd(records=n))
    return list(w.member.Registry.Sync(steps()))[-1].result


def sync__unchanged_set__confirms_all_of_it(w):
    assert sync(w, "tout", 50).created == 50
    other_day(w, w.clock.day + SITE_DAYS * DAY)
    stale = listed(w.member, STALE, owner=MEMBER)
    assert len([x for x in stale if x.startswith("tout-")]) == 50, stale
    assert sync(w, "tout", 50).unchanged == 50
    assert not [x for x in listed(w.member, STALE, DUE, owner=MEMBER)
        if x.startswith("tout-")]


# ---- counts ---------------------------------------------------------------------------

def counts__by_kind_and_by_owner__are_those_of_the_lists(w):
    put(w.agency, site("agence-un", AGENCY))
    other_day(w, w.clock.day + SITE_DUE * DAY)
    put(w.agency, site("agence-deux", AGENCY))
    expected = {}
    for kind in t.KIND_ORGANISATION, t.KIND_SITE:
        for state in CONFIRMED, DUE, STALE:
            n = len(listed(w.agency, state, kind=kind))
            expected.setdefault((kind, ""), []).append(n)
    counts = counted(w.agency)
    for key, value in expected.items():
        assert counts[key] == tuple(value), (key, counts, expected)
    assert counts[t.KIND_OFFER, ""] == (0, 0, 0), counts
    owners = counted(w.agency, by_owner=True, page_size=1)
    assert owners[t.KIND_SITE, AGENCY] == (1, 1, 0), owners
    for kind in t.KIND_ORGANISATION, t.KIND_SITE:
        sums = [sum(v[i] for (k, _), v in owners.items() if k == kind)
            for i in range(3)]
        assert tuple(sums) == counts[kind, ""], (kind, sums, counts)
    assert owners == counted(w.agency, by_owner=True, page_size=1000)
    assert counted(w.member, owner=AGENCY, kind=t.KIND_SITE) == {
        (t.KIND_SITE, AGENCY): (1, 1, 0)}
    assert counted(w.member, kind=t.KIND_STATUS) == {}
    page = w.agency.Registry.FreshnessCounts(reg.FreshnessCountsRequest(
        kind=t.KIND_SITE)).counts[0]
    assert (page.period_days, page.due_days) == (180, 36), page


def counts__bad_questions__refused_with_the_field(w):
    for field, query in ("page_token", {"page_token": "x", "by_owner": True}
            ), ("page_token", {"page_token": "2.agence"}), ("page_size",
            {"page_size": 1001}), ("owner", {"owner": "Pas Un Id"}), (
            "kind", {"kind": 99}):
        error = refusal(lambda: w.agency.Registry.FreshnessCounts(
            reg.FreshnessCountsRequest(**query)), Code.INVALID_ARGUMENT)
        bad = r.details(error)["BadRequest"].field_violations
        assert [v.field for v in bad] == [field], bad


def counts__given_up_at_once__leave_the_daemon_well(w):
    for _ in range(20):
        call = w.agency.Registry.FreshnessCounts.future(
            reg.FreshnessCountsRequest(by_owner=True))
        call.cancel()
    r.until(lambda: counts_answered(w), "a count is answered")


def counts_answered(w):
    try:
        return counted(w.agency)
    except grpc.RpcError as e:
        assert e.code() == Code.RESOURCE_EXHAUSTED, e
        return False


# ---- watches --------------------------------------------------------------------------

def watch__cut_for_months__told_what_is_so_today_once(w):
    for id_ in "absent-un", "absent-deux", "absent-trois":
        put(w.member, site(id_))
    day = w.clock.day
    follower = Follower(w.member, owner=MEMBER)
    last = follower.day
    follower.close()
    other_day(w, day + SITE_DUE * DAY)
    confirm(w.member, "absent-deux")        # nobody was there
    other_day(w, day + (SITE_DAYS + 1) * DAY)
    w.member.Registry.Delete(reg.DeleteRequest(request_id=new_id(),
        kind=t.KIND_SITE, id="absent-trois"))
    follower = Follower(w.member, owner=MEMBER, freshness_after=last)
    seen = [x for x in follower.until(w.clock.day) if x[0].startswith(
        "absent-")]
    assert seen == [("absent-un", STALE)], seen
    follower.close()
    follower = Follower(w.member, owner=MEMBER,
        freshness_after=str(w.clock.day))
    assert follower.until(w.clock.day) == []
    follower.close()


def watch__snapshot__bears_the_states(w):
    put(w.member, site("photo"))
    day = w.clock.day
    other_day(w, day + SITE_DUE * DAY)
    put(w.member, site("photo-neuve"))
    follower = Follower(w.member, snapshot=True, kinds=[t.KIND_SITE])
    seen = dict(follower.snapshot)
    while not follower.day:
        follower.read()
        seen.update(follower.snapshot)
    assert seen["photo"] == DUE and seen["photo-neuve"] == CONFIRMED, seen
    # Without being asked for, nothing is added to the bytes.
    plain = w.member.Registry.Watch(reg.WatchRequest(snapshot=True,
        kinds=[t.KIND_SITE]), timeout=60)
    for m in plain:
        assert not m.freshness_day
        assert not [e for e in m.events if e.record.freshness or
            e.record.HasField("confirmed_at")]
        if m.snapshot_done:
            break
    plain.cancel()
    follower.close()


def watch__changes_and_days_together__all_told_in_order(w):
    put(w.member, site("melange"))
    day = w.clock.day
    follower = Follower(w.member, owner=MEMBER)
    stream = w.member.Registry.Watch(reg.WatchRequest(owner=MEMBER,
        freshness=True), timeout=60)
    assert next(stream).freshness_day == str(day)
    record = site("melange-autre")
    revision = put(w.member, record).revision
    w.clock.set(day + SITE_DUE * DAY)
    types, last = [], 0
    while "FRESHNESS" not in types:
        m = next(stream)
        assert m.revision >= last
        last = m.revision
        types += [reg.ChangeType.Name(e.type)[12:] for e in m.events
            if e.record.id.startswith("melange")]
    assert types[0] == "CREATED" and last == revision, (types, last)
    stream.cancel()
    follower.close()


def watch__thousands_at_once__all_told_to_each_of_many(w):
    n = 2500
    assert sync(w, "masse", n).created == n
    day = w.clock.day
    followers = [Follower(w.member, kinds=[t.KIND_SITE]) for _ in range(5)]
    stranger = Follower(w.other, names=[reg.RecordName(kind=t.KIND_SITE,
        id="masse-s7")])
    w.clock.set(day + SITE_DUE * DAY)
    for f in followers:
        seen = [x for x in f.until(w.clock.day) if x[0].startswith("masse-")]
        assert len(seen) == n and {s for _, s in seen} == {DUE}
        f.close()
    assert stranger.until(w.clock.day) == [("masse-s7", DUE)]
    stranger.close()


# ---- referrals, the command, the configuration --------------------------------------

def referral__place_not_confirmed_for_long__says_so(w):
    put(w.agency, t.Record(kind=t.KIND_ORGANISATION, id=MEMBER,
        organisation=t.Organisation(nom="Mission locale", kind=
        "mission-locale", competence=["com:61169"])))
    put(w.member, site("flers"))
    confirm_all(w)
    confirmed = w.clock.day
    line = find(w)
    assert line.freshness == CONFIRMED and line.note == "", line
    other_day(w, w.clock.day + SITE_DAYS * DAY)
    line = find(w)
    assert line.freshness == STALE and str(confirmed) in line.note, line
    # On a date of the past it was fresh.
    assert find(w, date=str(confirmed + DAY)).freshness == CONFIRMED
    code, said = w.register.cli("bocage", "refer", "--commune", "61169",
        "--age", "20", "--situation", "sans_activite")
    assert code == 0 and "⚠ Confirmé pour la dernière fois" in said, said
    confirm_all(w)
    assert find(w).note == ""


def confirm_all(w):
    confirm(w.member, *listed(w.member, owner=MEMBER))


def find(w, **query):
    answer = w.member.Referrals.Find(referrals.FindRequest(commune="61169",
        age=20, situation="sans_activite", **query))
    return next(x for x in answer.lines if x.organisation_id == MEMBER)


def command__list_count_and_watch__say_it(w):
    cli = w.register.cli
    put(w.member, site("commande"))
    day = w.clock.day
    other_day(w, day + SITE_DAYS * DAY)
    code, said = cli("bocage", "list", "site", "--freshness", "stale",
        "--freshness", "due", "--owner", MEMBER, "--all")
    assert code == 0 and "commande" in said and " stale" in said, said
    code, said = cli("bocage", "freshness", "site", "--owner", MEMBER,
        "--output", "csv")
    stale = counted(w.member, kind=t.KIND_SITE, owner=MEMBER)[t.KIND_SITE,
        MEMBER]
    assert code == 0 and said.split()[1] == "site,%d,%d,%d,180" % stale, said
    code, said = cli("bocage", "status")
    assert code == 0 and "STALE" in said and "organisation" in said, said
    code, said = cli("bocage", "freshness", "--by-owner", "--limit", "1")
    assert code == 0 and "There is more" in said, said
    code, said = cli("bocage", "watch", "site", "--freshness-after", str(day),
        "--owner", MEMBER, "--count", "1")
    assert code == 0 and " stale" in said, said
    code, said = cli("bocage", "list", "site", "--freshness", "old")
    assert code == 2, said
    code, said = cli("bocage", "watch", "--freshness", "--until", "now")
    assert code == 2 and "exclude" in said, said
    # csv goes in again: these columns are the register's.
    code, said = cli("bocage", "list", "site", "--owner", MEMBER, "--limit",
        "1", "--output", "csv", "--quiet")
    path = os.path.join(r.scratch(), "encore-sites.csv")
    with open(path, "w") as f:
        f.write(said)
    code, said = cli("bocage", "push", path, "--dry-run")
    assert code == 0 and "0 refused" in said, said


def reload__other_periods__count_from_then_on(w):
    put(w.member, site("regle"))
    other_day(w, w.clock.day + 40 * DAY)
    assert get(w.member, "regle").freshness == CONFIRMED
    w.reload(site="30d")
    r.until(lambda: get(w.member, "regle").freshness == STALE, "new period")
    w.reload(site="0d")
    r.until(lambda: get(w.member, "regle").freshness == 0, "no period")
    # Each worker takes the new periods in a turn of its own.
    r.until(lambda: (t.KIND_SITE, "") not in counted(w.agency), "no counts")
    # A mistake changes nothing, and is told.
    with open(w.register.conf, "a") as f:
        f.write("[freshness]\nsite = soon\n")
    w.hup()
    r.until(lambda: "reload_config" in w.register.tail(), "it is logged")
    assert get(w.member, "regle").freshness == 0
    w.reload(site="180d")
    r.until(lambda: get(w.member, "regle").freshness == CONFIRMED,
        "the first period")


# ---- the world ------------------------------------------------------------------------

class World:
    def __init__(self):
        self.clock = Clock()
        self.options = {("tls", "crl_file"): "", ("limits", "list_work"):
            "100", ("workers", "count"): "2"}
        self.register = Years(self.options, self.clock.environment)
        self.register.init().start()
        self.register.accounts()
        self.connect()

    def connect(self):
        self.agency, self.member, self.other = (self.register.client(x)
            for x in ("agence", "bocage", "ccas-flers"))

    def disconnect(self):
        for client in self.agency, self.member, self.other:
            client.close()

    def restart(self):
        self.disconnect()
        self.register.kill()
        self.register.start()
        self.connect()

    def hup(self):
        self.register.daemon.send_signal(1)

    def reload(self, **periods):
        options = dict(self.options)
        options.update((("freshness", k), v) for k, v in periods.items())
        self.register.configure(options)
        self.hup()


def main():
    world = World()
    failed = r.run_tests(globals(), world)
    world.disconnect()
    if not failed:
        complaints = r.COMPLAINT
        r.COMPLAINT = r.re.compile(complaints.pattern.replace(b"level=error",
            b"level=error(?! event=reload_config)"))
        world.register.stop()
        code, said = world.register.run("--verify")
        assert code == 0, said
    else:
        print(world.register.tail())
        world.register.kill()
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
