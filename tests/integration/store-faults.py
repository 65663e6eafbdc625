#!/usr/bin/python3
"""A real daemon on a disk that is slow, broken, full or read-only, and two
daemons that want the same: what was answered is on disk, what cannot be
written is refused by name, reads go on, and nothing is half done.  A function
is a test; its name is the claim."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import faults

mounts = faults.own_mounts()
import grpc

import rawh2 as h
import register as r
from register import AGENCY, messages, new_id, refusal

t, reg, admin = messages("types"), messages("registry"), messages("admin")
health = messages("grpc.health.v1.health")
Code = grpc.StatusCode
SITE = t.KIND_SITE


def request(id_, nom, request_id=None):
    return reg.PutRequest(request_id=request_id or new_id(), record=t.Record(
        kind=SITE, id=id_, owner=AGENCY, site=t.Site(organisation_id=AGENCY,
        nom=nom, code_insee="61169")))


def put(client, id_, nom, **options):
    return client.Registry.Put(request(id_, nom), **options)


def get(client, id_):
    """Its name, or None."""
    try:
        return client.Registry.Get(reg.GetRequest(kind=SITE,
            id=id_)).record.site.nom
    except grpc.RpcError as e:
        assert e.code() == Code.NOT_FOUND, e
        return None


def status(client):
    return client.Admin.Status(admin.StatusRequest())


def is_serving(client):
    check = client.channel.unary_unary("/grpc.health.v1.Health/Check",
        request_serializer=health.HealthCheckRequest.SerializeToString,
        response_deserializer=health.HealthCheckResponse.FromString)
    return check(health.HealthCheckRequest()).status == 1


def verifies(register):
    code, said = register.run("--verify")
    assert code == 0 and said.startswith("ok: revision"), said


# ---- a slow disk ----------------------------------------------------------------

def put__disk_is_slow__not_answered_before_the_sync(register, disk, client):
    put(client, "lent", "avant")
    disk.hold()
    future = client.Registry.Put.future(request("lent", "après"))
    disk.wait_held()
    assert get(client, "lent") == "avant" and is_serving(client)
    assert status(client).revision and not future.done()
    disk.heal()
    future.result(timeout=10)
    assert get(client, "lent") == "après"


def put__deadline_or_cancel_while_it_waits__nothing_is_written(register, disk,
        client):
    """On connections of their own, whose frames keep their order."""
    before, again = status(client).revision, new_id()
    disk.hold()
    first = client.Registry.Put.future(request("premier", "Premier"))
    disk.wait_held()        # the writer is busy: what comes now waits
    c, other = h.H2(register), h.H2(register)
    late, gone = (begin_put(c, id_, request_id, **headers)
        for id_, request_id, headers in (("tard", again, {"grpc_timeout":
        "200m"}), ("parti", new_id(), {})))
    begin_put(other, "perdu", new_id())
    answer = c.answer(late)
    assert answer.grpc == Code.DEADLINE_EXCEEDED.value[0], answer.fields
    c.send(h.frame(h.RST_STREAM, 0, gone, bytes([0, 0, 0, 8])))
    for each in c, other:   # it has read so far
        ping(each)
    connections = status(client).connections
    other.close()
    r.until(lambda: status(client).connections < connections, "it is gone")
    disk.heal()
    first.result(timeout=10)
    assert put(client, "dernier", "Dernier").revision == before + 2
    for id_ in "tard", "parti", "perdu":
        assert get(client, id_) is None, id_
    # The same intention later is done, once.
    for _ in range(2):
        assert client.Registry.Put(request("tard", "Attendu", again)).revision == \
            before + 3
    c.close()


def begin_put(c, id_, request_id, **headers):
    stream = c.open("/resopro.v1.Registry/Put", **headers)
    c.data(stream, h.message(request(id_, "Attendu", request_id)
        .SerializeToString()))
    return stream


def ping(c):
    answer = c.call("/grpc.health.v1.Health/Check", h.message(b""))
    assert answer.grpc == 0, answer.fields


def stop__a_write_waits_for_the_disk__it_is_answered_first(register, disk,
        client):
    """Two GOAWAYs: one that lets what is on its way arrive, then one that
    says what was the last."""
    idle, c = h.H2(register), h.H2(register)
    ping(idle)
    disk.hold()
    future = client.Registry.Put.future(request("juste", "avant la fin"))
    disk.wait_held()
    stream = begin_put(c, "encore", new_id())
    ping(c)
    register.daemon.terminate()
    while not c.goaways:
        assert c.read()
    assert c.goaways == [(0x7fffffff, 0)], c.goaways
    late = c.open("/grpc.health.v1.Health/Check")   # crosses the GOAWAY
    c.data(late, h.message(b""))
    assert c.answer(late).grpc == 0 and not c.answers[stream].ended
    while len(c.goaways) < 2:
        assert c.read()
    assert c.goaways[1] == (late, 0), c.goaways
    assert idle.end() == 0 and idle.closed      # waits for nobody
    disk.heal()
    future.result(timeout=10)
    assert c.answer(stream).grpc == 0
    assert c.end() == 0 and c.closed
    assert register.daemon.wait(timeout=20) == 0
    register.daemon = None
    register.start()
    assert get(client, "juste") == "avant la fin"


# ---- a broken disk --------------------------------------------------------------

def sync__fails__writes_end_reads_go_on_and_a_restart_has_all(register, disk,
        client):
    put(client, "casse", "avant")
    before = status(client).revision
    disk.fail()
    refused = request("casse", "après")
    refusal(lambda: client.Registry.Put(refused), Code.UNAVAILABLE)
    disk.heal()     # nobody knows what it holds: not a matter of waiting
    error = refusal(lambda: client.Registry.Put(refused), Code.UNAVAILABLE)
    assert "restart" in error.details(), error.details()
    assert r.details(error)["ErrorInfo"].reason == "STORE_BROKEN"
    assert get(client, "casse") == "avant" and is_serving(client)
    assert status(client).revision == before and status(client).writes_refused
    register.expected = rb"event=store_broken"
    register.stop()
    verifies(register)
    register.start()
    assert get(client, "casse") == "avant"
    assert client.Registry.Put(refused).revision == before + 1
    assert not status(client).writes_refused


# ---- a full disk ----------------------------------------------------------------

def put__disk_is_full__refused_until_there_is_space(register, disk, client):
    watch = client.Registry.Watch(reg.WatchRequest(kinds=[SITE]))
    written = {}

    def fill_up():
        disk.fill()
        for n in range(5000):
            id_ = "plein-%d" % len(written)
            try:
                put(client, id_, "n " * 70 + id_)
            except grpc.RpcError as e:
                return e
            written[id_] = True
        raise AssertionError("the disk does not fill")

    for _ in range(3):
        error = fill_up()
        assert error.code() == Code.RESOURCE_EXHAUSTED, error
        found = r.details(error)
        assert found["ErrorInfo"].reason == "STORE_FULL"
        assert found["RetryInfo"].retry_delay.seconds > 0
        assert "space" in error.details()
        assert status(client).writes_refused and is_serving(client)
        for id_ in list(written)[:3] + list(written)[-3:]:
            assert get(client, id_).endswith(id_)
        assert get(client, "plein-%d" % len(written)) is None
        # A whole set too, and it leaves nothing.
        refusal(lambda: list(client.Registry.Sync(iter(a_set(400)))),
            Code.RESOURCE_EXHAUSTED)
        disk.free()
        put(client, "place", "libre")   # without a restart
        assert not status(client).writes_refused
    assert list(client.Registry.Sync(iter(a_set(400))))[-1].result.created == \
        400
    seen = set()
    while not seen.issuperset(written):
        seen.update(x.record.id for x in next(watch).events)
    watch.cancel()


def a_set(n):
    yield reg.SyncRequest(start=reg.SyncStart(source="essai", owner=AGENCY,
        mode=reg.SYNC_MODE_DELTA, request_id=new_id(), kinds=[SITE]))
    yield reg.SyncRequest(batch=reg.SyncBatch(records=[reg.SyncRecord(
        record=t.Record(kind=SITE, source_id="s%d" % i, site=t.Site(
        organisation_id=AGENCY, nom="Lieu %d" % i, description="d" * 1000,
        code_insee="61169"))) for i in range(n)]))
    yield reg.SyncRequest(end=reg.SyncEnd(records=n))


def start__disk_is_full__serves_reads(register, disk, client):
    put(client, "reste", "Reste")
    disk.fill()
    register.stop()
    register.start()
    assert get(client, "reste") == "Reste" and is_serving(client)
    disk.free()
    put(client, "reste", "encore là")
    register.stop()
    verifies(register)
    register.start()


def init__disk_is_full__refused_and_leaves_no_register(register, disk, client):
    disk.fill()
    conf = os.path.join(register.dir, "autre.conf")
    with open(register.conf) as f, open(conf, "w") as out:
        out.write(f.read().replace("/disk/data", "/disk/autre"))
    done = resoprod("-c", conf, "--init", "agence")
    assert done.returncode == 1 and b"space" in done.stdout, done
    disk.free()
    done = resoprod("-c", conf, "--init", "agence")
    assert done.returncode == 0, done


def resoprod(*args):
    return subprocess.run([r.RESOPROD] + list(args), timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


# ---- a read-only disk -----------------------------------------------------------

def start__directory_is_read_only__refused_with_the_remedy(register, disk,
        client):
    data = os.path.dirname(disk.ballast)
    register.stop()
    faults.mount("-o", "remount,ro", data)
    try:
        for args in (), ("--init", "agence"):
            done = resoprod("-c", register.conf, *args)
            assert done.returncode == 1, done
            assert b"Read-only file system" in done.stdout, done
            assert data.encode() in done.stdout and b"right" in done.stdout
    finally:
        faults.mount("-o", "remount,rw", data)
    register.start()
    assert get(client, "reste") == "encore là"


# ---- two daemons ----------------------------------------------------------------

def start__second_daemon_of_a_directory__refused_naming_the_first(register,
        disk, client):
    other = r.Register({("store", "dir"): register.data})
    for args in (), ("--init", "agence"):
        code, said = other.run(*args)
        assert code == 1 and "in use by process %d" % register.daemon.pid in \
            said, said
    verifies(register)      # which only reads
    put(client, "seul", "maître à bord")


def start__second_daemon_of_a_port__refused(register, disk, client):
    """Of the same user: the kernel would share connections between them."""
    other = r.Register({("listen", "address"): "127.0.0.1:%d" %
        register.port}).init()
    code, said = other.run()
    assert code == 1 and str(register.port) in said, said
    assert get(client, "seul") == "maître à bord"


# ---- run ------------------------------------------------------------------------

ON_A_SMALL_DISK = ("full", "read_only")


def run(tests, disk, options=None, environment=None):
    with r.Register(options, environment) as register:
        register.data = (options or {}).get(("store", "dir"), register.dir +
            "/data")
        client = register.client("agence")
        failed = r.run_tests(tests, register, disk, client)
        client.close()
    if failed == 0:
        verifies(register)
    return failed


small = {name: test for name, test in globals().items() if "__" in name and
    any(word in name for word in ON_A_SMALL_DISK)}
other = {name: test for name, test in globals().items() if name not in small}
disk = faults.Disk()
disk.heal()
failed = run(other, disk, {("workers", "count"): "1"}, disk.environment)
if mounts:
    path = os.path.join(r.scratch(), "disk")
    failed += run(small, faults.SmallDisk(path), {("store", "dir"): path +
        "/data"})
else:
    for name in small:
        print("[ SKIPPED  ] %s: no right to mount" % name)
sys.exit(failed > 0)
