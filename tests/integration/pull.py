#!/usr/bin/python3
"""resopro pull: the mirror of a member equals the register, whatever befalls
the pull: killed at any point, a full disk, a cut line, a register that was
replaced or restored, two at once.  A function is a test; its name is the
claim."""
import csv
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from google.protobuf import json_format

import register as r
from proxy import Proxy
from register import MEMBER, messages, new_id, until

t, reg = messages("types"), messages("registry")
TABLES = {"organisations": t.KIND_ORGANISATION, "sites": t.KIND_SITE,
    "offers": t.KIND_OFFER, "statuses": t.KIND_STATUS,
    "activities": t.KIND_ACTIVITY, "disputes": t.KIND_DISPUTE,
    "transfers": t.KIND_TRANSFER}
SITES = 2000
KILLS = 40


# ---- both sides ---------------------------------------------------------------

def plain(record):
    """A record as the mirror has it: when it was confirmed is no change."""
    computed = "confirmed_at", "freshness", "stale_on"
    return {name: value for name, value in record.items()
        if name not in computed}


def listing(client, kinds=TABLES, revision=0):
    """{table: {id: record}} of the register, now or at a revision."""
    found = {}
    for table in kinds:
        found[table], token = {}, ""
        while True:
            page = client.Registry.List(reg.ListRequest(kind=TABLES[table],
                page_size=1000, page_token=token,
                as_of=reg.AsOf(revision=revision) if revision else None))
            for x in page.records:
                found[table][x.id] = plain(json_format.MessageToDict(x,
                    preserving_proto_field_name=True))
            token = page.next_page_token
            if not token:
                break
    return found


class Mirror:
    """The directory of a pull, as another program reads it."""

    def __init__(self, register, name, account="agence", address=None):
        self.register, self.account = register, account
        self.dir = os.path.join(register.dir, name)
        self.address = address or register.address

    def command(self, *options):
        pki = self.register.pki
        env = dict(os.environ, RESOPRO_SERVER=self.address,
            RESOPRO_LANG="en", RESOPRO_CA=pki + "/ca.pem",
            RESOPRO_CERT="%s/account-%s.pem" % (pki, self.account),
            RESOPRO_KEY="%s/account-%s.key" % (pki, self.account))
        return dict(args=[r.RESOPRO, "pull", self.dir] + list(options),
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)

    def start(self, *options):
        return subprocess.Popen(**self.command(*options))

    def run(self, *options):
        done = subprocess.run(**self.command(*options), timeout=120)
        return done.returncode, done.stdout.decode()

    def pull(self, *options):
        code, said = self.run(*options)
        assert code == 0, "exit %d: %s" % (code, said)
        return said

    def database(self):
        return sqlite3.connect("file:%s/mirror.sqlite?mode=ro" % self.dir,
            uri=True)

    def query(self, sql):
        database = self.database()
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def state(self, tables=TABLES):
        """Revision, and the records of the tables, read in one transaction."""
        database = self.database()
        try:
            database.execute("BEGIN")
            revision = database.execute("SELECT value FROM mirror WHERE "
                "key = 'revision'").fetchone()
            return int(revision[0]) if revision else 0, {table: {
                id: json.loads(text) for id, text in
                database.execute("SELECT id, json FROM %s" % table)}
                for table in tables}
        finally:
            database.close()

    def files(self, tables=TABLES):
        found = {}
        for table in tables:
            with open("%s/%s.jsonl" % (self.dir, table)) as f:
                records = [json.loads(line) for line in f]
            assert [x["id"] for x in records] == sorted(
                x["id"] for x in records)
            found[table] = {x["id"]: x for x in records}
        return found

    def check(self, client, tables=TABLES):
        """It is the register, in both forms."""
        expected = listing(client, tables)
        assert self.state(tables)[1] == expected
        assert self.files(tables) == expected
        self.sound()

    def sound(self):
        assert self.query("PRAGMA integrity_check") == [("ok",)]


