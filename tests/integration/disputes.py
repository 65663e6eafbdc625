#!/usr/bin/python3
"""Two owners who claim one SIRET: neither is lost nor overwritten.  The
newcomer is refused, both and the agency see the dispute, the agency decides or
a party gives up; and never do two active sites bear one SIRET.  A function is
a test; its name is the claim."""
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import register as r
from register import AGENCY, MEMBER, PROXIMITY, messages, new_id, refusal

t, reg, admin = messages("types"), messages("registry"), messages("admin")
own = messages("ownership")
Code = grpc.StatusCode
OTHER = "une-autre-structure"
OPEN, RESOLVED, WITHDRAWN, SETTLED = (t.DISPUTE_STATE_OPEN,
    t.DISPUTE_STATE_RESOLVED, t.DISPUTE_STATE_WITHDRAWN,
    t.DISPUTE_STATE_SETTLED)


def luhn(digits):
    total = 0
    for i, c in enumerate(reversed(digits + "0")):
        n = int(c) * (1 + i % 2)
        total += n - 9 * (n > 9)
    return digits + str(-total % 10)


def sirets():
    """Every one new, its SIREN valid too."""
    for n in range(1, 10 ** 6):
        yield luhn(luhn("8%07d" % n) + "0001")


SIRETS = sirets()


def site(id_, body, siret="", **fields):
    return t.Record(kind=t.KIND_SITE, id=id_, owner=body, site=t.Site(
        organisation_id=body, nom="Accueil " + id_, code_insee="61169",
        siret=siret, **fields))


def put(client, record, request_id=""):
    return client.Registry.Put(reg.PutRequest(request_id=request_id or
        new_id(), record=record)).record


def get(client, id_, kind=t.KIND_SITE):
    return client.Registry.Get(reg.GetRequest(kind=kind, id=id_)).record


def dispute(client, id_):
    return get(client, id_, t.KIND_DISPUTE)


def listed(client, *states):
    return [x.id for x in client.Registry.List(reg.ListRequest(
        kind=t.KIND_DISPUTE, page_size=1000, dispute_states=states)).records]


def revision(w):
    return w.agency.Admin.Status(admin.StatusRequest()).revision


def disputed(call, reason="DISPUTED"):
    """The dispute that the refusal names."""
    error = refusal(call, Code.FAILED_PRECONDITION)
    info = r.details(error)["ErrorInfo"]
    assert info.reason == reason, info
    id_ = info.metadata["dispute"]
    assert id_ in error.details() and "dispute show " + id_ in str(
        r.details(error)["PreconditionFailure"]), error.details()
    return id_


def sync(client, source, records, **options):
    """The plan's refusals by source id, and the result or the error."""
    def steps():
        yield reg.SyncRequest(start=reg.SyncStart(request_id=new_id(),
            source=source, mode=reg.SYNC_MODE_DELTA, kinds=[t.KIND_SITE],
            **options))
        yield reg.SyncRequest(batch=reg.SyncBatch(records=[
            reg.SyncRecord(record=x) for x in records]))
        yield reg.SyncRequest(end=reg.SyncEnd(records=len(records)))
    refused, result = {}, None
    try:
        for answer in client.Registry.Sync(steps()):
            for i in answer.plan.items:
                if i.refusals:
                    refused[i.source_id] = i.refusals[0]
            if answer.HasField("result"):
                result = answer.result
    except grpc.RpcError as e:
        result = e
    return refused, result


def of_source(source_id, body, siret=""):
    record = site(source_id, body, siret)
    record.source_id, record.id, record.owner = source_id, "", ""
    return record


def resolve(client, id_, winner, **options):
    return client.Ownership.ResolveDispute(own.ResolveDisputeRequest(
        request_id=options.pop("request_id", "") or new_id(), id=id_,
        resolved_for=winner, reason="certificat SIRENE", **options)).record


def withdraw(client, id_, **options):
    return client.Ownership.WithdrawDispute(own.WithdrawDisputeRequest(
        request_id=new_id(), id=id_, **options)).record


