"""Rounds: every system at every shape, one at a time, in an order that turns
from round to round, each run a line of rounds.csv."""
import csv
import os
import sys

from . import cases, machine, systems

COLUMNS = ("round", "case", "shape", "system") + cases.FIELDS + \
    ("client", "steal", "note")


def read(path):
    if not os.path.exists(path):
        return []
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


class Log:
    """rounds.csv, written run by run: an interrupted benchmark keeps them."""

    def __init__(self, path, append):
        self.path = path
        old = read(path) if append else []
        self.last = {}          # case: its last round
        for row in old:
            self.last[row["case"]] = max(int(row["round"]),
                self.last.get(row["case"], 0))
        self.file = open(path, "a" if old else "w", newline="")
        self.csv = csv.writer(self.file)
        if not old:
            self.csv.writerow(COLUMNS)

    def add(self, round_, case, shape, system, row, steal):
        def number(value, digits=3):
            return "" if value is None else "%.*f" % (digits, value)
        self.csv.writerow([round_, case, shape, system] +
            [number(getattr(row, f)) for f in cases.FIELDS] +
            [number(row.client), number(steal, 1), row.note])
        self.file.flush()

    def close(self):
        self.file.close()


class Bench:
    """What was chosen, and the runs of it."""

    def __init__(self, place, scale, log, chosen_cases, chosen_systems,
            shapes=None):
        self.place, self.scale, self.log = place, scale, log
        self.cases = chosen_cases
        self.systems = [systems.ALL[name](place) for name in chosen_systems]
        self.only_shapes = shapes
        self.failures = []

    def prepare(self):
        """Programs are looked for, and data made, before anything is timed."""
        machine.check_programs(sorted({p for s in self.systems for p in
            s.programs()} | ({"h2load"} if "agree" in
            (c.name for c in self.cases) else set())))
        for case in self.cases:
            for shape in self.shapes(case):
                for system in self.systems:
                    if case.possible(system):
                        used = case.system(system, shape, self.scale)
                        if used is not None:
                            used.prepare()

    def shapes(self, case):
        return [s for s in case.shapes(self.scale) if not self.only_shapes or
            s in self.only_shapes]

    def round(self):
        """One more round of each case."""
        for case in self.cases:
            number = self.log.last[case.name] = \
                self.log.last.get(case.name, 0) + 1
            able = [s for s in self.systems if case.possible(s)]
            turn = (number - 1) % max(1, len(able))
            for system in able[turn:] + able[:turn]:
                for shape in self.shapes(case):
                    used = case.system(system, shape, self.scale)
                    if used is not None:
                        self.attempt(number, case, shape, used)

    def attempt(self, number, case, shape, system):
        """A system that fails is told and has no row; the others go on."""
        try:
            self.run(number, case, shape, system)
        except machine.Failure as e:
            self.failures.append("%s %s %s: %s" % (case.name, shape,
                system.name, e))
            print("FAILED " + self.failures[-1], file=sys.stderr, flush=True)

    def run(self, number, case, shape, system):
        try:
            case.start(system, shape, self.scale)
            steal = self.place.cores and machine.Steal(self.place.cores)
            rows = case.measure(system, shape, self.scale)
            stolen = steal.share() if steal else None
        finally:
            system.stop()
        for name, row in rows:
            self.log.add(number, case.name, shape, name, row, stolen)
            print(self.line(number, case, shape, name, row), flush=True)

    @staticmethod
    def line(number, case, shape, name, row):
        def text(value, form, unit):
            return "" if value is None else (form + unit) % value
        return "%2d %-12s %-9s %-9s %s" % (number, case.name, shape, name,
            "  ".join(filter(None, (text(row.rate, "%.0f", "/s"),
            text(row.p50_us, "p50 %.0f", " us"),
            text(row.p99_us, "p99 %.0f", " us"),
            text(row.cpu_us, "cpu %.2f", " us"),
            text(row.rss_kb, "%.0f", " KB"), row.note))))