def put_site(client, name, id="", owner=MEMBER, **fields):
    record = t.Record(kind=t.KIND_SITE, id=id or name, owner=owner,
        site=t.Site(organisation_id=owner, nom="Accueil " + name,
            code_insee="61169", **fields))
    return client.Registry.Put(reg.PutRequest(request_id=new_id(),
        record=record))


def remove_site(client, id):
    client.Registry.Delete(reg.DeleteRequest(request_id=new_id(),
        kind=t.KIND_SITE, id=id))


def load(register, count=SITES):
    """Sites of one member, by a push."""
    path = os.path.join(register.dir, "load-sites.csv")
    with open(path, "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(["source_id", "organisation_id", "nom", "code_insee",
            "modes_accueil", "telephone", "latitude", "longitude"])
        for i in range(count):
            out.writerow(["s%d" % i, MEMBER, "Lieu %d" % i, "61169",
                "en-presentiel|a-distance", "0233%06d" % i, 48.5, -0.5])
    code, said = register.cli("agence", "push", path, "--full", "--source",
        "load", "--owner", MEMBER, "--quiet")
    assert code == 0, said


# ---- what is in it --------------------------------------------------------------

def first_run__all_of_the_register__in_both_forms(register, client):
    mirror = Mirror(register, "first")
    said = mirror.pull()
    assert "a new copy" in said, said
    mirror.check(client)
    row = mirror.query("SELECT organisation_id, code_insee, telephone, "
        "modes_accueil, position_latitude, typeof(version), itinerant "
        "FROM sites WHERE source_id = 's7'")
    assert row == [(MEMBER, "61169", "0233000007",
        '["en-presentiel","a-distance"]', 48.5, "integer", 0)], row
    # Lists can be asked for by SQL.
    assert mirror.query("SELECT count(*) FROM sites, json_each(modes_accueil)"
        " WHERE json_each.value = 'a-distance'") == [(SITES,)]


def second_run__nothing_new__nothing_written(register, client):
    mirror = Mirror(register, "idle")
    mirror.pull()
    before = {f: os.stat(os.path.join(mirror.dir, f)).st_mtime_ns
        for f in os.listdir(mirror.dir) if f.endswith(".jsonl")}
    assert len(before) == len(TABLES) + 1
    assert " 0 changed, 0 removed" in mirror.pull()
    assert before == {f: os.stat(os.path.join(mirror.dir, f)).st_mtime_ns
        for f in before}
    assert sorted(f for f in os.listdir(mirror.dir) if "jsonl" not in f) == [
        ".lock", "mirror.sqlite", "mirror.sqlite-shm", "mirror.sqlite-wal"]
    assert os.path.getsize(mirror.dir + "/mirror.sqlite-wal") == 0


def later_run__changes_and_deletions__only_those(register, client):
    mirror = Mirror(register, "later")
    mirror.pull()
    for name in "later-a", "later-b", "later-c":
        put_site(client, name)
    remove_site(client, "later-b")
    put_site(client, "later-a", telephone="0233999999")
    said = mirror.pull()
    assert " 4 changed, 1 removed" in said, said
    mirror.check(client)
    remove_site(client, "later-a")
    remove_site(client, "later-c")
    mirror.pull()
    mirror.check(client)


def filters__kind_and_owner__only_those_and_another_starts_over(register,
        client):
    mirror = Mirror(register, "filtered")
    mirror.pull("--kind", "site", "--kind", "organisation")
    mirror.check(client, ["sites", "organisations"])
    assert mirror.query("SELECT count(*) FROM statuses") == [(0,)]
    said = mirror.pull("--kind", "organisation", "--kind", "site")
    assert "changed" in said, said      # the same, in another order
    said = mirror.pull("--owner", MEMBER)
    assert "a new copy" in said, said
    expected = {i: x for i, x in listing(client, ["sites"])["sites"].items()
        if x["owner"] == MEMBER}
    assert mirror.state(["sites"])[1]["sites"] == expected
    for bad in ["--kind", "nonsense"], ["--owner", "Not An Id"]:
        assert mirror.run(*bad)[0] == 2


