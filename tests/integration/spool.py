#!/usr/bin/python3
"""A member's push while the register is out of reach: the set is kept on disk
and sent by the next run, once, in order.  A function is a test; its name is the
claim."""
import glob
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import register as r
from register import messages

t, reg, admin = messages("types"), messages("registry"), messages("admin")
OK, USAGE, NOT_FOUND, INVALID, UNAVAILABLE, PARTIAL, KEPT = 0, 2, 3, 6, 7, 8, 10


class Member:
    """A directory with its files and its spool."""

    def __init__(self, register, name):
        self.register, self.name = register, name
        self.dir = os.path.join(register.dir, name)
        self.spool = os.path.join(self.dir, "etat", "resopro", "spool")
        os.makedirs(self.dir)

    def write(self, **names):
        self.path = os.path.join(self.dir, "sites.csv")
        with open(self.path, "w") as f:
            f.write("source_id;nom;code_insee\n")
            f.writelines("%s;%s;61169\n" % item for item in names.items())

    def run(self, *args, account="bocage", server=None, **more):
        pki = self.register.pki
        env = dict(os.environ, RESOPRO_LANG="en", RESOPRO_CA=pki + "/ca.pem",
            RESOPRO_SERVER=server or self.register.address,
            XDG_STATE_HOME=os.path.join(self.dir, "etat"), TZ="UTC",
            RESOPRO_CERT="%s/account-%s.pem" % (pki, account),
            RESOPRO_KEY="%s/account-%s.key" % (pki, account), **more)
        env.pop("RESOPRO_SPOOL", None)
        done = subprocess.run([r.RESOPRO] + list(args), env=env, timeout=120,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        return done.returncode, done.stdout.decode()

    def push(self, *args, **more):
        return self.run("push", self.path, "--source", self.name, *args,
            **more)

    def kept(self):
        code, said = self.run("spool", "list", "--output", "jsonl", "--quiet")
        assert code == OK, said
        return [json.loads(line) for line in said.splitlines()]


def sites(agency, source):
    page = agency.Registry.List(reg.ListRequest(kind=t.KIND_SITE,
        page_size=1000))
    return {x.source_id: (x.site.nom, x.version) for x in page.records
        if x.source == source}


def head(agency):
    return agency.Admin.Status(admin.StatusRequest()).revision


def push__server_out_of_reach__kept_and_sent_first_by_the_next_run(register):
    member = Member(register, "ordre")
    register.stop()
    for night in "un", "deux", "trois":
        member.write(a="Accueil " + night, **{night: "Lieu"})
        code, said = member.push("--full")
        assert code == KEPT and "kept in " + member.spool in said, (code, said)
    kept = member.kept()
    assert [x["records"] for x in kept] == [2, 2, 2], kept
    assert len({x["request_id"] for x in kept}) == 3
    assert not any(x["set_aside"] for x in kept)
    assert os.stat(member.spool).st_mode & 0o777 == 0o700
    assert all(os.stat(f).st_mode & 0o777 == 0o600 for f in
        glob.glob(member.spool + "/*"))
    register.start()
    agency = register.client("agence")
    before = head(agency)
    member.write(a="Accueil quatre", quatre="Lieu")
    code, said = member.push("--full", "--output", "json")
    assert code == OK, said
    assert head(agency) == before + 4 and not member.kept()
    # In their order: each night changed the name once more.
    history = agency.Registry.History(reg.HistoryRequest(kind=t.KIND_SITE,
        id="ordre-a")).entries
    assert [c.after for e in history for c in e.changes if c.field == "nom"] \
        == ["Accueil " + n for n in ("quatre", "trois", "deux", "un")], history
    assert sorted(sites(agency, "ordre")) == ["a", "quatre"]
    agency.close()


def spool__send__without_anything_new(register):
    member = Member(register, "envoi")
    member.write(a="Premier", b="Deux")
    code, said = member.push(server="localhost:1")
    assert code == KEPT, said
    # Kept for another server: not sent to this one.
    code, said = member.run("spool", "send")
    assert code == OK and "another server" in said, said
    assert len(member.kept()) == 1
    name = member.kept()[0]["name"]
    code, said = member.run("spool", "send", name)      # asked for by name
    assert code == OK and "2 created" in said, said
    assert not member.kept()
    agency = register.client("agence")
    assert len(sites(agency, "envoi")) == 2
    agency.close()


def spool__another_account_runs__leaves_it(register):
    member = Member(register, "compte")
    register.stop()
    member.write(a="Premier")
    assert member.push()[0] == KEPT
    register.start()
    code, said = member.push("--dry-run", account="agence")
    assert len(member.kept()) == 1, said
    code, said = member.run("spool", "send", account="agence")
    assert code == OK and len(member.kept()) == 1, said
    code, said = member.run("spool", "send")
    assert code == OK and not member.kept(), said


def spool__set_that_is_refused__set_aside_and_the_next_ones_go_on(register):
    member = Member(register, "refus")
    register.stop()
    for night in range(3):
        member.write(a="Premier", b="x" if night == 1 else "Deux %d" % night)
        assert member.push()[0] == KEPT
    register.start()
    member.write(a="Premier", c="Trois")
    code, said = member.push()
    assert code == PARTIAL and "set aside" in said, (code, said)
    kept = member.kept()
    assert [x["set_aside"] for x in kept] == [True], kept
    assert "refused" in kept[0]["why"], kept
    agency = register.client("agence")
    assert {k: v[0] for k, v in sites(agency, "refus").items()} == {
        "a": "Premier", "b": "Deux 2", "c": "Trois"}
    agency.close()
    # It does not come again by itself, and can be dropped.
    code, said = member.push()
    assert code == OK and len(member.kept()) == 1, said
    assert member.run("spool", "drop", "nothing")[0] == NOT_FOUND
    code, said = member.run("spool", "drop", kept[0]["name"])
    assert code == OK and not member.kept(), said
    assert os.listdir(member.spool) == [".lock"]


def push__answer_lost__sent_again_and_done_once(register):
    """The set was applied, but nobody heard: the same bytes go again."""
    member = Member(register, "perdu")
    register.stop()
    member.write(a="Premier", b="Deux")
    assert member.push("--full")[0] == KEPT
    (path,) = glob.glob(member.spool + "/*.set")
    with open(path, "rb") as f:
        copy = f.read()
    register.start()
    assert member.run("spool", "send")[0] == OK
    agency = register.client("agence")
    before = head(agency)
    with open(path, "wb") as f:
        f.write(copy)
    register.kill()
    register.start()
    code, said = member.run("spool", "send")
    assert code == OK and "applied before" in said, said
    agency.close()
    agency = register.client("agence")
    assert head(agency) == before and not member.kept()
    agency.close()


def spool__damaged_or_half_written__never_sent(register):
    member = Member(register, "abime")
    register.stop()
    member.write(a="Premier")
    assert member.push()[0] == KEPT
    (path,) = glob.glob(member.spool + "/*.set")
    with open(path, "r+b") as f:
        f.seek(-30, os.SEEK_END)
        f.write(b"!")
    with open(os.path.join(member.spool, "00000000000001-x.tmp"), "wb") as f:
        f.write(b"resopro-spool 1\n")
    register.start()
    member.write(b="Deux")
    code, said = member.push()
    assert code == PARTIAL and "damaged" in said, (code, said)
    assert [x["set_aside"] for x in member.kept()] == [True]
    agency = register.client("agence")
    assert list(sites(agency, "abime")) == ["b"]
    agency.close()


def push__two_runs_at_once__one_after_the_other(register):
    member = Member(register, "deux")
    register.stop()
    member.write(a="Premier")
    assert member.push()[0] == KEPT
    register.start()
    agency = register.client("agence")
    before = head(agency)
    pki = register.pki
    env = dict(os.environ, RESOPRO_LANG="en", RESOPRO_CA=pki + "/ca.pem",
        RESOPRO_SERVER=register.address, RESOPRO_SPOOL=member.spool,
        RESOPRO_CERT=pki + "/account-bocage.pem",
        RESOPRO_KEY=pki + "/account-bocage.key")
    runs = [subprocess.Popen([r.RESOPRO, "spool", "send"], env=env,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT) for _ in range(4)]
    said = [run.communicate(timeout=60)[0].decode() for run in runs]
    assert [run.returncode for run in runs] == [OK] * 4, said
    assert sum("1 created" in s for s in said) == 1, said
    assert head(agency) == before + 1 and not member.kept()
    agency.close()


def push__no_spool_or_nowhere_to_keep__told_as_unavailable(register):
    member = Member(register, "sans")
    member.write(a="Premier")
    for options in ["--no-spool"], ["--spool", "none"], ["--dry-run"]:
        code, said = member.push(*options, server="localhost:1")
        assert code == UNAVAILABLE, (options, code, said)
    assert not os.path.exists(member.spool)
    code, said = member.push("--spool", "/proc/nulle-part",
        server="localhost:1")
    assert code == UNAVAILABLE and "could not be kept" in said, said


with r.Register() as context:
    context.accounts()
    failed = r.run_tests(globals(), context)
sys.exit(failed > 0)
