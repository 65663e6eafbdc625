#!/usr/bin/python3
"""Bad input, each with its answer, and the daemon serving on: frames, headers
and messages that no client sends, floods, half a handshake, certificates.
A function is a test; its name is the claim."""
import gzip
import os
import random
import re
import socket
import ssl
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))

import certificates
import rawh2 as h
import register as r
from register import messages

reg, t, admin = messages("registry"), messages("types"), messages("admin")
rpc_status = messages("google.rpc.status")
kinds = messages("google.rpc.error_details")
OK, INVALID, DEADLINE, EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 3, 4, 8, 12, 13
GET, BATCH = "/resopro.v1.Registry/Get", "/resopro.v1.Registry/BatchGet"
PUT, SYNC = "/resopro.v1.Registry/Put", "/resopro.v1.Registry/Sync"
REFER = "/resopro.v1.Referrals/Find"
REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
# HTTP/2's errors
PROTOCOL, FLOW, SETTINGS_TIMEOUT, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION, \
    CALM = 1, 3, 4, 5, 6, 7, 8, 9, 11
CLOSE = struct.pack(">I", CANCEL)


def good():
    return reg.GetRequest(kind=t.KIND_ORGANISATION,
        id=r.AGENCY).SerializeToString()


def serves(c):
    """The connection does, as if nothing had been."""
    answer = c.call(GET, h.message(good()))
    assert answer.grpc == OK and len(answer.data) > 50, (answer.fields,
        answer.reset, c.goaway)


def explained(answer, reason=None, field=None):
    """The refusal as google.rpc.Status says the same, and names its reason."""
    status = rpc_status.Status.FromString(answer.details)
    assert status.code == answer.grpc and status.message, status
    info = kinds.ErrorInfo.FromString(status.details[0].value)
    assert info.domain == "resopro" and re.fullmatch("[A-Z][A-Z0-9_]+",
        info.reason) and info.reason not in r.NO_REASON | {"BUG"}, info
    assert reason in (None, info.reason), (reason, info)
    assert field in (None, info.metadata.get("field")), (field, info)


def says(code, path, raw, reason=None, field=None, **changes):
    """One call with these bytes ends with this status and its details, and
    the same connection serves the next call."""
    c = h.H2(context)
    answer = c.call(path, raw, **changes)
    assert answer.grpc == code and answer.http == 200, (answer.fields,
        answer.reset, c.goaway, raw[:40])
    if code != OK:
        explained(answer, reason, field)
    serves(c)
    c.close()
    return answer


def varint(n):
    out = b""
    while n >= 128:
        out, n = out + bytes([n % 128 + 128]), n // 128
    return out + bytes([n])


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


# ---- gRPC frames ---------------------------------------------------------------

def frame__good__is_answered():
    says(OK, GET, h.message(good()))


def frame__cut_or_absent__invalid():
    for cut in 1, 4, 5, 9:
        says(INVALID, GET, h.message(good())[:cut], "CUT")
    says(INVALID, GET, b"", "CARDINALITY")


def frame__length_that_lies__invalid():
    body = good()
    for length in len(body) + 1, len(body) + 1000:
        says(INVALID, GET, h.message(body, length=length), "CUT")
    for length in len(body) - 1, 1, 0:
        says(INVALID, GET, h.message(body, length=length), "CARDINALITY")


def frame__longer_than_the_limit__exhausted_before_it_comes():
    for length in (4 << 20) + 1, 0x7fffffff, 0xffffffff:
        c = h.H2(context)
        stream = c.open(GET)
        c.data(stream, h.message(b"", length=length), end=False)
        answer = c.answer(stream)
        assert answer.grpc == EXHAUSTED
        explained(answer, "MESSAGE_TOO_LARGE")
        serves(c)
        c.close()


def frame__two_messages_in_a_unary_call__invalid():
    says(INVALID, GET, h.message(good()) * 2, "CARDINALITY")


def frame__compressed_flag_without_encoding__internal():
    says(INTERNAL, GET, h.message(gzip.compress(good()), 1),
        "COMPRESSED_FLAG")
    for flag in 1, 2, 255:
        says(INTERNAL, GET, h.message(good(), flag), "COMPRESSED_FLAG")