def opened(w, name):
    """MEMBER holds, PROXIMITY claims: the SIRET and the dispute."""
    siret = next(SIRETS)
    put(w.member, site(name + "-a", MEMBER, siret))
    id_ = disputed(lambda: put(w.near, site(name + "-b", PROXIMITY, siret)))
    return siret, id_


# ---- opening ------------------------------------------------------------------------

def put__siret_of_another__refused_and_the_three_see_it(w):
    siret = next(SIRETS)
    held = put(w.member, site("vu-a", MEMBER, siret, adresse="1 rue A"))
    before = revision(w)
    asked = site("vu-b", PROXIMITY, siret, adresse="2 rue B")
    id_ = disputed(lambda: put(w.near, asked))
    # The refused record has left nothing; the dispute is one commit.
    assert revision(w) == before + 1
    refusal(lambda: get(w.agency, "vu-b"), Code.NOT_FOUND)
    assert get(w.agency, "vu-a") == get(w.member, "vu-a")
    assert get(w.member, "vu-a").version == held.version
    for client in w.member, w.near, w.agency:
        d = dispute(client, id_).dispute
        assert (d.siret, d.kind, d.state) == (siret, t.KIND_SITE, OPEN), d
        assert (d.holder.owner, d.holder.id, d.holder.adresse) == (MEMBER,
            "vu-a", "1 rue A"), d
        assert (d.claimant.owner, d.claimant.adresse) == (PROXIMITY,
            "2 rue B"), d
        assert d.holder.since == held.updated_at
        assert d.claimant.since.ToNanoseconds() >= \
            d.holder.since.ToNanoseconds()
        assert id_ in listed(client, OPEN)
        assert id_ not in listed(client, RESOLVED, SETTLED)
    entry = w.near.Registry.History(reg.HistoryRequest(kind=t.KIND_DISPUTE,
        id=id_)).entries[0]
    assert (entry.actor, entry.method, entry.revision) == ("ccas-flers",
        "/resopro.v1.Registry/Put", before + 1), entry
    # Strangers see nothing of it.
    error = refusal(lambda: dispute(w.stranger, id_), Code.PERMISSION_DENIED)
    assert "two parties" in str(r.details(error)), r.details(error)
    assert listed(w.stranger) == []


def watch__of_each_party_and_of_a_stranger__tells_whom_it_concerns(w):
    start = revision(w) + 1
    _, id_ = opened(w, "suivi")
    resolve(w.agency, id_, MEMBER)
    end = revision(w)
    for client, expected in ((w.member, [1, 2]), (w.near, [1, 2]),
            (w.agency, [1, 2]), (w.stranger, [])):
        seen = []
        stream = client.Registry.Watch(reg.WatchRequest(from_revision=start,
            progress_seconds=1), timeout=30)
        for m in stream:
            seen += [e.record.version for e in m.events if e.record.kind ==
                t.KIND_DISPUTE]
            if m.revision >= end:
                break
        stream.cancel()
        assert seen == expected, (seen, expected)


def put__again_and_again__one_dispute_and_no_commit(w):
    siret, id_ = opened(w, "encore")
    before, version = revision(w), dispute(w.near, id_).version
    request = new_id()
    for _ in range(5):
        assert disputed(lambda: put(w.near, site("encore-b", PROXIMITY,
            siret), request)) == id_
        # Another of its sites is the same claim.
        assert disputed(lambda: put(w.near, site("encore-c", PROXIMITY,
            siret))) == id_
    assert revision(w) == before and dispute(w.near, id_).version == version
    # Nobody's the other way round: who holds it may go on writing.
    put(w.member, site("encore-a", MEMBER, siret, telephone="0233000000"))


def put__of_the_same_owner__refused_without_a_dispute(w):
    siret = next(SIRETS)
    put(w.member, site("meme-a", MEMBER, siret))
    before = revision(w)
    error = refusal(lambda: put(w.member, site("meme-b", MEMBER, siret)),
        Code.FAILED_PRECONDITION)
    info = r.details(error)["ErrorInfo"]
    assert info.reason == "TAKEN" and "dispute" not in info.metadata, info
    assert revision(w) == before


