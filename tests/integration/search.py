#!/usr/bin/python3
"""Searching the register of Normandy: what a few words find, on any worker,
as soon as it is written; by stock gRPC and by the command.  A function is a
test; its name is the claim."""
import os
import shutil
import signal
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import register as r
from register import AGENCY, MEMBER, messages, new_id, refusal, until

t, reg = messages("types"), messages("registry")
Code = grpc.StatusCode
ORGANISATION, SITE, OFFER = t.KIND_ORGANISATION, t.KIND_SITE, t.KIND_OFFER


def search(client, query, **fields):
    return client.Registry.Search(reg.SearchRequest(query=query, **fields))


def ids(client, query, **fields):
    return [h.id for h in search(client, query, **fields).hits]


def put(client, record):
    return client.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=record))


def site(id_, nom, organisation=MEMBER, code_insee="61169"):
    return t.Record(kind=SITE, id=id_, site=t.Site(nom=nom,
        organisation_id=organisation, code_insee=code_insee))


# ---- what is found -------------------------------------------------------------

def search__names_people_use__the_same_bodies(agency):
    caen = ids(agency, "mission locale caen", kinds=[ORGANISATION])
    assert caen == ["mission-locale-caen-la-mer-calvados-centre"], caen
    for query in ("MISSION LOCALE Caen", "Caen ML", "missions locales caen",
            "mission locale cae", "mission locale de Caen la mer"):
        assert ids(agency, query, kinds=[ORGANISATION]) == caen, query
    ft = ids(agency, "france travail saint-lô", kinds=[SITE])
    assert ft and ids(agency, "pole emploi st lo", kinds=[SITE]) == ft
    assert ids(agency, "FT Saint Lo", kinds=[SITE]) == ft
    assert ids(agency, "centre d'information et d'orientation flers",
        kinds=[SITE]) == ["cio-de-flers-site"]


def search__commune_and_its_former_names__its_sites(agency):
    flers = set(ids(agency, "flers", kinds=[SITE], page_size=100))
    assert MEMBER + "-site" in flers
    assert set(ids(agency, "61100", kinds=[SITE])) <= flers
    cherbourg = ids(agency, "cherbourg en cotentin", kinds=[SITE])
    assert set(ids(agency, "la glacerie", kinds=[SITE])) == set(cherbourg)


def search__slip__forgiven_only_when_nothing_else(agency):
    found = search(agency, "evrux", kinds=[SITE], why=True)
    assert found.hits and all(h.how == reg.SEARCH_HOW_SPELLING and
        h.why[0].found == "evreux" for h in found.hits), found
    assert all(h.how != reg.SEARCH_HOW_SPELLING for h in
        search(agency, "caen", page_size=100).hits)


def search__whole_name_and_id__first(agency):
    first = search(agency, "cio de flers").hits[0]
    assert first.how == reg.SEARCH_HOW_WHOLE and first.nom == "CIO de Flers"
    assert ids(agency, "cio-de-flers-site")[0] == "cio-de-flers-site"


def search__why__each_word_field_and_way(agency):
    hit = search(agency, "ML flers", kinds=[SITE], why=True).hits[0]
    assert hit.id == MEMBER + "-site"
    assert [(w.asked, w.field, w.how) for w in hit.why] == [
        ("ml", reg.SEARCH_FIELD_NAME, reg.SEARCH_HOW_SYNONYM),
        ("flers", reg.SEARCH_FIELD_COMMUNE, reg.SEARCH_HOW_WORD)], hit
    assert hit.why[0].found == "mission locale"
    assert (hit.commune, hit.code_insee) == ("Flers", "61169")
    assert hit.organisation_id == MEMBER and hit.organisation_nom
    assert not search(agency, "ML flers").hits[0].why


def search__offers__by_what_they_say(agency):
    put(agency, t.Record(kind=OFFER, id="offre-x", offer=t.Offer(
        organisation_id=MEMBER, site_id=MEMBER + "-site",
        nom="Préparer sa reconversion", publics=["seniors"],
        description="Un atelier de quatre demi-journées sur les métiers "
        "verts", zone_eligibilite=["61"])))
    for query in ("métiers verts", "atelier flers", "seniors reconversion",
            "ml reconversion"):
        assert "offre-x" in ids(agency, query, kinds=[OFFER]), query
    assert ids(agency, "metiers verts", territory="61", kinds=[OFFER])
    assert not ids(agency, "metiers verts", territory="14")


def search__territory__bodies_competent_and_sites_in_it(agency):
    everywhere = ids(agency, "mission locale", kinds=[SITE], page_size=100)
    here = search(agency, "mission locale", kinds=[SITE], page_size=100,
        territory="dep:61").hits
    assert 0 < len(here) < len(everywhere)
    assert all(h.code_insee.startswith("61") for h in here)
    refused = refusal(lambda: search(agency, "x", territory="dep:99"),
        Code.INVALID_ARGUMENT)
    assert "territory" in refused.details()


def search__pages__each_hit_once_in_order(agency):
    def pages(size):
        found, token = [], ""
        while True:
            page = search(agency, "travail", page_size=size,
                page_token=token)
            found += [(h.kind, h.id) for h in page.hits]
            token = page.next_page_token
            if not token:
                return found
            assert len(page.hits) == size
    whole = pages(100)
    assert len(whole) > 100 and len(whole) == len(set(whole))
    assert pages(7) == whole and pages(1)[:20] == whole[:20]
    again = search(agency, "travail", page_size=7)
    refusal(lambda: search(agency, "emploi", page_size=7,
        page_token=again.next_page_token), Code.INVALID_ARGUMENT)


