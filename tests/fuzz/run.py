#!/usr/bin/python3
"""Run the fuzzers of build-fuzz, each from seeds that are files of this tree.

    run.py [--seconds N] [FUZZER...]

By default each runs as often as its row says, from a fixed place: the same
code gives the same result.  With --seconds it runs that long, from another
place each time.  What breaks one is kept beside it, in build-fuzz/tests/fuzz."""
import concurrent.futures
import glob
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("RESOPRO_BUILD") or
    os.path.join(TOP, "build")) + "-fuzz/tests/fuzz"


def read(path, limit=None):
    with open(os.path.join(TOP, path), "rb") as f:
        return f.read(limit)


def files(pattern, prefix=b"", limit=1500):
    """The beginning of each file, behind the byte that chooses."""
    return [prefix + read(path, limit) for path in sorted(glob.glob(
        os.path.join(TOP, pattern)))]


def words(path, pattern):
    return sorted(set(re.findall(pattern, read(path).decode())))


def field(number, body):
    return bytes([number << 3 | 2, len(body)]) + body


def frame(body, flag=0):
    return bytes([flag]) + struct.pack(">I", len(body)) + body


FIELDS = words("proto/resopro/v1/types.proto", r"(?m)^ .*? (\w+) = \d+;")
LINES = [b'{"source_id":"s1","site":{"nom":"Accueil","code_insee":"14118",'
    b'"position":{"latitude":49.1,"longitude":-0.3},"publics":["jeunes"]}}\n',
    b'{"record":{"id":"a","offer":{"nom":"Atelier"}},"siteSourceId":"s1"}\n'
    b'{"source_id":"x","nom":"Lieu","telephone":"+33231000000"}\n']
ANSWER = b"\x08\x05" + field(2, field(1, b"un") + b"\x10\x02" + field(21,
    field(2, b"Accueil")))
STATUS = b"\x08\x05" + field(2, b"there is no such record") + field(3,
    field(1, b"type.googleapis.com/google.rpc.ErrorInfo") + field(2,
    field(1, b"ABSENT") + field(2, b"resopro") + field(3, field(1, b"remedy") +
    field(2, b"look again")))) + field(3, field(1, b"type.googleapis.com/"
    b"google.rpc.BadRequest") + field(2, field(1, field(1, b"id") +
    field(2, b"is empty"))))
HEADERS = b":path: /t.Echo/Unary\n:method: POST\nte: trailers\n" \
    b"content-type: application/grpc\ngrpc-timeout: 5S\n\n"