def owner__record_given_to_another__gone_from_the_mirror(register, client):
    mirror = Mirror(register, "owned")
    put_site(client, "given")
    put_site(client, "kept")
    mirror.pull("--owner", MEMBER)
    record = client.Registry.Get(reg.GetRequest(kind=t.KIND_SITE,
        id="given")).record
    record.owner = r.AGENCY
    client.Registry.Put(reg.PutRequest(request_id=new_id(), record=record))
    said = mirror.pull("--owner", MEMBER)
    assert " 0 changed, 1 removed" in said, said
    ids = mirror.state(["sites"])[1]["sites"]
    assert "given" not in ids and "kept" in ids
    record.owner = MEMBER
    client.Registry.Put(reg.PutRequest(request_id=new_id(), record=record))
    assert " 1 changed, 0 removed" in mirror.pull("--owner", MEMBER)
    for id in "given", "kept":
        remove_site(client, id)


def reader_account__what_it_may_read(register, client):
    mirror = Mirror(register, "reader", account="bocage-lecture")
    mirror.pull()
    mirror.check(client, ["sites", "organisations"])


# ---- interruptions ---------------------------------------------------------------

class Writer(threading.Thread):
    """Changes the register for as long as it runs."""

    def __init__(self, register):
        super().__init__(daemon=True)
        self.client = register.client("agence")
        self.running = True

    def run(self):
        dice = random.Random(2)
        there = set()
        while self.running:
            name = "moving-%d" % dice.randrange(40)
            if name in there and dice.random() < 0.3:
                remove_site(self.client, name)
                there.remove(name)
            elif name not in there or dice.random() < 0.8:
                try:
                    put_site(self.client, name, telephone="02%08d" %
                        dice.randrange(10 ** 8))
                    there.add(name)
                except Exception as e:  # an id that was deleted is not reused
                    assert "reused" in str(e) or "deleted" in str(e), e
            time.sleep(0.002)

    def stop(self):
        self.running = False
        self.join()
        self.client.close()


def kill_9__at_any_point__each_state_was_one_of_the_register(register, client):
    mirror = Mirror(register, "killed")
    writer = Writer(register)
    writer.start()
    dice = random.Random(1)
    behind = 0
    try:
        for i in range(KILLS):
            # Every third starts over; the others follow or catch up.
            options = (["--kind", "site"] if i % 6 >= 3 else []) + (
                ["--follow"] if i % 2 else [])
            pull = mirror.start(*options)
            time.sleep(dice.uniform(0, 0.4))
            pull.send_signal(signal.SIGKILL)
            pull.communicate()
            if not os.path.exists(mirror.dir + "/mirror.sqlite"):
                continue
            try:
                revision, state = mirror.state(["sites"])
            except sqlite3.OperationalError as e:
                assert "no such table" in str(e), e
                continue
            mirror.sound()
            if revision:
                assert state == listing(client, ["sites"], revision), i
            else:
                assert not state["sites"]
                behind += 1
            if os.path.exists(mirror.dir + "/sites.jsonl"):
                mirror.files(["sites"])     # each is whole
    finally:
        writer.stop()
    assert behind < KILLS, "no pull got anywhere"
    mirror.pull()
    mirror.check(client)
    assert not [f for f in os.listdir(mirror.dir) if f.endswith(".new")]


def sigint__while_it_copies__exit_130_and_nothing_half_done(register, client):
    with Proxy(register.port) as line:
        mirror = Mirror(register, "interrupted", address=line.address)
        line.be_slow(2048, 0.02)
        pull = mirror.start()
        until(lambda: line.carried_down > 100000, "the copy has begun")
        pull.send_signal(signal.SIGINT)
        said = pull.communicate(timeout=30)[0].decode()
        assert pull.returncode == 130, said
        assert mirror.query("SELECT count(*) FROM sites") == [(0,)]
        line.heal()
        mirror.pull()
        mirror.check(client)


