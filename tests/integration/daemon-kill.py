#!/usr/bin/python3
"""SIGKILL and power cuts, again and again, to a daemon that writes: every
answered write is there, none is half done, what is sent again by its request
id is done once, and a watcher sees each revision once.

    daemon-kill.py [ROUNDS [SEED]]

Writers send one request after the other by stock gRPC and remember what was
answered.  A power cut is a kill after which the disk has lost some of what was
written since the last sync (see preload/disk.c)."""
import atexit
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import faults
import register as r
from register import AGENCY, messages

t, reg, admin = messages("types"), messages("registry"), messages("admin")
Code = grpc.StatusCode
SITE = t.KIND_SITE
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
WRITERS, OWN, SHARED, SET = 6, 5, 3, 12
LONGEST = 0.7       # seconds of one life
LIMIT = 75          # seconds of all lives
GONE = (Code.UNAVAILABLE, Code.CANCELLED)


def site(id_, nom):
    return t.Record(kind=SITE, id=id_, owner=AGENCY, site=t.Site(
        organisation_id=AGENCY, nom=nom, code_insee="61169",
        description="x" * (zlib.crc32(nom.encode()) % 700)))


class Request:
    """Request n of a writer: what it sends, and what must come of it."""

    def __init__(self, writer, n):
        self.writer, self.n, self.revision = writer, n, 0
        self.id = "essai-%02d-%08d" % (writer, n)
        self.nom = "Ronde %d de %d" % (n, writer)
        kind = n % 6
        if kind in (0, 1):
            self.ids = ["propre-%d-%d" % (writer, n % OWN)]
        elif kind == 2:
            self.ids = ["commun-%d" % (n % SHARED)]
        elif kind == 3:
            self.ids = ["lot-%d-s%d" % (writer, i) for i in range(SET)]
        else:               # one that is made, then deleted
            self.ids = ["passage-%d-%d" % (writer, n - kind)]
        self.deletes = kind == 5
        self.send = {3: self.sync, 5: self.delete}.get(kind, self.put)

    def put(self, client):
        return client.Registry.Put(reg.PutRequest(request_id=self.id,
            record=site(self.ids[0], self.nom)), timeout=30).revision

    def delete(self, client):
        return client.Registry.Delete(reg.DeleteRequest(request_id=self.id,
            kind=SITE, id=self.ids[0]), timeout=30).revision

    def sync(self, client):
        steps = [reg.SyncRequest(start=reg.SyncStart(request_id=self.id,
            source="lot-%d" % self.writer, mode=reg.SYNC_MODE_FULL,
            owner=AGENCY, kinds=[SITE]))]
        for i in range(0, SET, 5):
            steps.append(reg.SyncRequest(batch=reg.SyncBatch(records=[
                reg.SyncRecord(record=t.Record(kind=SITE, source_id="s%d" % j,
                site=site("x", self.nom).site)) for j in range(i, min(i + 5,
                SET))])))
        steps.append(reg.SyncRequest(end=reg.SyncEnd(records=SET)))
        answers = list(client.Registry.Sync(iter(steps), timeout=30))
        result = answers[-1].result
        assert result.refused == result.retired == 0, result
        return result.revision


class Writer:
    def __init__(self, number):
        self.number, self.requests, self.again = number, [], 0

    def live(self, register, rnd, until_all=False):
        """Send, until the daemon is gone; or only what has no answer."""
        client = register.client("agence")
        try:
            self.look_back(client, rnd)
            while not until_all:
                request = Request(self.number, len(self.requests))
                self.requests.append(request)
                request.revision = request.send(client)
        except grpc.RpcError as e:
            if e.code() not in GONE or until_all:
                raise
        finally:
            client.close()

    def look_back(self, client, rnd):
        """What was answered before the daemon died is there; the rest, and
        sometimes what was answered too, is sent again."""
        if not self.requests:
            return
        last = self.requests[-1]
        if not last.revision:
            last.revision = last.send(client)
        for request in self.requests[-3:]:
            if rnd.random() < 0.3:
                self.again += 1
                assert request.send(client) == request.revision, "done twice"
        for request in self.requests[-4:]:
            check_there(client, request)


def check_there(client, request):
    """As it stood at its own revision: whole."""
    for id_ in request.ids:
        try:
            record = client.Registry.Get(reg.GetRequest(kind=SITE, id=id_,
                as_of=reg.AsOf(revision=request.revision))).record
        except grpc.RpcError as e:
            if e.code() == Code.NOT_FOUND and request.deletes:
                continue
            raise
        assert not request.deletes, "%s was deleted" % id_
        assert record.site.nom == request.nom, (id_, record, request.nom)
        assert record.revision == request.revision, (id_, record)


class Watcher:
    """Each revision once and in order, over all lives."""

    def __init__(self, first):
        self.next, self.seen = first, {}

    def live(self, register, last=None):
        client = register.client("agence")
        try:
            for answer in client.Registry.Watch(reg.WatchRequest(
                    kinds=[SITE], from_revision=self.next), timeout=60):
                if answer.events:
                    assert answer.revision not in self.seen, answer.revision
                    self.seen.setdefault(answer.revision, set()).update(
                        e.record.id for e in answer.events)
                self.next = answer.revision + 1
                if last is not None and answer.revision >= last:
                    return
        except grpc.RpcError as e:
            assert e.code() in GONE and last is None, e
        finally:
            client.close()


