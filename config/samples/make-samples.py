#!/usr/bin/python3
"""Make organisations.csv, sites.csv and statuses.csv of the sample network
from organisations-normandie.csv.  Standard library only; the same input gives
the same bytes.  README says what is fact and what is assumption.

    config/samples/make-samples.py          write the three files
    config/samples/make-samples.py --check  only compare (exit 1: they differ)
"""
import csv
import io
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = HERE.parent
ADOPTED = "2020-06-15"  # the Région adopts the principles of RésO'Pro

# The title of each kind of body, with its legal basis and authority, stands in
# config/vocabularies/organisation-kinds.csv.  A label or a designation is given
# to one body by a decision: none is known, so none is made up.
BY_DECISION = {"label-spro-conseil", "prc-vae"}

# (from, to) where it is not (ADOPTED, none).
DATES = {
    "coordination": ("2020-01-01", ""),  # the Agency is created
    "cep-marche": ("2024-01-02", "2027-12-31"),  # four years of market
}

# What is competent for the whole region, a département or an arrondissement
# by its kind; see README.
WHOLE_REGION = {
    "agence-regionale", "autorite-region", "autorite-prefecture-region", "saio",
    "onisep", "carif-oref", "apec", "operateur-cep-actifs", "suio",
    "information-jeunesse-crij", "entrepreneuriat", "entrepreneuriat-ess",
    "tete-de-reseau"}
DEPARTEMENT = {"cio", "cap-emploi"}
ARRONDISSEMENT = {"mission-locale", "paio", "france-travail"}
COMMUNE = {"proximite-ccas"}

# By the body's own name, or general knowledge.
COMPETENCE = {
    "mission-locale-bayeux-vire-ml2b": "arr:141|arr:144",
    "mission-locale-pays-d-evreux-et-eure-sud": "arr:273",
    "mission-locale-rurale-du-talou": "arr:761",
    "mission-locale-dieppe-cote-d-albatre": "arr:761",
    "cap-emploi-rouen-dieppe": "arr:763|arr:761",
    "cap-emploi-le-havre": "arr:762",
    "dreets-normandie": "reg:28",
    "cci-normandie-chambre-regionale": "reg:28",
    "cci-portes-de-normandie": "dep:27|arr:611|arr:613",
    "cci-caen-normandie": "arr:141|arr:142|arr:144",
    "cci-rouen-metropole": "arr:763|arr:761",
    "cci-seine-estuaire": "arr:762|arr:143",
    "cci-ouest-normandie": "dep:50|arr:612",
    "cma-normandie-chambre-de-metiers-et-de-l-artisanat-de-region": "reg:28",
    "chambre-regionale-d-agriculture-de-normandie": "reg:28",
}

PARENTS = {
    "crij-normandie-site-de-rouen": "crij-normandie-info-jeunes-normandie",
    "cio-d-alencon-antenne-d-argentan": "cio-de-alencon",
}
for dep in ("calvados", "eure", "manche", "orne", "seine-maritime"):
    PARENTS["cma-normandie-" + dep] = \
        "cma-normandie-chambre-de-metiers-et-de-l-artisanat-de-region"

NETWORKS = {
    "mission-locale": "mission-locale",
    "france-travail": "france-travail",
    "france-travail-direction": "france-travail",
    "cap-emploi": "cap-emploi-reseau-cheops",
    "cci": "chambres-consulaires",
    "cma": "chambres-consulaires",
    "chambre-agriculture": "chambres-consulaires",
    "information-jeunesse-crij": "reseau-information-jeunesse",
    "proximite-ccas": "ccas-cias",
}


def competence(row, arrondissements):
    kind, dep, code = row["kind"], row["departement"], row["code_insee"]
    if row["id"] in COMPETENCE:
        return COMPETENCE[row["id"]]
    if kind in WHOLE_REGION:
        return "reg:28"
    if kind in ARRONDISSEMENT and code:
        return "arr:" + arrondissements[code]
    if kind in COMMUNE and code:
        return "com:" + code
    if dep and (kind in DEPARTEMENT or row["id"].startswith(
            ("cma-normandie-", "chambre-d-agriculture-", "ddets-"))):
        return "dep:" + dep
    return ""


def organisation(row, arrondissements):
    return {
        "source_id": row["id"],
        "id": row["id"],
        "nom": row["name"],
        "kind": row["kind"],
        "parent_id": PARENTS.get(row["id"], ""),
        "site_web": row["url"],
        "reseaux_porteurs": NETWORKS.get(row["kind"], ""),
        "competence": competence(row, arrondissements),
    }


def site(row):
    return {
        "source_id": row["id"] + "-site",
        "id": row["id"] + "-site",
        "organisation_source_id": row["id"],
        "nom": row["name"],
        "adresse": row["address"],
        "code_postal": row["postal_code"],
        "commune": row["commune"],
        "code_insee": row["code_insee"],
        "site_web": row["url"],
    }


def statuses(row, kinds):
    kind = kinds[row["kind"]]
    title = kind["title"]
    if not title or title in BY_DECISION:
        return
    start, end = DATES.get(title, (ADOPTED, ""))
    name = f"{row['id']}-{title}"[:80].rstrip("-")
    yield {
        "source_id": name,
        "id": name,
        "organisation_source_id": row["id"],
        "title": title,
        "legal_basis": kind["legal_basis"],
        "authority": kind["authority"],
        "from": start,
        "to": end,
        "evidence": "Jeu d'exemple, voir config/samples/README.md",
    }


def read(path, delimiter):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter=delimiter))


def as_csv(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def main():
    arrondissements = {r["code"]: r["arrondissement"]
                       for r in read(CONFIG / "territories/communes.csv", ";")}
    kinds = {r["code"]: r for r in
             read(CONFIG / "vocabularies/organisation-kinds.csv", ";")}
    rows = read(HERE / "organisations-normandie.csv", ",")
    files = {
        "organisations.csv": [organisation(r, arrondissements) for r in rows],
        "sites.csv": [site(r) for r in rows if r["code_insee"]],
        "statuses.csv": [s for r in rows for s in statuses(r, kinds)],
    }
    differ = 0
    for name, made in files.items():
        ids = [r["source_id"] for r in made]
        assert len(set(ids)) == len(ids), name
        path, data = HERE / name, as_csv(made)
        if "--check" in sys.argv[1:]:
            if path.read_bytes() != data:
                print(f"{name}: run {sys.argv[0]}", file=sys.stderr)
                differ = 1
        else:
            path.write_bytes(data)
            print(f"{name}: {len(made)} records")
    return differ


sys.exit(main())