def line_cut__in_the_snapshot__tried_again_then_told(register, client):
    with Proxy(register.port) as line:
        mirror = Mirror(register, "cut", address=line.address)
        line.cut_after(down=200000)
        code, said = mirror.run()
        assert code == 7, said
        assert mirror.query("SELECT count(*) FROM sites") == [(0,)]
        line.heal()
        mirror.pull()
        mirror.check(client)


# ---- following --------------------------------------------------------------------

def in_file(mirror, id):
    return id in mirror.files(["sites"])["sites"]


def follow__changes__arrive_until_told_to_stop(register, client):
    mirror = Mirror(register, "follow")
    pull = mirror.start("--follow")
    until(lambda: os.path.exists(mirror.dir + "/sites.jsonl"), "a first copy")
    for i in range(3):
        put_site(client, "follow-%d" % i)
        until(lambda: mirror.query("SELECT 1 FROM sites WHERE id = "
            "'follow-%d'" % i), "the change is in the table")
    until(lambda: in_file(mirror, "follow-2"), "and in the file")
    remove_site(client, "follow-1")
    until(lambda: not in_file(mirror, "follow-1"), "the deletion too")
    code, said = mirror.run()
    assert code == 7 and "another" in said, said
    pull.send_signal(signal.SIGTERM)
    said = pull.communicate(timeout=30)[0].decode()
    assert pull.returncode == 0, said
    mirror.check(client)
    for i in 0, 2:
        remove_site(client, "follow-%d" % i)


def follow__reader_holds_the_database__changes_go_on(register, client):
    mirror = Mirror(register, "held")
    mirror.pull()
    reader = mirror.database()
    reader.execute("BEGIN")
    before = reader.execute("SELECT count(*) FROM sites").fetchone()
    pull = mirror.start("--follow")
    put_site(client, "held-1")
    until(lambda: mirror.query("SELECT 1 FROM sites WHERE id = 'held-1'"),
        "others see the change")
    assert reader.execute("SELECT count(*) FROM sites").fetchone() == before
    pull.terminate()
    assert pull.wait(30) == 0
    pull.stdout.close()
    reader.close()
    remove_site(client, "held-1")
    mirror.pull()
    mirror.check(client)


# ---- another register ---------------------------------------------------------------

def data(register):
    return os.path.join(register.dir, "data")


def daemon_restarts__follow_goes_on(register, client):
    mirror = Mirror(register, "restart")
    pull = mirror.start("--follow")
    until(lambda: os.path.exists(mirror.dir + "/sites.jsonl"), "a first copy")
    register.stop()
    register.start()
    put_site(client, "restarted")
    until(lambda: mirror.query("SELECT 1 FROM sites WHERE id = 'restarted'"),
        "the change after the restart", 60)
    pull.terminate()
    assert pull.wait(30) == 0
    pull.stdout.close()
    mirror.check(client)
    remove_site(client, "restarted")


def restored_from_backup__gone_another_way__starts_over(register, client):
    """The register has reached the mirror's revision again, with other
    records."""
    mirror = Mirror(register, "restored")
    register.stop()
    shutil.copytree(data(register), data(register) + ".backup")
    register.start()
    for i in range(5):
        put_site(client, "lost-%d" % i)
    mirror.pull()
    register.stop()
    shutil.rmtree(data(register))
    os.rename(data(register) + ".backup", data(register))
    register.start()
    for i in range(8):
        put_site(client, "instead-%d" % i)
    said = mirror.pull()
    assert "starting over" in said and "a new copy" in said, said
    mirror.check(client)


