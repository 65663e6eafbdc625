#!/usr/bin/python3
"""Listing by distance, zone, publics and thematiques, on the register of
Normandy; against a look at each record.  A function is a test; its name is
the claim."""
import csv
import math
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import register as r
from register import AGENCY, MEMBER, messages, new_id, refusal

t, reg = messages("types"), messages("registry")
Code = grpc.StatusCode
SITE, OFFER, ORGANISATION = t.KIND_SITE, t.KIND_OFFER, t.KIND_ORGANISATION
with open(r.TOP + "/config/territories/communes.csv", encoding="utf-8") as f:
    COMMUNES = {c["code"]: (float(c["latitude"]), float(c["longitude"]))
        for c in csv.DictReader(f, delimiter=";")}


def every(client, kind, size=1000, **fields):
    found, token = [], ""
    while True:
        page = client.Registry.List(reg.ListRequest(kind=kind,
            page_size=size, page_token=token, **fields))
        found += page.records
        token = page.next_page_token
        if not token:
            return found


def ids(client, kind, **fields):
    return [x.id for x in every(client, kind, **fields)]


def put(client, record):
    return client.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=record))


def offer(id_, **fields):
    return t.Record(kind=OFFER, id=id_, offer=t.Offer(organisation_id=MEMBER,
        nom="Une offre", description="Une description", **fields))


def km(a, b):
    p, q, dl = math.radians(a[0]), math.radians(b[0]), \
        math.radians(b[1] - a[1])
    h = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * \
        math.sin(dl / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(h))


def place(site):
    if site.HasField("position"):
        return site.position.latitude, site.position.longitude
    return COMMUNES[site.code_insee]


def near__commune_or_point__the_sites_so_far_and_no_other(agency):
    sites = every(agency, SITE)
    for code, distance in (("14366", 20), ("14118", 5), ("61169", 0.1),
            ("76540", 60.5)):
        want = [x.id for x in sites
            if km(COMMUNES[code], place(x.site)) <= distance]
        assert want, code
        assert ids(agency, SITE, near=reg.Near(code_insee=code,
            km=distance)) == want, code
        at = t.Position(latitude=COMMUNES[code][0],
            longitude=COMMUNES[code][1])
        assert ids(agency, SITE, size=3, near=reg.Near(position=at,
            km=distance)) == want, code
    former = ids(agency, SITE, near=reg.Near(code_insee="50203", km=10))
    assert former == ids(agency, SITE, near=reg.Near(code_insee="50129",
        km=10))


def near__site_with_a_position__by_it_not_by_its_commune(agency):
    put(agency, t.Record(kind=SITE, id="au-loin", site=t.Site(nom="Au loin",
        organisation_id=MEMBER, code_insee="61169", position=t.Position(
        latitude=49.65, longitude=-1.62))))
    assert "au-loin" in ids(agency, SITE, near=reg.Near(code_insee="50129",
        km=10))
    assert "au-loin" not in ids(agency, SITE, near=reg.Near(
        code_insee="61169", km=10))


def offers__publics_and_thematiques__one_of_each(agency):
    put(agency, offer("o-jeunes", publics=["jeunes"], thematiques=[
        "mobilite--acceder-a-un-vehicule"], site_id=MEMBER + "-site"))
    put(agency, offer("o-tous", publics=["tous-publics"], thematiques=[
        "numerique--maitriser-les-fondamentaux-du-numerique"],
        zone_eligibilite=["france"]))
    put(agency, offer("o-sans", zone_eligibilite=["14"]))
    assert ids(agency, OFFER, publics=["jeunes"]) == ["o-jeunes", "o-tous"]
    assert ids(agency, OFFER, publics=["seniors"]) == ["o-tous"]
    assert ids(agency, OFFER, publics=["seniors", "jeunes"]) == [
        "o-jeunes", "o-tous"]
    assert ids(agency, OFFER, thematiques=["mobilite"]) == ["o-jeunes"]
    assert ids(agency, OFFER, thematiques=[
        "mobilite--acceder-a-un-vehicule", "numerique"]) == [
        "o-jeunes", "o-tous"]
    assert ids(agency, OFFER, thematiques=["numerique"],
        publics=["jeunes"]) == ["o-tous"]
    assert ids(agency, OFFER, near=reg.Near(code_insee="61169", km=1)) == [
        "o-jeunes"]
    # Where an offer says no zone, it is for the people around its site.
    assert ids(agency, OFFER, territory="61169") == ["o-jeunes", "o-tous"]
    assert ids(agency, OFFER, territory="dep:14") == ["o-sans", "o-tous"]


