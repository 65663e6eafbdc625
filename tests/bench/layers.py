#!/usr/bin/python3
"""Where the time of a call goes, by layer, from a profile of this build.

    layers.py [get | put] [CONNECTIONSxSTREAMS]     default: both, at 16x16

The daemon has one worker and core 0, the load core 1; the register has 100,000
sites.  A layer's share of the samples that perf takes is its share of the
processor time that the daemon used for each call.  Kernel time is told apart
by the system call that it is spent in.
"""
import collections
import json
import os
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import register as support

PROGRAMS = os.path.join(support.BUILD, "tests", "bench")
COMMUNES = os.path.join(TOP, "config", "territories", "communes.csv")
SITES = 100000
SECONDS = 4
# Which layer a shared library is; ours are told apart by source folder.
LIBRARIES = {"libssl": "TLS (OpenSSL)", "libcrypto": "TLS (OpenSSL)",
    "libnghttp2": "HTTP/2 (nghttp2)", "libevent": "daemon/base (libevent)",
    "liblmdb": "LMDB", "libxxhash": "checksums (xxHash)",
    "libprotobuf-c": "messages (protobuf-c)",
    "libc": "libc: copying, allocating", "[vdso]": "clock"}
KERNEL = [("kernel: file, disk", ("ext4", "pwrite", "fdatasync", "fsync",
        "writev")),
    ("kernel: network", ("tcp_", "sock_", "inet_", "ip_")),
    ("kernel: waiting, waking", ("",))]


class Pinned(support.Register):
    def __init__(self):
        super().__init__({("workers", "count"): "1",
            ("store", "map_size"): "16GiB",
            ("limits", "sync_max_records"): "1000000"})

    def start(self):
        super().start()
        subprocess.run(["taskset", "-apc", "0", str(self.daemon.pid)],
            stdout=subprocess.DEVNULL, check=True)
        return self

    def credentials(self, ca, cert, key):
        return [ca, self.pki + "/ca.pem", cert,
            self.pki + "/account-agence.pem", key,
            self.pki + "/account-agence.key"]

    def populate(self):
        subprocess.run([PROGRAMS + "/resopro-bench-data", "load", "-m",
            COMMUNES, "-n", str(SITES), "-s", self.address] +
            self.credentials("-a", "-c", "-k"), check=True)

    def rest(self):
        """Until nothing follows the log any more."""
        def ticks():
            with open("/proc/%d/stat" % self.daemon.pid) as f:
                return sum(map(int, f.read().rsplit(") ", 1)[1].split()[11:13]))
        quiet, was = 0, ticks()
        while quiet < 10:
            time.sleep(0.1)
            now = ticks()
            quiet, was = quiet + 1 if now - was < 2 else 0, now

    def load(self, case, shape):
        connections, streams = shape.split("x")
        return subprocess.Popen(["taskset", "-c", "1",
            PROGRAMS + "/resopro-load", case, "--server",
            "127.0.0.1:%d" % self.port, "--keys", str(SITES), "--communes",
            COMMUNES, "--connections", connections, "--streams", streams,
            "--seconds", str(SECONDS), "--pid", str(self.daemon.pid)] +
            self.credentials("--ca", "--cert", "--key"),
            stdout=subprocess.PIPE)


def folders():
    """Function -> folder of its source, from the debug information."""
    found = {}
    out = subprocess.run(["nm", "-l", "--defined-only", support.RESOPROD],
        stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in out.splitlines():
        words = line.split(None, 3)
        if len(words) == 4 and words[1] in "tT":
            path = os.path.relpath(words[3].rsplit(":", 1)[0], TOP)
            found[words[2]] = os.path.dirname(path)
    return found


def layer(frames, ours):
    """Of one sample: its (symbol, library) pairs, the innermost first."""
    symbol, library = frames[0]
    name = os.path.basename(library)
    if "kernel" in name:
        inside = [s for s, where in frames if "kernel" in where]
        for what, signs in KERNEL:
            if any(s.startswith(signs) or any(sign and sign in s
                    for sign in signs) for s in inside):
                return what
    if name == "resoprod":
        return ours.get(symbol.split(".")[0].split("+")[0], "daemon")
    for prefix, what in LIBRARIES.items():
        if name.startswith(prefix + ".") or name.startswith(prefix + "-") or \
                name.startswith(prefix + "_") or name == prefix:
            return what
    return name


def samples(path):
    out = subprocess.run(["perf", "script", "-i", path, "-F", "ip,sym,dso"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode(
        "utf-8", "replace")
    for block in out.split("\n\n"):
        frames = []
        for line in block.splitlines():
            words = line.split(None, 1)
            if len(words) == 2 and words[1].endswith(")"):
                symbol, library = words[1].rsplit(" (", 1)
                frames.append((symbol, library[:-1]))
        if frames:
            yield frames


def measure(register, case, shape, ours):
    data = os.path.join(register.dir, "perf.data")
    register.rest()
    load = register.load(case, shape)
    time.sleep(1.5)     # past its warm-up
    subprocess.run(["perf", "record", "-e", "cpu-clock", "-F", "4999", "-g",
        "-p", str(register.daemon.pid), "-o", data, "--", "sleep",
        str(SECONDS - 1)], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, check=True)
    result = json.loads(load.communicate()[0])
    assert result["errors"] == 0, result
    counts = collections.Counter(layer(f, ours) for f in samples(data))
    total = sum(counts.values())
    each = result["server_cpu_us"]
    print("%s %s: %.0f a second, %.2f us of processor time each, p50 %.0f us" %
        (case, shape, result["rate"], each, result["p50_us"]))
    for what, n in counts.most_common():
        if n / total >= 0.004:
            print("  %6.2f us  %4.1f %%  %s" % (each * n / total,
                100 * n / total, what))


def main():
    shape = next((a for a in sys.argv[1:] if "x" in a), "16x16")
    cases = [a for a in sys.argv[1:] if "x" not in a] or ["get", "put"]
    ours = folders()
    with Pinned() as register:
        register.populate()
        for case in cases:
            measure(register, case, shape, ours)


if __name__ == "__main__":
    main()
