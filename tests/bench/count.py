#!/usr/bin/python3
"""Count the instructions of a call, under callgrind: what a noisy machine
cannot blur.

    count.py            compare with count.txt: fails when a call got dearer
    count.py --write    write count.txt
    count.py --profile CASE FILE    keep callgrind's profile of one case

One worker, one connection, one call at a time, the same keys each time: so no
batch depends on who was faster.  Each case is called before it is counted;
what is counted is the daemon alone, all its threads, without the kernel.
"""
import os
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import register as support

COUNTS = os.path.join(TOP, "tests", "bench", "count.txt")
PROGRAMS = os.path.join(support.BUILD, "tests", "bench")
COMMUNES = os.path.join(TOP, "config", "territories", "communes.csv")
TOLERANCE = 0.10
SITES = 2000

# case: its arguments; calls before it is counted; two numbers of calls, whose
# difference is counted: so connecting does not count
CASES = {
    "get": (["get"], 200, (100, 500)),
    "put": (["put"], 100, (50, 250)),
    "find": (["find", "--communes", "FEW"], 1000, (100, 500)),
    "sync-new-1000": (["sync", "--fresh"], 1, (1, 3)),
    "sync-unchanged-1000": (["sync", "--first", "70000"], 1, (1, 3)),
}
HEAD = """\
# Instructions of the daemon for one call, by callgrind; `make bench-count`
# writes this file.  sync: one call with 1,000 records.
"""


class Counted(support.Register):
    """A register whose daemon runs under callgrind."""

    def __init__(self):
        super().__init__({("workers", "count"): "1",
            ("store", "prefault"): "no"})
        self.out = os.path.join(self.dir, "callgrind")
        self.dumps = self.loads = 0
        self.few = os.path.join(self.dir, "communes.csv")
        with open(COMMUNES) as all_, open(self.few, "w") as few:
            few.writelines(next(all_) for _ in range(101))

    def start(self):
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen(["valgrind", "--tool=callgrind",
                "--callgrind-out-file=" + self.out, "--dump-instr=no",
                "--trace-children=no", "-q", support.RESOPROD, "-c",
                self.conf], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        support.until(self.answers, "the daemon answers", 60)
        return self

    def credentials(self, ca, cert, key):
        return [ca, self.pki + "/ca.pem", cert,
            self.pki + "/account-agence.pem", key,
            self.pki + "/account-agence.key"]

    def populate(self):
        subprocess.run([PROGRAMS + "/resopro-bench-data", "load", "-m",
            COMMUNES, "-n", str(SITES), "-s", self.address] +
            self.credentials("-a", "-c", "-k"), check=True)

    def load(self, args, calls):
        self.loads += 1
        if args[0] == "sync":
            args = args + ["--records", "1000", "--set",
                "s%d" % (self.loads if "--fresh" in args else 0)]
            if "--fresh" in args:
                args += ["--first", str(100000 + 10000 * self.loads)]
        done = subprocess.run([PROGRAMS + "/resopro-load", "--server",
            "127.0.0.1:%d" % self.port, "--keys", str(SITES), "--calls",
            str(calls), "--seed", str(self.loads), "--communes", COMMUNES] +
            [self.few if a == "FEW" else a for a in args] +
            self.credentials("--ca", "--cert", "--key"),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        assert done.returncode == 0, done.stdout.decode()

    def control(self, what):
        done = subprocess.run(["callgrind_control", what,
            str(self.daemon.pid)], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode == 0, done.stdout.decode()

    def ticks(self):
        with open("/proc/%d/stat" % self.daemon.pid) as f:
            return sum(map(int, f.read().rsplit(") ", 1)[1].split()[11:13]))

    def settle(self):
        """What follows the log later belongs to the calls that wrote it."""
        quiet, ticks = 0, self.ticks()
        while quiet < 5:
            time.sleep(0.1)
            now = self.ticks()
            quiet = quiet + 1 if now - ticks < 2 else 0
            ticks = now

    def total(self, args, calls):
        self.settle()
        self.control("--zero")
        self.load(args, calls)
        self.settle()
        self.control("--dump")
        self.dumps += 1
        self.profile = "%s.%d" % (self.out, self.dumps)
        with open(self.profile) as f:
            for line in f:
                if line.startswith("totals:"):
                    return int(line.split()[1])
        raise AssertionError("no totals in " + self.profile)

    def count(self, args, before, calls):
        """Instructions of each call; self.profile has those of more calls."""
        self.load(args, before)
        few, more = (self.total(args, n) for n in calls)
        return round((more - few) / (calls[1] - calls[0]))


def read_counts():
    counts = {}
    with open(COUNTS) as f:
        for line in f:
            if not line.startswith("#"):
                name, count = line.split()
                counts[name] = int(count)
    return counts


def write_counts(counts):
    with open(COUNTS, "w") as f:
        f.write(HEAD)
        for name, count in counts.items():
            f.write("%-20s %d\n" % (name, count))


def compare(counts):
    """As tests/run counts: one line a case."""
    wanted, failed = read_counts(), 0
    for name, count in counts.items():
        was = wanted.get(name)
        bad = was is None or count > was * (1 + TOLERANCE)
        print("[%s] %s__instructions__no_more_than_count_txt_and_a_tenth" %
            ("  FAILED  " if bad else "       OK ", name))
        if bad or count < was * (1 - TOLERANCE):
            print("%s: %d instructions, count.txt says %s%s" % (name, count,
                was, "" if bad else ": make bench-count, and commit it"))
        failed += bad
    return failed


def main():
    support.need_programs()
    if not os.access(PROGRAMS + "/resopro-load", os.X_OK):
        print("no resopro-load in %s" % PROGRAMS)
        sys.exit(77)
    cases, keep = CASES, None
    if sys.argv[1:2] == ["--profile"]:
        cases, keep = {sys.argv[2]: CASES[sys.argv[2]]}, sys.argv[3]
    with Counted() as register:
        register.populate()
        counts = {}
        for name, case in cases.items():
            counts[name] = register.count(*case)
            if keep:
                os.replace(register.profile, keep)
            if sys.argv[1:]:
                print("%-20s %d" % (name, counts[name]), flush=True)
    if sys.argv[1:2] == ["--write"]:
        write_counts(counts)
    elif not keep:
        sys.exit(compare(counts) != 0)


if __name__ == "__main__":
    main()