def search__nothing__each_word_by_itself(agency):
    found = search(agency, "orientatoins xqzvw")
    assert not found.hits and not found.next_page_token
    assert [(w.word, w.known) for w in found.words] == [
        ("orientatoins", False), ("xqzvw", False)]
    assert found.words[0].nearest == "orientation"
    assert found.words[1].nearest == ""


def search__bad_requests__refused_with_field_and_remedy(agency):
    for fields, name in ((dict(query=""), "query"),
            (dict(query="de la"), "query"),
            (dict(query="x" * 201), "query"),
            (dict(query="b2 c2 d2 e2 f2 g2 h2 i2 j2"), "query"),
            (dict(query="a b", page_size=101), "page_size"),
            (dict(query="ab", page_token="?"), "page_token"),
            (dict(query="ab", kinds=[t.KIND_STATUS]), "kinds"),
            (dict(query="ab", kinds=[t.KIND_ACCOUNT]), "kinds")):
        error = refusal(lambda: agency.Registry.Search(reg.SearchRequest(
            **fields)), Code.INVALID_ARGUMENT)
        told = r.details(error)["BadRequest"].field_violations
        assert told[0].field == name and told[0].description, (fields, told)


# ---- as soon as it is written ----------------------------------------------------

def search__just_written__found_on_every_connection(agency):
    clients = [context.client("agence") for _ in range(6)]
    for i in range(40):
        put(agency, site("neuf-%d" % i, "Guichet Zébulon %d" % i))
        assert ids(clients[i % 6], "zebulon %d" % i,
            page_size=1) == ["neuf-%d" % i]
    for client in clients:
        assert len(ids(client, "guichet zebulon", page_size=100)) == 40
        client.close()


def search__body_renamed__its_sites_are_found_by_the_new_name(agency):
    body = "une-structure"
    for nom in "Structure Alpha", "Structure Oméga":
        put(agency, t.Record(kind=ORGANISATION, id=body, owner=body,
            organisation=t.Organisation(nom=nom, kind="partenaire")))
        put(agency, site("chez-elle", "Antenne", body))
    assert ids(agency, "omega antenne") == ["chez-elle"]
    assert not ids(agency, "alpha antenne")
    put(agency, site("chez-elle", "Antenne", body, "14118"))
    assert ids(agency, "omega antenne caen") == ["chez-elle"]
    agency.Registry.Delete(reg.DeleteRequest(request_id=new_id(), kind=SITE,
        id="chez-elle"))
    assert not ids(agency, "omega antenne")


def search__while_others_write__every_answer_is_whole(agency):
    stop, failed = threading.Event(), []

    def write():
        client, i = context.client("agence"), 0
        while not stop.is_set():
            i += 1
            put(client, site("va-et-vient-%d" % (i % 30),
                "Comptoir Sibylle %d" % i))
        client.close()

    def ask():
        client = context.client("agence")
        try:
            for _ in range(150):
                found = ids(client, "comptoir sibylle", page_size=100)
                assert len(found) == len(set(found)) <= 30, found
                assert ids(client, "cio de flers")
        except Exception as e:      # noqa: told by the test's thread
            failed.append(e)
        client.close()
    writer = threading.Thread(target=write)
    askers = [threading.Thread(target=ask) for _ in range(4)]
    for thread in [writer] + askers:
        thread.start()
    for thread in askers:
        thread.join()
    stop.set()
    writer.join()
    assert not failed, failed[0]


def reload__new_names_for_the_same__known_to_searches(agency):
    def found():
        return "cap-emploi-eure-evreux-site" in ids(agency,
            "bureau des possibles", kinds=[SITE])
    assert not found()
    words = os.path.join(config, "search-words.conf")
    with open(words, "a") as f:
        f.write("same = Bureau des possibles, Cap emploi Eure\n")
    context.daemon.send_signal(signal.SIGHUP)
    until(found, "the reload")
    assert "cap-emploi-eure-evreux-site" in ids(agency, "cheops evreux")
    with open(words, "a") as f:
        f.write("same = alone\n")
    context.expected = rb"search-words"
    context.daemon.send_signal(signal.SIGHUP)
    until(lambda: "has one name only" in context.tail(), "the refusal")
    assert found()


# ---- the command ------------------------------------------------------------------

def cli__words__a_table_and_why(agency):
    code, said = context.cli("bocage", "search", "ml", "flers", "--why",
        "--kind", "site")
    assert code == 0 and MEMBER + "-site" in said, said
    assert "same as mission locale" in said and "commune: flers" in said


def cli__nothing__nearest_spelling_and_its_own_exit_code(agency):
    code, said = context.cli("bocage", "search", "orientatoins", "xqzvw")
    assert code == 3 and "resopro search orientation" in said, said
    code, said = context.cli("bocage", "search", "flers", "caen")
    assert code == 3 and "fewer" in said, said
    code, said = context.cli("bocage", "search", "flers", "--territory",
        "14118", "--kind", "site")
    assert code == 3 and "--territory" in said, said


def cli__pages__limit_all_and_json(agency):
    code, said = context.cli("bocage", "search", "travail", "--all",
        "--output", "jsonl")
    every = said.splitlines()
    assert code == 0 and len(every) > 100
    code, said = context.cli("bocage", "search", "travail", "-n", "3",
        "--output", "jsonl")
    assert code == 0 and said.splitlines()[:3] == every[:3]


config = os.path.join(r.scratch(), "config")
shutil.copytree(os.path.join(r.TOP, "config"), config)
with r.Register({("data", "dir"): config}) as context:
    pushed = context.cli("agence", "push", r.TOP + "/config/samples",
        "--full", "--source", "reso-pro", "--owner", AGENCY, "--quiet")
    assert pushed[0] == 0, pushed[1]
    context.accounts(bodies=False)
    admin = context.client("agence")
    failed = r.run_tests(globals(), admin)
    admin.close()
sys.exit(failed > 0)
