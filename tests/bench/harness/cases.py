"""What is measured.  A case gives rows: (system, Row), as a rule one; to add
one, add it to ALL, its load generator's words to the systems that have it, and
its target to targets.py.

A shape is connections x streams, unless a case says otherwise.
"""
import json
import re
import subprocess
import threading
import time

from . import machine
from .systems import OURS

FIELDS = ("rate", "p50_us", "p99_us", "cpu_us", "rss_kb")


class Scale:
    """How long and how much: the benchmark's, or a test's of the benchmark."""

    def __init__(self, seconds=3.0, warmup=1.0, records=100000, sync=10000,
            shapes=None, sizes=(1000, 10000, 100000, 1000000), idle=1000,
            watches=("1000x1", "100x100"), watch_rounds=20):
        self.seconds, self.warmup = seconds, warmup
        self.records, self.sync = records, sync
        self.shapes = shapes or ("1x1", "16x16", "100x10")
        self.sizes, self.idle = sizes, idle
        self.watches, self.watch_rounds = watches, watch_rounds


SMALL = dict(seconds=0.2, warmup=0.1, records=600, sync=50, shapes=("2x2",),
    sizes=(300, 600), idle=5, watches=("2x3",), watch_rounds=2)


class Row:
    """What one run gave; None: not known, or without meaning."""

    def __init__(self, **fields):
        self.note = fields.pop("note", "")
        self.client = fields.pop("client", None)   # share of its core
        for name in FIELDS:
            setattr(self, name, fields.pop(name, None))
        assert not fields, fields


def row_of(line, **fields):
    """A Row from a load generator's line."""
    got = {"rate": line["rate"], "p50_us": line["p50_us"],
        "p99_us": line["p99_us"], "cpu_us": line.get("server_cpu_us"),
        "rss_kb": line.get("rss_anon_kb"),
        "client": line["client_cpu"] / line["seconds"]
            if line["seconds"] > 0 else None}
    got.update(fields)
    return Row(**got)


def shape_options(shape):
    connections, streams = shape.split("x")
    return {"connections": int(connections), "streams": int(streams)}