def filters__of_the_past__as_it_was_then(agency):
    before = put(agency, offer("o-jeunes", publics=["seniors"],
        site_id=MEMBER + "-site")).revision - 1
    assert "o-jeunes" not in ids(agency, OFFER, publics=["jeunes"])
    assert "o-jeunes" in ids(agency, OFFER, publics=["jeunes"],
        as_of=reg.AsOf(revision=before))


def filters__without_sense__refused_with_field_and_remedy(agency):
    here = dict(code_insee="61169", km=1)
    at = t.Position(latitude=91, longitude=0)
    for kind, fields, name in (
            (SITE, dict(near=reg.Near(km=1)), "near"),
            (SITE, dict(near=reg.Near(position=t.Position(), **here)), "near"),
            (SITE, dict(near=reg.Near(code_insee="61169")), "near.km"),
            (SITE, dict(near=reg.Near(code_insee="61169", km=1001)),
                "near.km"),
            (SITE, dict(near=reg.Near(code_insee="61169", km=-1)), "near.km"),
            (SITE, dict(near=reg.Near(code_insee="61169", km=math.nan)),
                "near.km"),
            (SITE, dict(near=reg.Near(code_insee="75056", km=1)),
                "near.code_insee"),
            (SITE, dict(near=reg.Near(position=at, km=1)), "near.position"),
            (ORGANISATION, dict(near=reg.Near(**here)), "near"),
            (SITE, dict(publics=["jeunes"]), "publics"),
            (SITE, dict(thematiques=["mobilite"]), "thematiques"),
            (OFFER, dict(publics=["jeune"]), "publics"),
            (OFFER, dict(thematiques=["mobil"]), "thematiques"),
            (OFFER, dict(thematiques=[""]), "thematiques"),
            (OFFER, dict(publics=["jeunes"] * 21), "publics")):
        error = refusal(lambda: agency.Registry.List(reg.ListRequest(
            kind=kind, **fields)), Code.INVALID_ARGUMENT)
        told = r.details(error)["BadRequest"].field_violations
        assert told[0].field == name and told[0].description, (fields, told)
    page = agency.Registry.List(reg.ListRequest(kind=SITE, page_size=1,
        near=reg.Near(**here)))
    refusal(lambda: agency.Registry.List(reg.ListRequest(kind=SITE,
        page_size=1, page_token=page.next_page_token,
        near=reg.Near(code_insee="61169", km=2))), Code.INVALID_ARGUMENT)


def cli__near_public_thematique__the_same(agency):
    code, said = context.cli("bocage", "list", "site", "--near", "Lisieux",
        "--km", "20", "--all", "--output", "jsonl")
    assert code == 0 and len(said.splitlines()) == len(ids(agency, SITE,
        near=reg.Near(code_insee="14366", km=20))), said
    assert context.cli("bocage", "list", "site", "--near", "49.146,0.226",
        "--all", "--output", "jsonl")[0] == 0
    code, said = context.cli("bocage", "list", "offer", "--public", "seniors",
        "--thematique", "numerique")
    assert code == 0 and "o-tous" in said and "o-sans" not in said, said
    assert context.cli("bocage", "list", "site", "--km", "20")[0] == 2
    code, said = context.cli("bocage", "list", "site", "--near", "Cuverville")
    assert code == 6 and "14215" in said and "76206" in said, said


with r.Register() as context:
    pushed = context.cli("agence", "push", r.TOP + "/config/samples",
        "--full", "--source", "reso-pro", "--owner", AGENCY, "--quiet")
    assert pushed[0] == 0, pushed[1]
    context.accounts(bodies=False)
    admin = context.client("agence")
    failed = r.run_tests(globals(), admin)
    admin.close()
sys.exit(failed > 0)