def put__siret_of_a_closed_site__taken_over_without_a_word(w):
    siret = next(SIRETS)
    put(w.member, site("clos-a", MEMBER, siret, date_fermeture="2026-01-31"))
    put(w.near, site("clos-b", PROXIMITY, siret))
    assert get(w.near, "clos-b").site.siret == siret


def put__by_the_agency_for_a_member__is_a_claim_too(w):
    siret = next(SIRETS)
    put(w.agency, site("liste-a", AGENCY, siret))
    id_ = disputed(lambda: put(w.agency, site("liste-b", MEMBER, siret)))
    d = dispute(w.member, id_).dispute
    assert (d.holder.owner, d.claimant.owner) == (AGENCY, MEMBER), d


def organisations__of_two_owners_with_one_siret__disputed(w):
    siret = next(SIRETS)
    for body in OTHER, PROXIMITY:
        record = get(w.agency, body, t.KIND_ORGANISATION)
        record.organisation.siret = siret
        if body == OTHER:
            put(w.stranger, record)
    id_ = disputed(lambda: put(w.near, record))
    d = dispute(w.near, id_).dispute
    assert d.kind == t.KIND_ORGANISATION and d.holder.id == OTHER, d
    # Its seat may bear its own SIRET: that is another kind of record.
    put(w.stranger, site("siege", OTHER, siret))
    # One owner may give one SIRET to several of its organisations.
    siret = next(SIRETS)
    for id_ in "service-un", "service-deux":
        put(w.agency, t.Record(kind=t.KIND_ORGANISATION, id=id_, owner=AGENCY,
            organisation=t.Organisation(nom=id_, kind="cio", siret=siret)))


# ---- sets ---------------------------------------------------------------------------

def sync__one_record_contested__set_refused_and_dispute_kept(w):
    siret = next(SIRETS)
    put(w.member, site("lot-a", MEMBER, siret))
    records = [of_source("s%d" % i, PROXIMITY) for i in range(20)]
    records.append(of_source("conteste", PROXIMITY, siret))
    before = revision(w)
    refused, _ = sync(w.near, "lot", records, dry_run=True)
    assert list(refused) == ["conteste"] and revision(w) == before, refused
    assert listed(w.near, OPEN) == w.disputes(w.near)
    refused, error = sync(w.near, "lot", records)
    assert error.code() == Code.FAILED_PRECONDITION, error
    assert list(refused) == ["conteste"], refused
    refusal_, = refused.values()
    assert refusal_.reason == "DISPUTED" and refusal_.field == "site.siret"
    id_ = refusal_.message.rsplit(" ", 1)[1]
    assert dispute(w.member, id_).dispute.claimant.source_id == "conteste"
    assert revision(w) == before + 1
    # The others were not applied; the next night changes nothing.
    sites = w.agency.Registry.List(reg.ListRequest(kind=t.KIND_SITE,
        owner=PROXIMITY, page_size=1000)).records
    assert not [x for x in sites if x.source == "lot"]
    for _ in range(3):
        refused, error = sync(w.near, "lot", records)
        assert error.code() == Code.FAILED_PRECONDITION
    assert revision(w) == before + 1
    # What is valid can be had meanwhile: one commit, no other dispute.
    refused, result = sync(w.near, "lot", records, accept_valid=True)
    assert result.applied and result.created == 20 and result.refused == 1
    assert result.revision == revision(w) == before + 2, result


def sync__valid_accepted_and_one_contested__both_in_their_commits(w):
    siret = next(SIRETS)
    put(w.member, site("deux-a", MEMBER, siret))
    before = revision(w)
    refused, result = sync(w.near, "deux", [of_source("bon", PROXIMITY),
        of_source("conteste", PROXIMITY, siret)], accept_valid=True)
    assert result.applied and result.revision == before + 1, result
    assert revision(w) == before + 2
    id_ = refused["conteste"].message.rsplit(" ", 1)[1]
    assert dispute(w.near, id_).revision == before + 2


