"""The machine: cores, what a process uses, what else took the processor."""
import os
import re
import shutil
import socket
import subprocess
import time


class Failure(Exception):
    """What stops the benchmark: told in one line."""


def pinned(core, argv):
    """The command line that runs `argv` on one core."""
    return ["taskset", "-c", str(core)] + [str(a) for a in argv]


def check_cores(server, load):
    usable = os.sched_getaffinity(0)
    for core in (server, load):
        if core not in usable:
            raise Failure("core %d is not there: usable are %s" % (core,
                ", ".join(map(str, sorted(usable)))))
    if server == load:
        raise Failure("server and load generator need a core each")


def check_programs(names):
    missing = [n for n in names if not os.access(n, os.X_OK) and
        not shutil.which(n)]
    if missing:
        raise Failure("not there: %s; make deps-bench bench-peers" %
            ", ".join(missing))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_seconds(pid):
    """Processor time of all threads that a process has or had."""
    return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid()


def memory_kb(pid):
    """Resident memory: all, and what is not the page cache's."""
    with open("/proc/%d/status" % pid) as f:
        kb = {name: int(value) for name, value in
            re.findall(r"^(VmRSS|Rss\w+):\s+(\d+) kB", f.read(), re.M)}
    return kb["VmRSS"], kb["RssAnon"] + kb["RssShmem"]


class Steal:
    """The share of the time that a core wanted and the hypervisor gave to
    somebody else, in %, between begin and share()."""

    def __init__(self, cores):
        self.cores = cores
        self.begin = self.read()

    def read(self):
        with open("/proc/stat") as f:
            lines = dict(line.split(None, 1) for line in f
                if line.startswith("cpu"))
        sums = [0, 0]
        for core in self.cores:
            ticks = [int(t) for t in lines["cpu%d" % core].split()]
            sums[0] += ticks[7]
            sums[1] += sum(ticks[:8])
        return sums

    def share(self):
        stolen, all_ = (now - then for now, then in
            zip(self.read(), self.begin))
        return 100.0 * stolen / all_ if all_ else 0.0


def page_cache_warm(paths):
    """Read the files once, so that none of the first calls waits for them."""
    for path in files_below(paths):
        with open(path, "rb", buffering=0) as f:
            while f.read(1 << 20):
                pass


def page_cache_cold(paths):
    """Let the kernel forget them; needs no privilege."""
    for path in files_below(paths):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


def files_below(paths):
    for path in paths:
        if os.path.isdir(path):
            for folder, _, names in os.walk(path):
                yield from (os.path.join(folder, n) for n in names)
        elif os.path.exists(path):
            yield path


def copy_tree(source, target):
    """A copy with its holes, on the disk when this returns."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", "--sparse=always", source, target], check=True)
    for path in files_below([target]):
        with open(path, "rb") as f:
            os.fsync(f.fileno())


def describe():
    """What this is, for whoever reads the results elsewhere."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as f:
        found = re.search(r"^model name\s*:\s*(.*)$", f.read(), re.M)
        if found:
            model = found.group(1)
    return "%s, %d cores, Linux %s" % (model, os.cpu_count(),
        os.uname().release)