def gzip__damaged_cut_trailing_or_a_bomb__refused_in_bounded_memory():
    packed = gzip.compress(good())
    says(OK, GET, h.message(packed, 1), grpc_encoding="gzip")
    for bad in (packed[:-9], packed + b"x", b"\0" * 40, b"",
            packed[:12] + b"\xff" + packed[13:]):
        says(INVALID, GET, h.message(bad, 1), "GZIP", grpc_encoding="gzip")
    before = memory()
    for size in 5 << 20, 64 << 20, 256 << 20:
        bomb = gzip.compress(bytes(size), 9)
        says(EXHAUSTED, GET, h.message(bomb, 1), "MESSAGE_TOO_LARGE",
            grpc_encoding="gzip")
    stays_within(32, before)


def answer__longer_than_the_limit__exhausted():
    names = [reg.RecordName(kind=t.KIND_ORGANISATION, id=r.AGENCY)] * 1000
    says(EXHAUSTED, BATCH, h.message(reg.BatchGetRequest(
        names=names).SerializeToString()), "MESSAGE_TOO_LARGE")
    says(OK, BATCH, h.message(reg.BatchGetRequest(
        names=names[:50]).SerializeToString()))


def requests__half_sent_by_many__bounded_in_all():
    """8 MiB of a worker's: what comes beyond is refused, and told when to
    try again; it is served once they are gone."""
    c, streams = h.H2(context), []
    for _ in range(20):
        streams.append(c.open(GET))
        c.data(streams[-1], h.message(b"", length=4 << 20) + bytes(1 << 20),
            end=False)
    refused = [s for s in streams if c.answers[s].ended]
    for stream in refused:
        assert c.answers[stream].grpc == EXHAUSTED, c.answers[stream].fields
        explained(c.answers[stream], "SERVER_BUSY")
    assert 10 <= len(refused) <= 13, len(refused)
    for stream in streams:
        if stream not in refused:
            c.send(h.frame(h.RST_STREAM, 0, stream, CLOSE))
    serves(c)
    c.close()


def encoding__unknown__unimplemented_and_ours_are_named():
    answer = says(UNIMPLEMENTED, GET, h.message(good(), 1), "ENCODING",
        grpc_encoding="br")
    assert "gzip" in answer.fields["grpc-accept-encoding"]


# ---- protobuf ------------------------------------------------------------------

def text__not_utf8_or_with_nul__invalid_and_names_the_field():
    for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
            b"caf\xe9", b"\xe2\x82", b"a\0b"):
        reason = "NUL" if 0 in bad else "UTF8"
        says(INVALID, GET, h.message(b"\x08\x01" + field(2, bad)), reason,
            "id")
        record = field(1, b"un") + b"\x10\x02" + field(SITE, field(2, bad))
        says(INVALID, PUT, h.message(field(2, record)), reason,
            "record.site.nom")


SITE = t.Record.DESCRIPTOR.fields_by_name["site"].number
assert t.Site.DESCRIPTOR.fields_by_name["nom"].number == 2


def nesting__deep__invalid():
    deep = b""
    for _ in range(5000):
        deep = field(SITE, deep)
    says(INVALID, PUT, h.message(field(2, deep)))
    for n in 1, 10, 100000:         # groups, which proto3 has not
        says(INVALID, GET, h.message(good() + b"\x7b" * n + b"\x7c" * n),
            "WIRE_TYPE")


def fields__a_million_tiny_ones__exhausted_in_bounded_memory():
    before = memory()
    for tiny in b"\x0a\x00", b"\x0a\x02\x08\x01", b"\xfa\x7f\x00":
        says(EXHAUSTED, BATCH, h.message(tiny * 1000000), "MESSAGE_MEMORY")
    says(EXHAUSTED, GET, h.message(good() + b"\x78\x00" * 1000000),
        "MESSAGE_MEMORY")
    stays_within(100, before)


def memory():
    with open("/proc/%d/statm" % context.daemon.pid) as f:
        return int(f.read().split()[1]) * 4096


def stays_within(mib, before):
    assert r.is_instrumented() or memory() - before < mib << 20, (before,
        memory())


def wire__lies_and_unknown_types__invalid():
    for bad in (b"\x12\x05ab", b"\x12\xff\xff\xff\xff\x0f", b"\x00\x01",
            b"\x08", b"\x08" + b"\xff" * 11, b"\x0e\x00", b"\x0f\x00",
            b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", b"\x15abc",
            b"\x11abc"):
        says(INVALID, GET, h.message(bad))


def unknown_fields__of_every_type__are_taken():
    for body in b"\x78\x01", b"\x7a\x03abc", b"\x79" + b"8" * 8, b"\x7d1234":
        says(OK, GET, h.message(good() + body))


