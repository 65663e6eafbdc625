"""What resoprod is to reach, as ratios to a peer within the same rounds, or as
a figure of its own where no peer does the same."""
from . import results, systems


class Target:
    """`bound`: at least so much for a rate, at most for all else; of the ratio
    to `peer`, or of our own figure in the field `own`."""

    def __init__(self, case, shape, peer, bound, aim, own=None, unit="x"):
        self.case, self.shape, self.peer = case, shape, peer
        self.bound, self.aim, self.own, self.unit = bound, aim, own, unit

    @property
    def metric(self):
        return self.own or results.metric_of(self.case, self.shape)

    @property
    def more_is_better(self):
        return self.metric == "rate"

    def measured(self, all_):
        result = all_.get((self.case, self.shape, self.peer or systems.OURS))
        if result is None:
            return None
        return getattr(result, self.own) if self.own else result.ratio

    def met(self, value):
        return value >= self.bound if self.more_is_better else \
            value <= self.bound


def rows(case, shapes, peers):
    return [Target(case, shape, peer, bound, aim) for shape in shapes
        for peer, bound, aim in peers]


BUSY = ("16x16", "100x10")
ALL = rows("get", BUSY, [("etcd", 22, 35), ("slapd", 6.5, 10),
        ("grpcpp", 4.5, 7), ("nghttpd", 0.6, 1.0)]) + \
    rows("get", ["1x1"], [("etcd", 0.6, 0.5), ("slapd", 1.1, 0.5),
        ("grpcpp", 0.9, 0.5)]) + \
    rows("handshake", ["8x1"], [("etcd", 0.95, 0.6)]) + \
    rows("resume", ["8x1"], [("etcd", 0.6, 0.35)]) + \
    rows("put", BUSY, [("etcd", 4, 7), ("slapd", 12, 23)]) + \
    rows("put", ["1x1"], [("etcd", 0.7, 1.3), ("slapd", 1.1, 1.6)]) + \
    rows("mixed", ["8x64"], [("etcd", 0.1, 0.1)]) + \
    rows("memory", ["100k"], [("grpcpp", 0.25, 0.1), ("etcd", 0.25, 0.1)]) + \
    rows("idle", ["1000x1"], [("grpcpp", 0.55, 0.36)]) + \
    rows("watch", ["1000x1"], [("etcd", 0.6, 0.36)]) + \
    rows("watch", ["100x100"], [("etcd", 0.15, 0.04)]) + \
    rows("start", ["100k-warm", "100k-cold"], [("slapd", 1.0, 0.3)]) + [
        Target("start", shape, None, 1e6, 2e4, own="p50_us", unit=" us")
        for shape in ("1M-warm", "1M-cold")] + [
        Target("sync-same", "1x10000", None, 150e3, 400e3, own="rate",
            unit="/s"),
        Target("sync-new", "1x10000", None, 30e3, 60e3, own="rate",
            unit="/s")]


class Within:
    """Our own figures against each other: the second is at least `bound` of
    the first."""

    def __init__(self, title, first, second, bound, aim):
        self.title, self.first, self.second = title, first, second
        self.bound, self.aim = bound, aim

    def measured(self, all_):
        pair = [all_.get(key + (systems.OURS,)) for key in
            (self.first, self.second)]
        return None if None in pair else pair[1].rate / pair[0].rate

    def met(self, value):
        return value >= self.bound


WITHIN = [Within("%s rate at 1M records, to that at 10k" % name.title(),
    ("growth-" + name, "10k"), ("growth-" + name, "1M"), 0.65, 0.8)
    for name in ("get", "put")] + [
    Within("Find %s, to our own Get" % shape, ("get", shape),
        ("find", shape), 1 / 3, 0.5) for shape in BUSY]

# Two load generators must see the same server.
AGREEMENT = 0.15
