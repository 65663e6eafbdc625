#!/usr/bin/python3
"""A member pushes its export in data-inclusion v1 as it is.  The schema itself
is compared where it lies beside the tree.  A function is a test; its name is
the claim."""
import csv
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import register as r
from register import MEMBER, messages

t, reg = messages("types"), messages("registry")
SCHEMAS = os.path.join(r.TOP, "../shared/data/schemas/data-inclusion-v1")
VOCABULARIES = {"frais": "frais", "modes-accueil": "modes-accueil",
    "modes-mobilisation": "modes-mobilisation", "publics": "publics",
    "personnes-mobilisatrices": "personnes-mobilisatrices",
    "reseaux-porteurs": "reseaux-porteurs", "thematiques": "thematiques",
    "types-de-services": "types-services"}
STRUCTURE = {"source": "mission_locale", "id": "ml--Flers 1",
    "nom": "Mission locale, Flers", "date_maj": "2026-03-01",
    "description": "Accueil des jeunes de 16 à 25 ans.", "siret": None,
    "lien_source": "https://exemple.fr/1", "commune": "Flers",
    "code_postal": "61100", "code_insee": "61169",
    "adresse": "12 rue de la Gare", "complement_adresse": "2e étage",
    "longitude": -0.57, "latitude": 48.75, "telephone": "+33233983333",
    "courriel": "accueil@exemple.fr", "site_web": "https://exemple.fr",
    "horaires_accueil": "Mo-Fr 09:00-12:00",
    "accessibilite_lieu": "https://acceslibre.beta.gouv.fr/app/x/",
    "reseaux_porteurs": ["mission-locale"]}
SERVICE = {"source": "mission_locale", "structure_id": "ml--Flers 1",
    "id": "ml--s1", "nom": "Atelier métiers", "date_maj": "2026-03-01",
    "description": "Deux heures, chaque lundi, pour découvrir un métier.",
    "lien_source": None, "type": "atelier",
    "thematiques": ["choisir-un-metier--confirmer-son-choix-de-metier"],
    "frais": "gratuit", "frais_precisions": None, "publics": ["jeunes"],
    "publics_precisions": None, "conditions_acces": "Avoir 16 ans",
    "commune": "Flers", "code_postal": "61100", "code_insee": "61169",
    "adresse": "12 rue de la Gare", "complement_adresse": None,
    "longitude": -0.57, "latitude": 48.75, "telephone": "+33233983333",
    "courriel": None, "contact_nom_prenom": "Jeanne Dupont",
    "modes_accueil": ["en-presentiel"], "zone_eligibilite": ["61"],
    "lien_mobilisation": "https://exemple.fr/rdv",
    "modes_mobilisation": ["telephoner"], "mobilisable_par": ["usagers"],
    "mobilisation_precisions": None, "volume_horaire_hebdomadaire": 2.5,
    "nombre_semaines": 3, "horaires_accueil": None}


def push(register, name, content, *options, account="bocage"):
    path = os.path.join(register.dir, name)
    with open(path, "w") as f:
        f.write(content if isinstance(content, str) else
            json.dumps(content, indent=1))
    return register.cli(account, "push", path, "--no-spool", *options)


def mine(client, kind, source):
    return [x for x in client.Registry.List(reg.ListRequest(kind=kind,
        page_size=1000)).records if x.source == source]


