"""The results as people read them: Markdown, which is also what is printed."""
import subprocess

from . import cases, machine, results, systems, targets

STEAL_TOLD = 5.0        # %
METRICS = {"rate": "rate", "p50_us": "p50", "p99_us": "p99",
    "cpu_us": "server CPU", "rss_kb": "memory"}


def figure(value, digits=3):
    """So many digits that say something, thousands apart."""
    if value is None:
        return ""
    if value >= 100:
        return "{:,.0f}".format(value)
    return "%.*g" % (digits, value)


def versions():
    """The packages of the systems, as installed."""
    names = sorted({p for s in systems.ALL.values() for p in s.packages} |
        {"libssl3", "libnghttp2-14", "liblmdb0"})
    done = subprocess.run(["dpkg-query", "-W", "-f",
        "${Package} ${Version}\\n"] + names, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return ", ".join(done.stdout.split("\n")[:-1])


def header(all_):
    rounds = sorted({len(r.rows) for r in all_.values()})
    return ["# resoprod beside its peers", "",
        "%s. %s." % (machine.describe(), versions()), "",
        "Server on one core, load generator on another, one system at a "
        "time, %s round%s in turned order; medians. TLS 1.3 with client "
        "certificates, AES-128-GCM, records of 1,000 bytes, keys at random. "
        "Ratio: ours to that system's, of the figure that its table names; "
        "the median of the ratios within a round, then the least and the "
        "greatest. Memory: beyond the page cache." % (
            " to ".join(str(n) for n in sorted({rounds[0], rounds[-1]})),
            "" if rounds == [1] else "s"), ""]


def title_of(system):
    return systems.ALL[system].title if system in systems.ALL else system


def case_table(case, rows):
    metrics = []
    for r in rows:
        name = METRICS[case.metric_of(r.shape)]
        if name not in metrics:
            metrics.append(name)
    lines = ["## %s" % case.title, "",
        "`%s`; compared: %s; rate in %s." % (case.name,
            " and ".join(metrics) + (" at 1x1" if len(metrics) > 1 and
                case.metric_of("1x1") == "p50_us" and
                metrics[-1] == "p50" else ""), case.unit), "",
        "| shape | system | rate | p50 us | p99 us | server CPU us "
        "| memory KB | ratio | |", "|---|---|--:|--:|--:|--:|--:|--:|---|"]
    for r in rows:
        spread = "" if not r.ratios else "[%s - %s]" % (
            figure(min(r.ratios)), figure(max(r.ratios)))
        told = [spread] + sorted(set(r.notes))[:1]
        if r.steal > STEAL_TOLD:
            told.append("steal up to %.0f %%" % r.steal)
        lines.append("| %s | %s | %s |" % (r.shape, title_of(r.system),
            " | ".join([figure(getattr(r, f)) for f in cases.FIELDS] +
            [figure(r.ratio), "; ".join(filter(None, told))])))
    return lines + [""]


def by_shape(case, all_):
    rows = [r for r in all_.values() if r.case == case.name]
    order = []
    for r in rows:
        if r.shape not in order:
            order.append(r.shape)
    names = list(systems.ALL)
    return sorted(rows, key=lambda r: (order.index(r.shape),
        names.index(r.system) if r.system in names else len(names)))


def verdict(target, value):
    if target.met(value):
        return "met"
    return "missed by %.0f %%" % (100 * abs(value - target.bound) /
        target.bound)


def target_table(all_):
    lines = ["## Targets", "", "| case | against | figure | measured "
        "| at least | aim | |", "|---|---|---|--:|--:|--:|---|"]
    for t in targets.ALL:
        value = t.measured(all_)
        if value is not None:
            lines.append("| %s %s | %s | %s | %s%s | %s | %s | %s |" % (t.case,
                t.shape, title_of(t.peer) if t.peer else "-",
                METRICS[t.metric], figure(value), t.unit, figure(t.bound),
                figure(t.aim), verdict(t, value)))
    for t in targets.WITHIN:
        value = t.measured(all_)
        if value is not None:
            lines.append("| %s | itself | rate | %sx | %s | %s | %s |" % (
                t.title, figure(value), figure(t.bound), figure(t.aim),
                verdict(t, value)))
    return lines + [""] if len(lines) > 4 else []


def agreement(all_):
    lines = []
    for r in all_.values():
        if r.system == "h2load" and r.ratio is not None:
            close = abs(r.ratio - 1) <= targets.AGREEMENT
            lines.append("resopro-load sees %s times the rate that h2load "
                "sees at %s: they %s within %d %%." % (figure(r.ratio),
                r.shape, "agree" if close else "DO NOT agree",
                100 * targets.AGREEMENT))
    return lines + [""] if lines else []


def markdown(all_):
    lines = header(all_) + target_table(all_) + agreement(all_)
    for case in cases.ALL.values():
        rows = by_shape(case, all_)
        if rows:
            lines += case_table(case, rows)
    return "\n".join(lines)


def missed(all_):
    return [t for t in targets.ALL + targets.WITHIN
        if t.measured(all_) is not None and not t.met(t.measured(all_))]