def sync__hundreds_contested__disputes_open_a_hundred_a_push(w):
    mine = [next(SIRETS) for _ in range(130)]
    _, result = sync(w.member, "cent", [of_source("s%d" % i, MEMBER, s)
        for i, s in enumerate(mine)])
    assert result.created == 130
    count = len(listed(w.near, OPEN))
    theirs = [of_source("s%d" % i, PROXIMITY, s) for i, s in enumerate(mine)]
    for expected in 100, 130, 130:
        refused, error = sync(w.near, "cent", theirs)
        assert len(refused) == 130 and error.code() == \
            Code.FAILED_PRECONDITION
        assert len(listed(w.near, OPEN)) == count + expected


def sync__own_other_site_has_it__refused_without_a_dispute(w):
    siret = next(SIRETS)
    assert sync(w.near, "relais", [of_source("ancien", PROXIMITY, siret)])[
        1].created == 1
    before = revision(w)
    refused, _ = sync(w.near, "relais", [of_source("nouveau", PROXIMITY,
        siret)])
    assert refused["nouveau"].reason == "TAKEN" and revision(w) == before


# ---- ending -------------------------------------------------------------------------

def resolve__for_the_claimant__siret_moves_and_stays(w):
    siret, id_ = opened(w, "donne")
    before = revision(w)
    ended = resolve(w.agency, id_, PROXIMITY)
    assert ended.version == 2 and ended.revision == before + 1, ended
    d = ended.dispute
    assert (d.state, d.resolved_for, d.resolved_by, d.reason) == (RESOLVED,
        PROXIMITY, "agence", "certificat SIRENE"), d
    assert d.HasField("resolved_at")
    # In the same commit who held it has it no more; the rest of it is there.
    loser = get(w.member, "donne-a")
    assert loser.site.siret == "" and loser.revision == before + 1, loser
    assert loser.site.nom == "Accueil donne-a"
    # It cannot take it back, before or after the other has it.
    for _ in range(2):
        assert disputed(lambda: put(w.member, site("donne-a", MEMBER, siret)),
            "DISPUTE_RESOLVED") == id_
        put(w.near, site("donne-b", PROXIMITY, siret))
    refused, _ = sync(w.member, "donne", [of_source("x", MEMBER, siret)])
    assert refused["x"].reason == "DISPUTE_RESOLVED"
    assert dispute(w.member, id_).version == 2
    # The agency may see it otherwise one day.
    again = resolve(w.agency, id_, MEMBER, if_version=2)
    assert again.dispute.resolved_for == MEMBER
    assert get(w.near, "donne-b").site.siret == ""
    put(w.member, site("donne-a", MEMBER, siret))
    disputed(lambda: put(w.near, site("donne-b", PROXIMITY, siret)),
        "DISPUTE_RESOLVED")


def resolve__for_the_holder__claimant_refused_without_a_commit(w):
    siret, id_ = opened(w, "garde")
    resolve(w.agency, id_, MEMBER)
    before = revision(w)
    assert disputed(lambda: put(w.near, site("garde-b", PROXIMITY, siret)),
        "DISPUTE_RESOLVED") == id_
    assert revision(w) == before
    assert get(w.member, "garde-a").site.siret == siret
    # Without it its site is as welcome as any.
    put(w.near, site("garde-b", PROXIMITY))


def resolve__bad_questions__refused_with_the_field(w):
    _, id_ = opened(w, "faux")
    for field, query in ("resolved_for", {"resolved_for": OTHER}), ("reason",
            {"reason": ""}), ("reason", {"reason": "x" * 501}), (
            "resolved_for", {"resolved_for": ""}):
        request = dict(id=id_, resolved_for=MEMBER, reason="parce que")
        request.update(query)
        error = refusal(lambda: w.agency.Ownership.ResolveDispute(
            own.ResolveDisputeRequest(request_id=new_id(), **request)),
            Code.INVALID_ARGUMENT)
        bad = r.details(error)["BadRequest"].field_violations
        assert [v.field for v in bad] == [field], bad
    refusal(lambda: resolve(w.agency, "litige-absent", MEMBER),
        Code.NOT_FOUND)
    refusal(lambda: resolve(w.agency, id_, MEMBER, if_version=7),
        Code.ABORTED)
    refusal(lambda: resolve(w.member, id_, MEMBER), Code.PERMISSION_DENIED)
    refusal(lambda: withdraw(w.stranger, id_), Code.PERMISSION_DENIED)
    assert dispute(w.member, id_).version == 1


