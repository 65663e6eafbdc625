"""From rounds to results: medians, and medians of the ratios within a round."""
import csv
import statistics

from . import cases, systems

COLUMNS = ("case", "shape", "system") + cases.FIELDS + ("ratio",)


class Result:
    """A case, a shape, a system over all rounds."""

    def __init__(self, case, shape, system, rows):
        self.case, self.shape, self.system = case, shape, system
        self.rows = rows        # round: row of rounds.csv
        for name in cases.FIELDS:
            known = [float(r[name]) for r in rows.values() if r[name] != ""]
            setattr(self, name, statistics.median(known) if known else None)
        self.ratios = []        # ours to this system's, a round each
        self.notes = [r["note"] for r in rows.values() if r["note"]]
        self.steal = max((float(r["steal"]) for r in rows.values() if
            r["steal"] != ""), default=0.0)

    @property
    def ratio(self):
        return statistics.median(self.ratios) if self.ratios else None

    def compare(self, ours, metric):
        for number, row in self.rows.items():
            mine = ours.rows.get(number, {}).get(metric, "")
            if mine != "" and row[metric] != "" and float(row[metric]) > 0:
                self.ratios.append(float(mine) / float(row[metric]))


def metric_of(case, shape):
    return cases.ALL[case].metric_of(shape)


def collect(rows):
    """{(case, shape, system): Result}, in the order of the cases."""
    grouped = {}
    for row in rows:
        if row["case"] in cases.ALL:
            key = row["case"], row["shape"], row["system"]
            grouped.setdefault(key, {})[int(row["round"])] = row
    order = list(cases.ALL)
    results = {key: Result(*key, grouped[key]) for key in
        sorted(grouped, key=lambda k: order.index(k[0]))}
    for (case, shape, system), result in results.items():
        ours = results.get((case, shape, systems.OURS))
        if system != systems.OURS and ours:
            result.compare(ours, metric_of(case, shape))
    return results


def write(path, results):
    with open(path, "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(COLUMNS)
        for result in results.values():
            out.writerow([result.case, result.shape, result.system] +
                ["" if value is None else "%.3f" % value for value in
                [getattr(result, n) for n in cases.FIELDS] + [result.ratio]])
