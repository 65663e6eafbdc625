"""Where the benchmark keeps things: build/bench, made anew by deleting it."""
import os
import subprocess

from . import machine

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
ACCOUNTS = ("agence",)


def newer(path, programs):
    """Is there a file, made after all these programs were?"""
    return os.path.exists(path) and all(os.path.getmtime(path) >
        os.path.getmtime(p) for p in programs)


class Place:
    """Files and programs, and which core does what: the server's, the load
    generator's; None: any."""

    def __init__(self, build, records, cores=(0, 1), name="bench"):
        self.build = os.path.abspath(build)
        self.dir = os.path.join(self.build, name)
        self.records = records
        self.cores = cores
        self.communes = os.path.join(TOP, "config/territories/communes.csv")
        self.pki = os.path.join(self.dir, "pki")
        os.makedirs(self.dir, mode=0o700, exist_ok=True)
        self.make_pki()

    def on_server_core(self, argv):
        return machine.pinned(self.cores[0], argv) if self.cores else argv

    def on_load_core(self, argv):
        return machine.pinned(self.cores[1], argv) if self.cores else argv

    def program(self, name):
        """resoprod and resopro, or one of tests/bench."""
        for folder in ("", "tests/bench"):
            path = os.path.join(self.build, folder, name)
            if os.access(path, os.X_OK):
                return path
        return os.path.join(self.build, "tests/bench", name)

    def path(self, *names):
        """A file of ours; the folders above it are there."""
        path = os.path.join(self.dir, *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def make_pki(self):
        """One authority, the server's certificate, the client's."""
        made = os.path.join(self.pki, ".made")
        if os.path.exists(made):
            return
        subprocess.run(["rm", "-rf", self.pki], check=True)
        for what in ["init"], ["server", "localhost"], *(
                ["account", account] for account in ACCOUNTS):
            subprocess.run([self.program("resopro"), "pki", what[0],
                self.pki] + what[1:] + ["--quiet"], check=True,
                stdout=subprocess.DEVNULL)
        open(made, "w").close()

    @property
    def ca(self):
        return self.pki + "/ca.pem"

    @property
    def server_pair(self):
        return self.pki + "/server.pem", self.pki + "/server.key"

    @property
    def client_pair(self):
        return self.pki + "/account-agence.pem", \
            self.pki + "/account-agence.key"

    def records_file(self, n):
        """`n` records as a Get returns them: see resopro-bench-data."""
        path = self.path("data", "records-%d.bin" % n)
        maker = self.program("resopro-bench-data")
        if not newer(path, [maker]):
            with open(path + ".part", "wb") as f:
                subprocess.run([maker, "write",
                    "-m", self.communes, "-n", str(n)], stdout=f, check=True)
            os.rename(path + ".part", path)
        return path


def read_records(path):
    """Each record of a file of resopro-bench-data: id, bytes."""
    with open(path, "rb") as f:
        while True:
            head = f.read(4)
            if not head:
                return
            data = f.read(int.from_bytes(head, "little"))
            if data[:1] != b"\x0a":     # field 1, the id, comes first
                raise machine.Failure("%s: not a file of records" % path)
            yield data[2:2 + data[1]].decode(), data