class Failures(list):
    def run(self, function, *args):
        try:
            function(*args)
        except Exception as e:      # told by the main thread
            self.append(e)
            raise


# ---- one life ---------------------------------------------------------------------

def one_life(register, writers, watcher, rnd, failures, disk=None):
    """Start, let all write, kill; with `disk`, while a sync is under way."""
    register.start()
    threads = [threading.Thread(target=failures.run, args=(w.live, register,
        random.Random(rnd.random()))) for w in writers]
    threads.append(threading.Thread(target=failures.run, args=(watcher.live,
        register)))
    for thread in threads:
        thread.start()
    time.sleep(rnd.uniform(0, LONGEST))
    if disk is not None:
        disk.hold()
        disk.wait_held()
    register.kill()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a client hangs"
    assert not failures, failures


def killed_while_starting(register, rnd):
    with open(register.log, "ab") as log:
        daemon = subprocess.Popen([r.RESOPROD, "-c", register.conf],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=register.environment)
    time.sleep(rnd.uniform(0, 0.1))
    daemon.kill()
    daemon.wait()


# ---- the end: the register is what the answers say ---------------------------------

def expected(writers):
    """{id: (version, revision, nom or None: deleted)} and {revision: ids}."""
    records, revisions = {}, {}
    everything = [x for w in writers for x in w.requests]
    for request in sorted(everything, key=lambda x: x.revision):
        assert request.revision not in revisions, request.id
        revisions[request.revision] = set(request.ids)
        for id_ in request.ids:
            version = records.get(id_, (0,))[0] + 1
            records[id_] = (version, request.revision, None if
                request.deletes else request.nom)
    return records, revisions


def stored(client):
    found, token = {}, ""
    while True:
        page = client.Registry.List(reg.ListRequest(kind=SITE, page_size=1000,
            page_token=token))
        for x in page.records:
            found[x.id] = (x.version, x.revision, x.site.nom)
        token = page.next_page_token
        if not token:
            return found


def check_all(register, writers, watcher, first):
    client = register.client("agence")
    rnd = random.Random(1)
    for writer in writers:
        writer.live(register, rnd, until_all=True)
    records, revisions = expected(writers)
    head = client.Admin.Status(admin.StatusRequest()).revision
    assert sorted(revisions) == list(range(first, head + 1)), (
        "%d requests, revisions %d to %d" % (len(revisions), first, head))
    living = {k: v for k, v in records.items() if v[2] is not None}
    assert stored(client) == living
    for id_, (version, revision, nom) in records.items():
        history = client.Registry.History(reg.HistoryRequest(kind=SITE,
            id=id_, limit=1000)).entries
        assert [x.version for x in history] == list(range(version,
            version - len(history), -1)), id_
        assert history[0].revision == revision, id_
        assert (history[0].type == reg.CHANGE_TYPE_DELETED) == (nom is None)
    watcher.live(register, head)
    assert watcher.seen == revisions, "the watcher missed or invented"
    client.close()
    return len(revisions)


def directory():
    """On a disk, not in memory."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", r.scratch()],
        stdout=subprocess.PIPE, check=True).stdout.strip()
    if kind not in (b"tmpfs", b"ramfs"):
        return tempfile.mkdtemp(prefix="kill.", dir=r.scratch())
    path = tempfile.mkdtemp(prefix="kill.", dir=r.BUILD)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def main():
    rnd, disk = random.Random(SEED), faults.Disk(undo=True)
    data = directory() + "/data"
    print("seed %d" % SEED, flush=True)
    register = r.Register({("store", "dir"): data}, disk.environment).init()
    register.start()
    client = register.client("agence")
    first = client.Admin.Status(admin.StatusRequest()).revision + 1
    client.close()
    register.kill()
    writers = [Writer(i) for i in range(WRITERS)]
    watcher, failures = Watcher(first), Failures()
    end, rounds, cuts, lost = time.monotonic() + LIMIT, 0, 0, 0
    while rounds < ROUNDS and time.monotonic() < end:
        if rounds % 6 == 5:
            killed_while_starting(register, rnd)
        else:
            one_life(register, writers, watcher, rnd, failures,
                disk if rounds % 4 == 1 else None)
        if rounds % 2 == 1:
            cuts += 1
            disk.heal()
            lost += disk.power_cut(data + "/data.mdb", rnd)
        rounds += 1
    register.start()
    total = check_all(register, writers, watcher, first)
    register.stop()
    code, said = register.run("--verify")
    assert code == 0, said
    print("ok: %d kills, %d of them power cuts that lost %d blocks; %d writes, "
        "%d sent again though answered" % (rounds, cuts, lost, total,
        sum(w.again for w in writers)))
    assert rounds >= min(ROUNDS, 50), "%d rounds in %d s" % (rounds, LIMIT)
    assert lost > cuts and total > 20 * rounds


main()