def push__structures_and_services__sites_and_offers_of_one_s_own(register):
    document = {"structures": [STRUCTURE], "services": [SERVICE]}
    code, said = push(register, "export.json", document, "--source", "di",
        "--full")
    assert code == 0 and "2 created" in said, said
    client = register.client("agence")
    (site,), (offer,) = (mine(client, k, "di") for k in (t.KIND_SITE,
        t.KIND_OFFER))
    assert site.source_id == STRUCTURE["id"]
    assert site.site.organisation_id == offer.offer.organisation_id == MEMBER
    assert offer.offer.site_id == site.id
    for key in "nom", "adresse", "code_insee", "horaires_accueil", "courriel":
        assert getattr(site.site, key) == STRUCTURE[key], site
    assert site.site.position.latitude == 48.75, site
    for key in "publics", "thematiques", "zone_eligibilite", "modes_accueil":
        assert list(getattr(offer.offer, key)) == SERVICE[key], offer
    assert offer.offer.volume_horaire_hebdomadaire == 2.5, offer
    assert "Dupont" not in str(offer)
    client.close()
    code, said = push(register, "export.json", document, "--source", "di",
        "--full")
    assert code == 0 and "2 unchanged" in said, said
    # As two files of a directory, each an array.
    os.mkdir(register.dir + "/export")
    for name, x in ("structures", STRUCTURE), ("services", SERVICE):
        with open("%s/export/%s.json" % (register.dir, name), "w") as f:
            json.dump([x], f)
    code, said = register.cli("bocage", "push", register.dir + "/export",
        "--source", "di", "--full", "--no-spool")
    assert code == 0 and "2 unchanged" in said, said


def push__organisation_kind__the_agency_gets_bodies_too(register):
    code, said = push(register, "region.json", [STRUCTURE, SERVICE],
        "--source", "region", "--organisation-kind", "mission-locale",
        account="agence")
    assert code == 0 and "3 created" in said, said
    client = register.client("agence")
    (body,) = mine(client, t.KIND_ORGANISATION, "region")
    (site,) = mine(client, t.KIND_SITE, "region")
    assert site.site.organisation_id == body.id, site
    assert list(body.organisation.reseaux_porteurs) == ["mission-locale"]
    client.close()


def push__something_wrong__file_line_index_field_and_remedy(register):
    bad = dict(SERVICE, thematiques="x")
    code, said = push(register, "e.json", {"structures": [STRUCTURE],
        "services": [SERVICE, bad]}, "--source", "e")
    assert code == 6 and "e.json:" in said, said
    assert "services[1].thematiques" in said and "→" in said, said
    line = int(said.split("e.json:")[1].split(":")[0])
    with open(register.dir + "/e.json") as f:
        assert f.readlines()[line - 1].strip() == "{"
    for content, words in (([dict(STRUCTURE, telefone="1")], "telephone"),
            ([{"nom": "x"}], "[0].id"), ([1], "not an object"),
            ([dict(SERVICE, structure_id=None)], "structure_id"),
            ([{"source_id": "a", "site": {}}], "jq"),
            ('{"structures": [], "autres": []}', "only"),
            ('[{"id": "a"', "no JSON"), ('[1 2]', "no JSON"),
            ([dict(STRUCTURE, nom="x")], "nom"),
            ([STRUCTURE, STRUCTURE], " too")):
        code, said = push(register, "f.json", content, "--source", "e")
        assert code == 6 and words in said, (content, words, said)
    for content in "[]", "{}", '{"structures": []}':
        code, said = push(register, "vide.json", content, "--source", "e",
            "--full")
        assert code in (2, 6) and "no record" in said or "kind" in said, said


def schema__every_field_and_code__known(register):
    if not os.path.isdir(SCHEMAS):
        print("no schemas beside the tree: not compared")
        return
    for name, known in ("structure", STRUCTURE), ("service", SERVICE):
        with open("%s/%s.json" % (SCHEMAS, name)) as f:
            schema = json.load(f)
        assert set(schema["properties"]) == set(known), name
        assert set(schema["required"]) <= set(known)
    for theirs, ours in VOCABULARIES.items():
        with open("%s/%s.json" % (SCHEMAS, theirs)) as f:
            codes = {x["value"] for x in json.load(f)}
        with open("%s/config/vocabularies/%s.csv" % (r.TOP, ours)) as f:
            have = {row["code"] for row in csv.DictReader(f, delimiter=";")}
        assert codes <= have, (theirs, sorted(codes - have))


with r.Register() as context:
    context.accounts()
    failed = r.run_tests(globals(), context)
sys.exit(failed > 0)