def count_name(n):
    for unit, name in ((1000000, "M"), (1000, "k")):
        if n % unit == 0:
            return "%d%s" % (n // unit, name)
    return str(n)


class Case:
    """A case that makes calls of one kind in a closed loop."""

    writes = False          # starts from fresh data at each shape
    metric = "rate"         # what is compared; "rate": more is better
    alone = "p50_us"        # the metric at 1x1: one call at a time
    unit = "calls/s"        # of the rate
    only = None             # systems, where not all that have the words

    def __init__(self, name, title, **attributes):
        self.name, self.title = name, title
        self.__dict__.update(attributes)

    def shapes(self, scale):
        return scale.shapes

    def metric_of(self, shape):
        return self.alone if shape == "1x1" else self.metric

    def possible(self, system):
        return system.can(self.name) and (self.only is None or
            system.name in self.only)

    def system(self, system, shape, scale):
        """The system that this shape is measured on."""
        return system

    def start(self, system, shape, scale):
        system.start(writes=self.writes)

    def measure(self, system, shape, scale):
        line = system.load(self.name, seconds=scale.seconds,
            warmup=scale.warmup, **shape_options(shape))
        return [(system.name, row_of(line))]


class Handshakes(Case):
    """Connect, one call, close; 8 at a time.  The rate is often the client's
    limit: the server's processor time is compared."""

    metric = "cpu_us"
    unit = "connections/s"

    def shapes(self, scale):
        return ("8x1",)


class Sets(Case):
    """A member's whole set, again and again, on one stream; units are records.
    The shape is streams x records."""

    writes = True
    unit = "records/s"
    changed = 0             # per mille
    sets = 10

    def shapes(self, scale):
        return ("1x%d" % scale.sync,)

    def metric_of(self, shape):
        return self.metric

    def measure(self, system, shape, scale):
        options = dict(records=scale.sync, connections=1, streams=1,
            first=scale.records)
        if self.name != "sync-new":     # what is there before
            system.load(self.name, calls=1, changed=0, **options)
        line = system.load(self.name, calls=self.sets,
            changed=scale.sync * self.changed // 1000, **options)
        return [(system.name, row_of(line))]


class Watches(Case):
    """One change, told to every watch: until the last has it."""

    writes = True
    metric = "p50_us"
    unit = "deliveries/s"

    def shapes(self, scale):
        return scale.watches

    def measure(self, system, shape, scale):
        line = system.load(self.name, rounds=scale.watch_rounds,
            **shape_options(shape))
        return [(system.name, row_of(line))]


class Idle(Case):
    """Connections that have made one call and wait: memory of each."""

    metric = "rss_kb"
    unit = "connections/s"

    def shapes(self, scale):
        return ("%dx1" % scale.idle,)

    def measure(self, system, shape, scale):
        # what a first connection sets up is not one connection's
        system.load(self.name, connections=1)
        line = system.load(self.name, connections=scale.idle)
        return [(system.name, Row(rss_kb=line["kb_each"],
            cpu_us=line["server_cpu_us"]))]


class Memory(Case):
    """Memory with all records, after calls, beyond the page cache."""

    metric = "rss_kb"

    def shapes(self, scale):
        return (count_name(scale.records),)

    def possible(self, system):
        return system.can("get")

    def measure(self, system, shape, scale):
        system.load("get", seconds=scale.seconds, warmup=0,
            connections=16, streams=16)
        all_, ours = machine.memory_kb(system.pid)
        return [(system.name, Row(rss_kb=ours,
            note="with its page cache %d KB" % all_))]


class Mixed(Case):
    """Reads at 2,000 a second, whatever the answers do, beside puts as fast as
    they go on 4x32."""

    writes = True
    metric = "p99_us"
    rate = 2000

    def shapes(self, scale):
        return ("8x64",)

    def possible(self, system):
        return system.name in (OURS, "etcd")    # an open loop: resopro-load's

    def measure(self, system, shape, scale):
        puts = system.spawn_load("put", connections=4, streams=32,
            seconds=scale.seconds + 1, warmup=scale.warmup)
        try:
            line = system.load("get", rate=self.rate, seconds=scale.seconds,
                warmup=scale.warmup, **shape_options(shape))
        finally:
            written = system.result("put", puts)
        return [(system.name, row_of(line, cpu_us=None,
            note="beside %d puts/s" % written["rate"]))]


class Start(Case):
    """From the start of the program to its first answer over mutual TLS.  The
    shape: records, and whether its files are in the page cache."""

    metric = "p50_us"

    def __init__(self, name, title, **attributes):
        super().__init__(name, title, **attributes)
        self.began = None

    def shapes(self, scale):
        return ["%s-%s" % (count_name(n), cache) for n in
            sorted({scale.records, scale.sizes[-1]}) for cache in
            ("warm", "cold")]

    def records(self, shape, scale):
        return {count_name(n): n for n in (scale.records,
            scale.sizes[-1])}[shape.split("-")[0]]

    def possible(self, system):
        return system.can("first")

    def metric_of(self, shape):
        return self.metric

    def system(self, system, shape, scale):
        n = self.records(shape, scale)
        if n > scale.records and system.name not in (OURS, "slapd"):
            return None     # minutes to fill, and no target
        return type(system)(system.place, n)

    def start(self, system, shape, scale):
        """Somebody asks from before the start on, so that no time is lost."""
        system.ready_to_start(cold=shape.endswith("cold"))
        asking = system.spawn_load("first", pid=None, hold=120)
        answered = []

        def wait():
            out = asking.stdout.readline()
            answered.append((time.monotonic(), out))

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.1)         # it has begun to ask, in vain
        began = time.monotonic()
        system.launch_ready()
        waiting.join()
        asking.communicate()
        at, out = answered[0]
        if not out or json.loads(out)["errors"]:
            raise machine.Failure("%s did not answer" % system.name)
        self.began = (at - began) * 1e6

    def measure(self, system, shape, scale):
        all_, ours = machine.memory_kb(system.pid)
        return [(system.name, Row(p50_us=self.began, rss_kb=ours))]


class Growth(Case):
    """The same calls on more and more records.  The shape: records."""

    only = (OURS,)

    def shapes(self, scale):
        return [count_name(n) for n in scale.sizes]

    def possible(self, system):
        return system.name in self.only

    def metric_of(self, shape):
        return self.metric

    def system(self, system, shape, scale):
        return type(system)(system.place,
            {count_name(n): n for n in scale.sizes}[shape])

    def measure(self, system, shape, scale):
        line = system.load(self.name.split("-")[1], seconds=scale.seconds,
            warmup=scale.warmup, connections=16, streams=16)
        return [(system.name, row_of(line))]


class Agreement(Case):
    """Our load generator against h2load, which has no client certificate: both
    ask for one record, h2load with a token."""

    only = (OURS,)
    BODY = b"\x08\x02\x12\x0dbench-0000000"     # GetRequest of a site

    def shapes(self, scale):
        return [s for s in scale.shapes if s != "1x1"]

    def possible(self, system):
        return system.name in self.only

    def measure(self, system, shape, scale):
        options = shape_options(shape)
        line = system.load("get", keys=1, seconds=scale.seconds,
            warmup=scale.warmup, **options)
        return [(system.name, row_of(line)), ("h2load",
            self.h2load(system, options, scale))]

    def h2load(self, system, options, scale):
        body = system.place.path("work", "get.bin")
        with open(body, "wb") as f:
            f.write(b"\0" + len(self.BODY).to_bytes(4, "big") + self.BODY)
        argv = ["h2load", "-c", options["connections"], "-m",
            options["streams"], "-D", max(1, round(scale.seconds)),
            "--warm-up-time", max(1, round(scale.warmup)), "-d", body,
            "-H", "content-type: application/grpc", "-H", "te: trailers",
            "-H", "authorization: Bearer " + system.token(),
            "--tls13-ciphers", "TLS_AES_128_GCM_SHA256",
            "https://localhost:%d/resopro.v1.Registry/Get" % system.port]
        done = subprocess.run([str(a) for a in
            system.place.on_load_core(argv)], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return self.read(done.stdout)

    @staticmethod
    def read(said):
        """It does not look at a grpc-status: a call that was refused is told
        by the record that its answer lacks."""
        rate = re.search(r"finished in \S+, ([\d.]+) req/s", said)
        calls = re.search(r"requests: (\d+) total.* (\d+) failed", said)
        data = re.search(r"\((\d+)\) data", said)
        if not rate or not calls or not data:
            raise machine.Failure("h2load: " + said.strip()[-300:])
        total, failed = map(int, calls.groups())
        if failed or total == 0 or int(data.group(1)) < 900 * total:
            raise machine.Failure("h2load: %d of %d calls failed, %s bytes" %
                (failed, total, data.group(1)))
        return Row(rate=float(rate.group(1)))


ALL = {case.name: case for case in (
    Case("get", "Get, one record"),
    Case("batchget", "BatchGet, 100 records"),
    Case("list", "List, a page of 100"),
    Case("find", "Find, a referral over all sites"),
    Case("put", "Put, durable", writes=True, alone="rate"),
    Sets("sync-new", "Sync, new records, durable"),
    Sets("sync-same", "Sync, unchanged records"),
    Sets("sync-changed", "Sync, 1 % changed", changed=10),
    Watches("watch", "Watch, one change, last delivery"),
    Handshakes("handshake", "Full handshakes, mutual TLS"),
    Handshakes("resume", "Resumed handshakes"),
    Mixed("mixed", "Reads at 2,000/s beside puts"),
    Memory("memory", "Memory beyond the page cache"),
    Idle("idle", "An idle connection"),
    Start("start", "Start to the first answer"),
    Growth("growth-get", "Get, as the register grows"),
    Growth("growth-put", "Put, as the register grows", writes=True),
    Agreement("agree", "resopro-load against h2load"),
)}