# Fuzzer: how often, longest input, seeds, words worth trying.
FUZZERS = {
    "client_answer": (60000, 600, [b"\0" + STATUS, b"\1\0" + ANSWER,
        b"\2:status: 200\ncontent-type: application/grpc\ngrpc-status: 5\n"
        b"grpc-message: a%20b\n"], ["grpc-status", "grpc-message",
        "grpc-status-details-bin", "grpc-encoding", "gzip"]),
    "codec": (150000, 600, [], []),
    "config": (8000, 1500, files("config/resoprod.conf") + [b"\n".join(
        line[1:] if line.startswith(b"#") and b" = " in line else line
        for line in read("config/resoprod.conf").split(b"\n"))[:1500]],
        words("config/resoprod.conf", r"(?m)^#(\w+) =") + ["[limits]",
        "[store]", "[tls]", "yes", "no", "GiB", "ms"]),
    "grpc_frame": (60000, 600, [b"\3" + frame(b"abc") + frame(b"", 1) +
        frame(b"x" * 300)], []),
    "grpc_headers": (12000, 800, [HEADERS + frame(b"\x08\x01\x12\x02hi")],
        ["grpc-encoding: gzip", "/t.Echo/Chat", "/t.Echo/Pour", "refuse:",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"]),
    "grpc_values": (300000, 80, [b"\x005S", b"\1caf%C3%A9", b"\2aGVsbG8="],
        []),
    "http2": (9000, 600, [b"\1\0\1" b"\2\1\1\2hi" b"\0\0\0",
        b"\x19\0\1" b"\2\0\1\4four" b"\2\1\1\1x" b"\0\0\0" b"\x24\0\0\x04wxyz",
        b"\x11\0\1" b"\2\1\1\1x" b"\x1c\0\1\x04\0\0\0\x08" b"\0\0\0"],
        ["\\x12\\x04wake", "\\x12\\x05pause", "\\x12\\x04keep",
        "\\x12\\x05later", "\\x12\\x04hang"]),
    "message_check": (60000, 600, [b"\5" + field(1, b"x" * 16) + field(2,
        ANSWER), b"\0" + STATUS], []),
    "opening_hours": (60000, 200, [b"Mo-Fr 09:00-12:30,13:30-17:00; PH off",
        b"2026 Jan 05-Mar 31 We[1] 10:00+ \"sur rendez-vous\""],
        ["Mo", "We", "PH", "SH", "off", "week", "easter", "sunrise", "Dec"]),
    "page_token": (150000, 200, [b"\0\xc8pole-emploi", b"\1\1"
        b"3e8.fedcba9876543210.mission"], []),
    "records_csv": (10000, 900, files("config/samples/member/sites.csv",
        b"\1") + files("config/samples/member/offers.csv", b"\2") + [
        b"\1\xef\xbb\xbfsource_id,nom\r\n\"a\"\"b\",\"x\ny\"\r\n"], FIELDS),
    "records_jsonl": (9000, 900, [bytes([kind]) + line for kind in (1, 4)
        for line in LINES], FIELDS + ["record", "\\\\u00e9", "1e400"]),
    "referral_rules": (6000, 3000, files("config/referral-rules.conf",
        limit=3000), words("config/referral-rules.conf", r"(?m)^(\w+) *=")),
    "search": (8000, 400, [b"ignore = de la\nsame = Mission locale, ML\n"
        b"same = Pole emploi, FT\n\0mission locale de caen",
        b"same = a, b c\n\0ml ve", b"\0C.I.O. vi", b"\0oreintation"],
        ["ignore = ", "same = ", "locale", "saint"]),
    "territory": (20000, 900, [b"\3saint cornier (61)", b"\x0314400",
        b"\3Ablon-sur-Mer"] + [bytes([i]) + read("config/territories/" +
        name, 700) for i, name in enumerate(("communes.csv", "anciens.csv",
        "zones.csv"))], ["catef:", "epci:", "exacte", "estimee", ";"]),
    "value": (150000, 250, [bytes([kind]) + text for kind, text in enumerate((
        b"texte", b"Mission locale", b"Accueil sans rendez-vous", b"un-id",
        b"732829320", b"35600000000048", b"W142000001", b"0140001A", b"14118",
        b"14000", b"a.b@example.org", b"+33 2 31 00 00 00",
        b"https://example.org/a?b#c", b"Mo-Fr 09:00-17:00", b"2026-02-28",
        b"epci:200065597", b"2A", b"200065597", b"code", b"s-1", b"france"))],
        []),
    "vocabulary": (30000, 900, files("config/vocabularies/*.csv", limit=900),
        []),
}


def dictionary(path, entries):
    with open(path, "w") as f:
        f.writelines('"%s"\n' % e.replace('"', '\\"') for e in entries)


def run(name, seconds):
    runs, longest, seeds, entries = FUZZERS[name]
    with tempfile.TemporaryDirectory() as tmp:
        corpus = os.path.join(tmp, "corpus")
        os.mkdir(corpus)
        for i, seed in enumerate(seeds):
            with open(os.path.join(corpus, "%02d" % i), "wb") as f:
                f.write(seed)
        if entries:
            dictionary(os.path.join(tmp, "words"), entries)
        bound = ["-max_total_time=%d" % seconds] if seconds else [
            "-runs=%d" % runs, "-seed=20261127"]
        return subprocess.run([os.path.join(BUILD, "fuzz_" + name), corpus,
            "-max_len=%d" % longest, "-timeout=20", "-rss_limit_mb=2048",
            "-detect_leaks=1", "-print_final_stats=1", "-artifact_prefix=" +
            BUILD + "/"] + bound + (["-dict=words"] if entries else []), cwd=tmp, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)


def tell(name, seconds):
    began = time.monotonic()
    done = run(name, seconds)
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        print("[  FAILED  ] fuzz_%s\n%s" % (name, "\n".join(
            text.splitlines()[-60:])), flush=True)
        return False
    found = re.search(r"number_of_executed_units: (\d+)", text)
    covered = re.findall(r" cov: (\d+)", text)
    print("[       OK ] fuzz_%s\n    %s runs, %s edges, %.1f s" % (name,
        found and found.group(1), covered and covered[-1],
        time.monotonic() - began), flush=True)
    return True


def main():
    args, seconds = sys.argv[1:], 0
    if args[:1] == ["--seconds"]:
        seconds, args = int(args[1]), args[2:]
    there = {os.path.basename(p)[5:-2] for p in glob.glob(os.path.join(TOP,
        "tests/fuzz/fuzz_*.c"))}
    if there != set(FUZZERS):
        sys.exit("no row, or no fuzzer: %s" % (there ^ set(FUZZERS)))
    names = args or sorted(FUZZERS)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        good = list(pool.map(lambda name: tell(name, seconds), names))
    sys.exit(not all(good))


main()
