#!/usr/bin/python3
"""What a Get costs and what it gives: no allocation of ours, and the stored
bytes as they are.  A function is a test; its name is the claim."""
import os
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import faults
import rawh2 as h
import register as r
from register import AGENCY, messages

reg, t = messages("registry"), messages("types")
GET, PUT = "/resopro.v1.Registry/Get", "/resopro.v1.Registry/Put"
BATCH, SITE = "/resopro.v1.Registry/BatchGet", t.KIND_SITE


def count():
    with open(counter, "rb") as f:
        return struct.unpack("=Q", f.read(8))[0]


def put(c, id_, more=b""):
    """A site with bytes that no .proto of ours knows, here and within it."""
    site = t.Site(organisation_id=AGENCY, nom="Accueil de " + id_,
        code_insee="61169").SerializeToString() + more
    record = t.Record(kind=SITE, id=id_, owner=AGENCY).SerializeToString()
    record += field(t.Record.DESCRIPTOR.fields_by_name["site"].number, site)
    answer = c.call(PUT, h.message(field(2, record + more)))
    assert answer.grpc == 0, answer.fields


def field(number, body):
    out = b""
    for n in number << 3 | 2, len(body):
        while n >= 128:
            out, n = out + bytes([n % 128 + 128]), n // 128
        out += bytes([n])
    return out + body


def get(c, id_):
    return c.call(GET, h.message(reg.GetRequest(kind=SITE,
        id=id_).SerializeToString()))


def get__two_thousand_times__allocates_nothing(c):
    ids = ["lieu-%d" % i for i in range(50)]
    for id_ in ids:
        put(c, id_)
    for _ in range(5):
        for id_ in ids:
            assert get(c, id_).grpc == 0
    # A timer of the daemon may fall in one round; a call's own are in each.
    rounds = []
    while 0 not in rounds and len(rounds) < 5:
        before = count()
        for i in range(2000):
            assert get(c, ids[i % 50]).grpc == 0
        rounds.append(count() - before)
    assert 0 in rounds, "%s allocations" % rounds
    # The counter counts: a write allocates.
    put(c, "autre")
    assert count() > before


def get__fields_of_a_later_proto__given_back_byte_for_byte(c):
    later = field(1900, b"de plus tard") + b"\xc0\x3e\x2a"    # 1000: varint
    put(c, "futur", later)
    data = get(c, "futur").data
    assert data.count(later) == 2, data
    record = reg.GetResponse.FromString(data[5:]).record
    assert record.site.nom == "Accueil de futur" and record.version == 1


def get__and_batch_get__hold_the_same_bytes(c):
    one = get(c, "futur").data[5:]
    many = c.call(BATCH, h.message(reg.BatchGetRequest(names=[
        reg.RecordName(kind=SITE, id="futur")]).SerializeToString())).data[5:]
    assert one == many      # revision = 1; record = 2, or the first of them


counter = os.path.join(r.scratch(), "mallocs")
with r.Register({("workers", "count"): "1", ("store", "prefault"): "no"}, {
        "LD_PRELOAD": faults.preload("mallocs"),
        "TEST_MALLOCS": counter}) as register:
    connection = h.H2(register)
    failed = r.run_tests(globals(), connection)
    connection.close()
sys.exit(failed > 0)
