#!/usr/bin/python3
"""The benchmark does not rot: every case, tiny, for resoprod alone, and what
it makes of its rounds.  Nothing here depends on how fast the machine is."""
import csv
import os
import shutil
import subprocess
import sys
import traceback
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("RESOPRO_BUILD") or
    os.path.join(TOP, "build"))
OUT = os.path.join(BUILD, "bench-small")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "tests/bench"))
from harness import cases, report, results, rounds, targets


def read(name):
    with open(os.path.join(OUT, name), newline="") as f:
        return f.read()


def bench__every_case_small__has_a_row_of_its_own_metric():
    shutil.rmtree(OUT, ignore_errors=True)
    done = subprocess.run([TOP + "/tests/bench/run", "--small", "--build",
        BUILD], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    rows = list(csv.DictReader(read("results.csv").splitlines()))
    assert list(rows[0]) == ["case", "shape", "system", "rate", "p50_us",
        "p99_us", "cpu_us", "rss_kb", "ratio"], rows[0]
    scale = cases.Scale(**cases.SMALL)
    for case in cases.ALL.values():
        for shape in case.shapes(scale):
            got = [r for r in rows if (r["case"], r["shape"], r["system"]) ==
                (case.name, shape, "resoprod")]
            assert len(got) == 1, (case.name, shape, rows)
            metric = case.metric_of(shape)
            if case.name != "idle":     # memory moves by pages, or not at all
                assert float(got[0][metric]) > 0, (case.name, got[0])


def bench__its_chart__is_an_svg_with_bars_and_growth():
    svg = xml.etree.ElementTree.fromstring(read("results.svg"))
    tags = [e.tag.rsplit("}", 1)[1] for e in svg.iter()]
    assert svg.tag.endswith("svg"), svg.tag
    assert tags.count("rect") > 5 and tags.count("polyline") == 2, tags


def rows_of(case, shape, metric, **figures):
    """Rounds in which these systems gave these figures; None: no row."""
    made = []
    for system, values in figures.items():
        for number, value in enumerate(values, 1):
            if value is not None:
                made.append(dict({c: "" for c in rounds.COLUMNS}, **{
                    "round": str(number), "case": case, "shape": shape,
                    "system": system, metric: str(value)}))
    return made


def results__a_slow_round__ratio_is_the_median_of_each_rounds_own():
    all_ = results.collect(rows_of("get", "16x16", "rate",
        resoprod=[100, 10, 90], etcd=[10, 1, 30]))
    etcd = all_["get", "16x16", "etcd"]
    assert etcd.rate == 10 and etcd.ratios == [10, 10, 3], etcd.ratios
    assert etcd.ratio == 10, etcd.ratio


def results__a_round_without_the_peer__is_not_compared():
    all_ = results.collect(rows_of("get", "16x16", "rate",
        resoprod=[100, 100], etcd=[None, 50]))
    assert all_["get", "16x16", "etcd"].ratios == [2]


def results__one_call_at_a_time__compares_latency():
    all_ = results.collect(rows_of("get", "1x1", "p50_us", resoprod=[50],
        etcd=[200]))
    assert all_["get", "1x1", "etcd"].ratio == 0.25


def targets__less_than_the_bound__is_missed_and_says_by_how_much():
    all_ = results.collect(rows_of("get", "16x16", "rate", resoprod=[110],
        etcd=[10]))
    target = next(t for t in targets.ALL if (t.case, t.shape, t.peer) ==
        ("get", "16x16", "etcd"))
    assert target in report.missed(all_)
    assert "| missed by 50 % |" in report.markdown(all_)
    better = results.collect(rows_of("get", "16x16", "rate", resoprod=[220],
        etcd=[10]))
    assert target not in report.missed(better)


def h2load__answers_without_a_record__are_not_calls():
    said = ("finished in 1.00s, %s req/s, 1MB/s\nrequests: 100 total, 100 "
        "started, 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout\n"
        "traffic: 1KB (1) total, 1KB (1) headers (space), 1KB (%d) data\n")
    assert cases.Agreement.read(said % ("100.5", 101000)).rate == 100.5
    try:
        cases.Agreement.read(said % ("100.5", 0))
    except cases.machine.Failure:
        return
    raise AssertionError("answers without data were counted")


def main():
    for program in ("resoprod", "resopro", "tests/bench/resopro-load"):
        if not os.access(os.path.join(BUILD, program), os.X_OK):
            print("no %s in %s yet" % (program, BUILD))
            return 77
    failed = 0
    for name, test in list(globals().items()):
        if "__" not in name or name.startswith("__") or not callable(test):
            continue
        try:
            test()
            print("[       OK ] %s" % name, flush=True)
        except Exception:
            failed += 1
            print("[  FAILED  ] %s" % name)
            print(traceback.format_exc(), flush=True)
    return 1 if failed else 0


sys.exit(main())