def register_replaced__starts_over_and_readers_see_old_or_new(register,
        client):
    """Fewer revisions than the mirror has: OUT_OF_RANGE, as when the log was
    compacted."""
    mirror = Mirror(register, "replaced")
    mirror.pull()
    old = mirror.query("SELECT count(*) FROM sites")[0][0]
    register.stop()
    os.rename(data(register), data(register) + ".old")
    register.init().start()
    register.accounts()
    load(register, 1500)
    seen, looking = set(), threading.Event()

    def look():
        while not looking.is_set():
            seen.add(mirror.query("SELECT count(*) FROM sites")[0][0])

    reader = threading.Thread(target=look)
    reader.start()
    try:
        said = mirror.pull()
    finally:
        looking.set()
        reader.join()
    assert "starting over" in said, said
    assert old in seen and seen <= {old, 1500}, (seen, old)
    mirror.check(client)
    register.stop()
    shutil.rmtree(data(register))
    os.rename(data(register) + ".old", data(register))
    register.start()


# ---- disks and directories --------------------------------------------------------

def namespace():
    """How to mount a small file system; None: there is no right to."""
    for how in ["-m"], ["-mUr"]:
        if subprocess.run(["unshare"] + how + ["mount", "-t", "tmpfs", "-o",
                "size=1m", "none", "/mnt"], stderr=subprocess.DEVNULL
                ).returncode == 0:
            return how
    return None


def disk_full__mirror_as_it_was_then_goes_on(register, client):
    how = namespace()
    if how is None:
        print("no right to mount a small file system")
        return
    mirror = Mirror(register, "full")
    os.mkdir(mirror.dir)
    kept = os.path.join(register.dir, "kept")
    script = """
        set -u
        mount -t tmpfs -o size=8m none "$1/full"
        "$2" pull "$1/full" --kind site || exit 1
        before=$(wc -l < "$1/full/sites.jsonl")
        dd if=/dev/zero of="$1/full/ballast" bs=4k 2>/dev/null
        "$2" pull "$1/full"
        [ $? -eq 1 ] || exit 2
        [ "$(wc -l < "$1/full/sites.jsonl")" = "$before" ] || exit 3
        cp -r "$1/full" "$1/kept" || exit 4
        rm "$1/full/ballast"
        "$2" pull "$1/full" || exit 5
        cp -r "$1/full" "$1/after"
    """
    command = mirror.command()
    command["args"] = ["unshare"] + how + ["sh", "-c", script, "sh",
        register.dir, r.RESOPRO]
    done = subprocess.run(**command, timeout=120)
    said = done.stdout.decode()
    assert done.returncode == 0, "exit %d: %s" % (done.returncode, said)
    assert "No space left" in said and "as it was" in said, said
    mirror.dir = kept
    os.remove(kept + "/ballast")
    mirror.sound()
    assert mirror.files(["sites"]) == mirror.state(["sites"])[1]
    mirror.dir = os.path.join(register.dir, "after")
    mirror.check(client)


def not_ours__another_database_or_a_damaged_one__refused(register, client):
    mirror = Mirror(register, "foreign")
    os.mkdir(mirror.dir)
    database = sqlite3.connect(mirror.dir + "/mirror.sqlite")
    database.execute("CREATE TABLE theirs (x)")
    database.commit()
    database.close()
    code, said = mirror.run()
    assert code == 2 and "is not a mirror" in said, said
    with open(mirror.dir + "/mirror.sqlite", "r+b") as f:
        f.write(b"nonsense" * 100)
    code, said = mirror.run()
    assert code == 2 and "damaged" in said, said
    os.remove(mirror.dir + "/mirror.sqlite")
    mirror.pull()
    mirror.check(client)
    missing = Mirror(register, "no/such/parent")
    code, said = missing.run()
    assert code == 2 and "No such file" in said, said


def files_removed__written_again(register, client):
    mirror = Mirror(register, "removed")
    mirror.pull()
    os.remove(mirror.dir + "/sites.jsonl")
    mirror.pull()
    mirror.check(client)


def french__says_it_in_french(register, client):
    mirror = Mirror(register, "francais")
    command = mirror.command()
    command["env"]["RESOPRO_LANG"] = "fr"
    said = subprocess.run(**command, timeout=60).stdout.decode()
    assert "nouvelle copie" in said, said


def main():
    with r.Register() as register:
        register.accounts()
        client = register.client("agence")
        load(register)
        failed = r.run_tests(globals(), register, client)
        client.close()
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