def resolve__sent_twice__done_once(w):
    _, id_ = opened(w, "deuxfois")
    request = new_id()
    first = resolve(w.agency, id_, PROXIMITY, request_id=request)
    assert resolve(w.agency, id_, PROXIMITY, request_id=request) == first
    assert dispute(w.agency, id_).version == 2


def withdraw__by_the_claimant__ended_until_it_claims_again(w):
    siret, id_ = opened(w, "retrait")
    ended = withdraw(w.near, id_, reason="erreur de saisie")
    assert (ended.dispute.state, ended.dispute.resolved_for,
        ended.dispute.resolved_by) == (WITHDRAWN, MEMBER, "ccas-flers"), ended
    assert get(w.member, "retrait-a").site.siret == siret
    error = refusal(lambda: withdraw(w.near, id_), Code.FAILED_PRECONDITION)
    assert r.details(error)["ErrorInfo"].reason == "NOT_OPEN"
    assert disputed(lambda: put(w.near, site("retrait-b", PROXIMITY,
        siret))) == id_
    again = dispute(w.near, id_)
    assert again.version == 3 and again.dispute.state == OPEN, again
    assert again.dispute.resolved_for == "" and again.dispute.reason == ""


def withdraw__by_the_holder__the_other_may_have_it(w):
    siret, id_ = opened(w, "cede")
    withdraw(w.member, id_)
    assert get(w.member, "cede-a").site.siret == ""
    put(w.near, site("cede-b", PROXIMITY, siret))
    # Now it is the other way round, in the same dispute.
    assert disputed(lambda: put(w.member, site("cede-a", MEMBER,
        siret))) == id_
    d = dispute(w.member, id_)
    assert (d.owner, d.dispute.holder.owner, d.dispute.claimant.owner) == (
        PROXIMITY, PROXIMITY, MEMBER), d


def settle__holder_lets_go__ended_with_the_claimants_next_push(w):
    for i, let_go in enumerate((lambda: put(w.member, site("libre0-a",
            MEMBER)), lambda: put(w.member, site("libre1-a", MEMBER, siret,
            date_fermeture="2026-06-30")), lambda: w.member.Registry.Delete(
            reg.DeleteRequest(request_id=new_id(), kind=t.KIND_SITE,
            id="libre2-a")))):
        siret, id_ = opened(w, "libre%d" % i)
        let_go()
        assert dispute(w.near, id_).dispute.state == OPEN
        _, result = sync(w.near, "libre", [of_source("libre%d" % i,
            PROXIMITY, siret)])
        ended = dispute(w.near, id_)
        assert (ended.dispute.state, ended.dispute.resolved_for,
            ended.dispute.resolved_by) == (SETTLED, PROXIMITY, ""), ended
        assert ended.revision == result.revision, (ended, result)


# ---- whatever happens at once -------------------------------------------------------