def noise__ten_thousand_random_messages__each_is_answered():
    rng = random.Random(7)
    c = h.H2(context)
    codes = set()
    for i in range(10000):
        raw = bytearray(PUT_BODY)
        for _ in range(rng.randint(1, 6)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        if i % 2:
            raw = rng.randbytes(rng.randint(0, 60))
        answer = c.call((GET, PUT, BATCH, SYNC, REFER)[i % 5],
            h.message(bytes(raw)))
        assert answer.grpc not in (None, INTERNAL), (answer.grpc, bytes(raw))
        codes.add(answer.grpc)
        if answer.grpc != OK:
            explained(answer)
    assert INVALID in codes and len(codes) > 2, codes
    c.close()


PUT_BODY = reg.PutRequest(request_id="", record=t.Record(kind=t.KIND_SITE,
    id="bruit", owner=r.AGENCY, site=t.Site(organisation_id=r.AGENCY,
    nom="Un accueil", code_insee="14118", horaires_accueil="Mo-Fr 09:00-17:00",
    courriel="accueil@example.org", telephone="+33231000000", siret="",
    position=t.Position(latitude=49.1, longitude=-0.3)))).SerializeToString()


# ---- headers -------------------------------------------------------------------

def headers__no_such_method__unimplemented():
    for path in ("/resopro.v1.Registry/Absent", "/", "/resopro.v1.Registry",
            "/resopro.v1.Registry/Get/", "/resopro.v1.Registry/get"):
        says(UNIMPLEMENTED, path, h.message(good()), "METHOD")


def headers__no_grpc_call__http_status():
    c = h.H2(context)
    for kind in ("application/json", "text/html", "application/grpc-web",
            "application/grpc+json", "application/grpcx", "", None):
        answer = c.call(GET, h.message(good()), content_type=kind)
        assert answer.http == 415 and answer.grpc is None, kind
    for method in "GET", "HEAD", "PUT", "OPTIONS":
        answer = c.answer(c.open(GET, end=True, __method=method))
        assert answer.http == 405 and answer.fields["allow"] == "POST"
    for kind in "application/grpc+proto", "application/grpc;charset=utf-8":
        assert c.call(GET, h.message(good()), content_type=kind).grpc == OK
    c.close()


def headers__te_absent__invalid():
    says(INVALID, GET, h.message(good()), "TE", te=None)


def headers__timeout_malformed__invalid():
    for timeout in ("abc", "1", "999999999S", "-1S", "1X", "", "1.5S", "S",
            "0x1S"):
        says(INVALID, GET, h.message(good()), "TIMEOUT", grpc_timeout=timeout)
    for timeout in "5S", "99999999H", "1000000u":
        says(OK, GET, h.message(good()), grpc_timeout=timeout)


def headers__larger_than_the_limit__exhausted():
    for extra in ([("x-large", "x" * 17000)], [("x%d" % i, "")
            for i in range(1000)], [("x-a", "y" * 9000), ("x-b", "z" * 60000)]):
        c = h.H2(context)
        answer = c.answer(c.open(GET, end=True, extra=extra))
        assert answer.grpc == EXHAUSTED, (answer.fields, answer.reset,
            c.goaway)
        explained(answer, "HEADERS_TOO_LARGE")
        serves(c)
        c.close()


def headers__malformed__stream_is_reset():
    """RFC 9113, 8.2 and 8.3: a request that is no request."""
    usual = h.headers_of(GET)
    for bad in (usual + [("UPPER", "x")], usual + [("connection", "close")],
            usual + [("transfer-encoding", "chunked")],
            usual + [("x-crlf", b"a\r\nb")], usual + [("x-nul", b"a\0b")],
            usual + [("bad name", "x")], usual + [("", "x")],
            h.headers_of(GET, te="gzip"), h.headers_of(GET, __scheme=None),
            h.headers_of(GET, __path=None), h.headers_of(GET, __path=""),
            h.headers_of(GET, __method=None), usual + [(":path", "/late")],
            [(":path", GET)] + usual, usual[:3] + [(":status", "200")] +
            usual[3:], usual[:3] + [(":other", "x")] + usual[3:]):
        c = h.H2(context)
        answer = c.answer(c.open_block(h.block(bad), end=True))
        assert answer.reset == PROTOCOL and not answer.fields, (bad,
            answer.reset, answer.fields, c.goaway)
        serves(c)
        c.close()


def body__not_as_long_as_content_length__stream_is_reset():
    c = h.H2(context)
    for length in "1", "1000":
        assert c.call(GET, h.message(good()), content_length=length).reset == \
            PROTOCOL
    size = str(len(h.message(good())))
    assert c.call(GET, h.message(good()), content_length=size).grpc == OK
    c.close()


# ---- HTTP/2 --------------------------------------------------------------------

def reset__in_the_middle_of_a_message__the_connection_serves_on():
    c = h.H2(context)
    for _ in range(50):
        stream = c.open(PUT)
        c.data(stream, h.message(b"x" * 500)[:100], end=False)
        c.send(h.frame(h.RST_STREAM, 0, stream, CLOSE))
    serves(c)
    c.close()


def ask(stream, flags=h.END_HEADERS, **changes):
    return h.frame(h.HEADERS, flags, stream, h.block(h.headers_of(GET,
        **changes)))


def setting(number, value):
    return h.frame(h.SETTINGS, 0, 0, struct.pack(">HI", number, value))


# What: frames; the errors that RFC 9113 allows for them.
VIOLATIONS = {
    "DATA on stream 0": (h.frame(h.DATA, 0, 0, b"x"), PROTOCOL),
    "DATA on an idle stream": (h.frame(h.DATA, 0, 5, b"x"), PROTOCOL),
    "DATA on a stream that was reset": (ask(1) + h.frame(h.RST_STREAM, 0, 1,
        CLOSE) + h.frame(h.DATA, 0, 1, b"x"), CLOSED, None),
    "padding longer than the frame": (ask(1) + h.frame(h.DATA, h.PADDED, 1,
        b"\x05abc"), PROTOCOL),
    "HEADERS on stream 0": (ask(0), PROTOCOL),
    "HEADERS on an even stream": (ask(2), PROTOCOL),
    "HEADERS on an older stream": (ask(5) + ask(3), PROTOCOL, CLOSED, None),
    "HEADERS that are no HPACK": (h.frame(h.HEADERS, 4, 1, b"\xff" * 8),
        COMPRESSION),
    "an index that the table has not": (h.frame(h.HEADERS, 4, 1, b"\xfe"),
        COMPRESSION),
    "a table larger than allowed": (h.frame(h.HEADERS, 4, 1, b"\x3f\xe1\xff"
        b"\x07" + h.block(h.headers_of(GET))), COMPRESSION),
    "another frame within a header list": (ask(1, 0) + h.frame(h.DATA, 1, 1),
        PROTOCOL),
    "another stream within a header list": (ask(1, 0) + ask(3), PROTOCOL),
    "CONTINUATION of nothing": (h.frame(h.CONTINUATION, 4, 1), PROTOCOL),
    "CONTINUATION of another stream": (ask(1, 0) + h.frame(h.CONTINUATION, 4,
        3), PROTOCOL),
    "SETTINGS of 5 bytes": (h.frame(h.SETTINGS, 0, 0, b"12345"), SIZE),
    "SETTINGS on a stream": (h.frame(h.SETTINGS, 0, 1), PROTOCOL),
    "an answer to SETTINGS with bytes": (h.frame(h.SETTINGS, h.ACK, 0,
        b"123456"), SIZE),
    "window size out of range": (setting(4, 0xffffffff), FLOW),
    "frame size out of range": (setting(5, 100), PROTOCOL),
    "ENABLE_PUSH of 2": (setting(2, 2), PROTOCOL),
    "PING of 4 bytes": (h.frame(h.PING, 0, 0, b"1234"), SIZE),
    "PING on a stream": (h.frame(h.PING, 0, 1, b"12345678"), PROTOCOL),
    "WINDOW_UPDATE of nothing": (h.frame(h.WINDOW_UPDATE, 0, 0, b"\0\0\0\0"),
        PROTOCOL),
    "WINDOW_UPDATE of 3 bytes": (h.frame(h.WINDOW_UPDATE, 0, 0, b"123"), SIZE),
    "WINDOW_UPDATE beyond 2^31": (h.frame(h.WINDOW_UPDATE, 0, 0,
        b"\x7f\xff\xff\xff"), FLOW),
    "RST_STREAM on an idle stream": (h.frame(h.RST_STREAM, 0, 9, CLOSE),
        PROTOCOL),
    "RST_STREAM on stream 0": (h.frame(h.RST_STREAM, 0, 0, CLOSE), PROTOCOL),
    "RST_STREAM of 3 bytes": (ask(1) + h.frame(h.RST_STREAM, 0, 1, b"123"),
        SIZE),
    "PUSH_PROMISE by a client": (ask(1) + h.frame(h.PUSH_PROMISE, 4, 1,
        b"\0\0\0\2"), PROTOCOL),
    "GOAWAY on a stream": (h.frame(h.GOAWAY, 0, 1, b"\0" * 8), PROTOCOL),
    "a frame larger than allowed": (h.frame(h.DATA, 0, 1, b"",
        length=1 << 20), SIZE),
}


def frames__against_the_protocol__connection_error():
    for what, (raw, *allowed) in VIOLATIONS.items():
        c = h.H2(context)
        c.settle()
        c.send(raw)
        if None in allowed:     # may also pass unnoticed
            c.send(h.frame(h.GOAWAY, 0, 0, b"\0" * 8))
        code = c.end()
        assert c.closed and (code or None) in allowed, (what, code)
        c.close()


def window__overrun__flow_control_error():
    c = h.H2(context)
    c.send(setting(4, 0))           # no room for answers: the server owes
    c.settle()                      # them, and stops reading questions
    question = h.message(field(4, b"resopro.v1.Registry"))
    stream = c.open(REFLECT)
    raw = question * (-(-(3 << 20) // len(question)))
    for i in range(0, len(raw), 16384):
        c.send(h.frame(h.DATA, 0, stream, raw[i:i + 16384]))
    answer = c.answer(stream)
    assert FLOW in (answer.reset, c.goaway), (answer.reset, c.goaway)
    c.close()


def frames__of_unknown_types_and_padded__are_no_error():
    c = h.H2(context)
    c.send(h.frame(0xbe, 0xff, 0, b"whatever") + h.frame(0xbf, 0, 77, b"x"))
    c.send(setting(0x4242, 7))
    stream = c.open(GET)
    body = h.message(good())
    c.send(h.frame(h.DATA, h.PADDED | h.END_STREAM, stream,
        bytes([200]) + body + bytes(200)))
    assert c.answer(stream).grpc == OK
    c.close()


def floods__of_frames_that_ask_for_nothing__calmed():
    for name, raw in (
            ("rapid reset", b"".join(ask(s) + h.frame(h.RST_STREAM, 0, s,
                CLOSE) for s in range(1, 2000, 2))),
            ("SETTINGS", h.frame(h.SETTINGS, 0, 0) * 5000),
            ("PING", h.frame(h.PING, 0, 0, b"12345678") * 5000),
            ("PRIORITY", h.frame(h.PRIORITY, 0, 1, b"\0\0\0\3\1") * 5000),
            ("WINDOW_UPDATE", h.frame(h.WINDOW_UPDATE, 0, 0, b"\0\0\0\1") *
                5000),
            ("empty DATA", ask(1) + h.frame(h.DATA, 0, 1) * 5000),
            ("CONTINUATION", ask(1, 0) + h.frame(h.CONTINUATION, 0, 1,
                b"\x00\x01x\x01y") * 5000),
            ("empty CONTINUATION", ask(1, 0) + h.frame(h.CONTINUATION, 0, 1) *
                5000),
            ("provoked resets", b"".join(ask(s, content_length="1") + h.frame(
                h.DATA, 1, s, b"xy") for s in range(1, 4000, 2)))):
        c = h.H2(context)
        c.send(raw)
        assert c.end() == CALM, (name, c.goaway)
        c.close()


def goaway__by_the_client__calls_end_and_the_connection_closes():
    c = h.H2(context)
    watch = c.open("/grpc.health.v1.Health/Watch")
    c.data(watch, h.message(b""))
    while not c.answers[watch].data:
        assert c.read()
    c.send(h.frame(h.GOAWAY, 0, 0, bytes(8)))
    serves(c)       # what the other side still allows, it does
    c.send(h.frame(h.RST_STREAM, 0, watch, CLOSE))
    assert c.end() == 0 and c.closed, (c.goaways, c.closed)
    c.close()


def ping__of_either_side__is_answered_or_the_connection_ends():
    c, deaf = h.H2(context), h.H2(context)
    deaf.pongs = False
    c.send(h.frame(h.PING, 0, 0, b"echo-me!"))
    for each in c, deaf:        # with a stream open, all said on both sides
        watch = each.open("/grpc.health.v1.Health/Watch")
        each.data(watch, h.message(b""), end=True)
        while not each.answers[watch].data:
            assert each.read()
    while c.pinged < 2:         # a second of silence each
        assert c.read(), "the living connection ended"
    assert c.answered == [b"echo-me!"]
    while deaf.pinged < 2 and deaf.read():
        pass
    assert deaf.pinged == 1 and deaf.closed
    c.close()


def request__begun_and_never_ended__is_not_waited_for():
    c = h.H2(context)
    stream = c.open(GET)
    c.data(stream, h.message(good())[:3], end=False)
    answer = c.answer(stream)
    assert answer.grpc == DEADLINE and answer.reset in (None, 0)
    explained(answer)
    serves(c)
    c.close()


def header_list__begun_and_never_ended__is_not_waited_for():
    c = h.H2(context)
    c.settle()
    c.send(ask(1, 0))
    assert c.end() == CALM
    c.close()


# ---- TLS -----------------------------------------------------------------------

def closed(s, within=8):
    """The daemon closes it, by itself: what it said before."""
    s.settimeout(within)
    said = b""
    try:
        while True:
            more = s.recv(4096)
            if not more:
                break
            said += more
    except socket.timeout:
        raise AssertionError("still open")
    except OSError:
        pass
    s.close()
    return said


def handshake__half_open__closed_in_time():
    many = []
    for first in (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET / HTTP/1.1\r\n\r\n", random.Random(3).randbytes(600)):
        many.append(socket.create_connection(("127.0.0.1", context.port), 10))
        many[-1].sendall(first)
    for s in many:
        closed(s)


def preface__absent_or_of_http_1__closed_in_time():
    many = []
    for first, code in ((b"", SETTINGS_TIMEOUT), (h.PREFACE[:10],
            SETTINGS_TIMEOUT), (h.PREFACE, SETTINGS_TIMEOUT),
            (b"GET / HTTP/1.1\r\n\r\n", PROTOCOL)):
        many.append((h.tls(context, "agence"), code))
        many[-1][0].sendall(first)
    for s, code in many:
        frames = closed(s)      # SETTINGS first, GOAWAY last
        at = frames.rfind(struct.pack(">BBIII", h.GOAWAY, 0, 0, 0, code))
        assert at > 0, (frames, code)


def handshake__two_hundred_left_open__others_are_served():
    many = [socket.create_connection(("127.0.0.1", context.port), 10)
        for _ in range(200)]
    serves(h.H2(context))
    for s in many:
        closed(s)


def alpn_and_version__other_than_h2_over_tls_1_3__no_connection():
    for options in ({"alpn": ("http/1.1",)}, {"alpn": ()},
            {"version": ssl.TLSVersion.TLSv1_2}):
        try:
            s = h.tls(context, "agence", **options)
        except (ssl.SSLError, ConnectionError):
            continue
        assert "version" not in options, "TLS 1.2 was spoken"
        s.sendall(h.PREFACE + h.frame(h.SETTINGS, 0, 0))
        assert closed(s) == b""


def certificate__expired_early_foreign_or_for_another_use__alert():
    certificates.make(context.pki, "autre-ca", ca=True)
    for name, why, options in (
            ("expire", "has expired", {"start": -7200, "end": -3600}),
            ("futur", "not valid yet", {"start": 3600, "end": 7200}),
            ("autre", "another CA", {"issuer": "autre-ca"}),
            ("seul", "self-signed", {"issuer": None}),
            ("serveur", "not for TLS clients", {"extended": "serverAuth"})):
        certificates.account(context, "agence", name, **options)
        said = os.path.getsize(context.log)
        try:
            c = h.H2(context, name)
            answer = c.call(GET, h.message(good()))
            assert not answer.fields and c.closed, (name, answer.fields)
            c.close()
        except (ssl.SSLError, ConnectionError):
            pass
        r.until(lambda: why in tail(said), "the log says: " + why)
    certificates.account(context, "agence", "bon")
    serves(h.H2(context, "bon"))


def tail(since):
    with open(context.log) as f:
        f.seek(since)
        return f.read()


with r.Register({("limits", "handshake"): "1s", ("limits", "preface"): "1s",
        ("limits", "request"): "2s", ("limits", "keepalive"): "1s",
        ("limits", "keepalive_timeout"): "1s",
        ("limits", "max_response_bytes"): "64KiB",
        ("limits", "max_waiting_bytes"): "8MiB"}) as context:
    agency = context.client("agence")
    failed = r.run_tests(globals())
    assert agency.Admin.WhoAmI(admin.WhoAmIRequest()).account.id == "agence"
    agency.close()
sys.exit(failed > 0)
