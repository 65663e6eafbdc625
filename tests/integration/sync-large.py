#!/usr/bin/python3
"""A set of 100,000 records, by the command line: planned, applied, repeated,
in bounded memory on both sides.  A function is a test; its name is the claim."""
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import register as r
from register import messages

admin = messages("admin")
RECORDS = 100000
MIB = 1 << 20
SANITIZED = "-asan" in r.BUILD or "-tsan" in r.BUILD


def resident(pid):
    """Resident memory of a process now, file pages left out."""
    try:
        with open("/proc/%d/status" % pid) as f:
            lines = dict(line.split(":", 1) for line in f)
        return int(lines["RssAnon"].split()[0]) * 1024
    except (OSError, KeyError):     # it has ended
        return 0


def watch(daemon, client):
    """The most that each held, by samples."""
    most = [0, 0]
    while client.poll() is None:
        most = [max(m, resident(p.pid)) for m, p in zip(most, (daemon, client))]
        time.sleep(0.02)
    return most


def push(register, path, *options):
    env = dict(os.environ, RESOPRO_SERVER=register.address, RESOPRO_LANG="en",
        RESOPRO_CA=register.pki + "/ca.pem",
        RESOPRO_CERT=register.pki + "/account-bocage.pem",
        RESOPRO_KEY=register.pki + "/account-bocage.key")
    out = os.path.join(register.dir, "out")
    begun = time.monotonic()
    with open(out, "wb") as f:
        client = subprocess.Popen([r.RESOPRO, "push", path, "--full",
            "--no-spool"] + list(options), env=env, stdin=subprocess.DEVNULL,
            stdout=f, stderr=subprocess.STDOUT)
        daemon, own = watch(register.daemon, client)
    took = time.monotonic() - begun
    with open(out, "rb") as f:
        lines = f.read().decode().splitlines()
    print("%s: %.1f s, daemon %d MiB, client %d MiB, %s" % (
        " ".join(options) or "push", took, daemon // MIB, own // MIB,
        lines[-1] if lines else "-"), flush=True)
    assert client.returncode == 0, lines[-5:]
    if not SANITIZED:
        assert daemon < 600 * MIB and own < 64 * MIB, (daemon, own)
    return lines


def head(client):
    return client.Admin.Status(admin.StatusRequest()).revision


def push__100000_records__planned_applied_repeated_in_bounded_memory(register):
    path = os.path.join(register.dir, "sites.csv")
    with open(path, "w") as f:
        f.write("source_id;nom;code_insee;adresse;horaires_accueil;"
            "description\n")
        f.writelines("s%d;Accueil %d;61169;%d rue de la Gare;"
            "Mo-Fr 09:00-12:00;Un accueil sans rendez-vous, pour tous.\n" %
            (i, i, i) for i in range(RECORDS))
    client = register.client("agence")
    before = head(client)
    lines = push(register, path, "--dry-run")
    assert len([x for x in lines if x.startswith("+")]) == RECORDS
    assert head(client) == before
    request = ("--request-id", "cent-mille-fiches-une-fois")
    lines = push(register, path, *request)
    assert "100000 created" in lines[-1] and head(client) == before + 1, lines
    lines = push(register, path)
    assert "100000 unchanged" in lines[-1], lines
    at = head(client)
    # The first answer, all of it, though its reader may have gone.
    lines = push(register, path, *request)
    assert len([x for x in lines if x.startswith("+")]) == RECORDS
    assert "applied before" in lines[-1] and head(client) == at, lines[-1]
    client.close()


with r.Register({("store", "map_size"): "4GiB"}) as context:
    context.accounts()
    failed = r.run_tests(globals(), context)
sys.exit(failed > 0)