def race__many_puts_of_few_sirets__one_active_site_each(w):
    few = [next(SIRETS) for _ in range(3)]
    bodies = {"bocage": MEMBER, "ccas-flers": PROXIMITY, "etranger": OTHER}
    failures = []

    def push(account, body):
        client = w.client(account)
        try:
            for n in range(40):
                record = site("course-%s-%d" % (account, n % 4), body,
                    few[n % 3], date_fermeture="2026-01-01" if n % 5 == 4
                    else "")
                try:
                    put(client, record)
                except grpc.RpcError as e:
                    assert e.code() == Code.FAILED_PRECONDITION, e
        except Exception as e:
            failures.append(e)
        client.close()
    threads = [threading.Thread(target=push, args=x) for x in bodies.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    check_invariant(w)


def check_invariant(w):
    """Never two active sites with one SIRET; every open dispute has two
    owners, and one that holds."""
    holders, token = {}, ""
    while True:
        page = w.agency.Registry.List(reg.ListRequest(kind=t.KIND_SITE,
            page_size=1000, page_token=token))
        for x in page.records:
            if x.site.siret and not x.site.date_fermeture:
                assert x.site.siret not in holders, x
                holders[x.site.siret] = x.owner
        token = page.next_page_token
        if not token:
            break
    for id_ in listed(w.agency):
        d = dispute(w.agency, id_).dispute
        assert d.holder.owner != d.claimant.owner, d


def command__list_show_resolve_withdraw__for_each_who_may(w):
    cli = w.register.cli
    siret, id_ = opened(w, "cli")
    path = os.path.join(r.scratch(), "cli-sites.csv")
    with open(path, "w") as f:
        f.write("source_id;organisation_id;nom;code_insee;siret\n"
            "x;%s;Accueil;61169;%s\n" % (PROXIMITY, siret))
    code, said = cli("ccas-flers", "push", path)
    assert code == 6 and id_ in said and "dispute show" in said, said
    code, said = cli("bocage", "dispute", "list", "--open", "--all")
    assert code == 0 and id_ in said and " open " in said, said
    code, said = cli("bocage", "dispute", "show", id_)
    assert code == 0 and siret in said and PROXIMITY in said, said
    code, said = cli("bocage", "dispute", "resolve", id_, "--for", MEMBER,
        "--reason", "à nous")
    assert code == 4, said
    code, said = cli("agence", "dispute", "resolve", id_, "--for", MEMBER)
    assert code == 2 and "--reason" in said, said
    code, said = cli("bocage", "dispute", "withdraw", id_, "--reason",
        "déménagement")
    assert code == 0 and "withdrawn" in said, said
    code, said = cli("bocage", "dispute", "list", "--open", "--all")
    assert code == 0 and id_ not in said, said
    code, said = cli("agence", "dispute", "resolve", id_, "--for", PROXIMITY,
        "--reason", "certificat SIRENE", "--output", "json")
    assert code == 0 and '"DISPUTE_STATE_RESOLVED"' in said, said
    code, said = cli("etranger", "dispute", "show", id_)
    assert code == 4, said
    code, said = cli("ccas-flers", "push", path)
    assert code == 0 and "1 created" in said, said
    code, said = cli("agence", "history", "dispute", id_)
    assert code == 0 and "WITHDRAWN" in said, said


# ---- the world ----------------------------------------------------------------------

class World:
    def __init__(self):
        r.ACCOUNTS["etranger"] = ("MEMBER_WRITER", OTHER)
        r.KINDS[OTHER] = "mission-locale"
        self.register = r.Register().init().start()
        self.register.accounts()
        self.agency, self.member, self.near, self.stranger = (
            self.client(x) for x in ("agence", "bocage", "ccas-flers",
            "etranger"))

    def client(self, account):
        return self.register.client(account)

    @staticmethod
    def disputes(client):
        return [x.id for x in client.Registry.List(reg.ListRequest(
            kind=t.KIND_DISPUTE, page_size=1000)).records if
            x.dispute.state == OPEN]


def main():
    world = World()
    failed = r.run_tests(globals(), world)
    if failed:
        print(world.register.tail())
        world.register.kill()
        sys.exit(1)
    check_invariant(world)
    # What a power cut leaves is what was answered, and folds.
    count = len(listed(world.agency))
    world.register.kill()
    world.register.start()
    client = world.client("agence")
    assert len(listed(client)) == count
    client.close()
    for client in world.agency, world.member, world.near, world.stranger:
        client.close()
    world.register.stop()
    code, said = world.register.run("--verify")
    assert code == 0, said


if __name__ == "__main__":
    main()
