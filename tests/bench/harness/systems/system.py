"""What the systems have in common: a process on the server's core, the data
that it starts from, and the load generator's command line."""
import json
import os
import signal
import socket
import subprocess
import time

from .. import machine
from ..place import newer

START_SECONDS = 120
STOP_SECONDS = 60
SETTLE_SECONDS = 30


class System:
    """One server program.  A subclass says how it is prepared, started and
    called; an instance runs one process at a time."""

    name = None             # as PEERS and the results have it
    title = None            # as people read it
    packages = ()           # Debian's
    # case: the load generator's words for it; what is missing is not measured
    commands = {}
    loader = "resopro-load"

    def __init__(self, place, records=None):
        self.place = place
        self.records = records or place.records
        self.process = None
        self.port = None
        self.command = None
        self.log = place.path("log", self.name + ".log")

    # ---- for subclasses --------------------------------------------------

    def programs(self):
        """What must be there before anything begins."""
        return [self.place.program(self.loader)]

    def make(self, directory):
        """Fill the directory with the records, once."""

    def argv(self, directory):
        """The server on self.port with the data in the directory."""
        raise NotImplementedError

    def files(self, directory):
        """What a start reads, for the page cache."""
        return [directory]

    # ---- data ------------------------------------------------------------

    def makers(self):
        """The programs whose change makes kept data those of another build."""
        return [self.place.program("resopro-bench-data")]

    def prepare(self):
        """The data, kept in build/bench/data for as long as their makers are
        the same."""
        kept = self.place.path("data", "%s-%d" % (self.name, self.records))
        if not newer(kept + "/.made", self.makers()):
            subprocess.run(["rm", "-rf", kept], check=True)
            os.makedirs(kept, mode=0o700)
            self.make(kept)
            open(kept + "/.made", "w").close()
        return kept

    # ---- one run ---------------------------------------------------------

    def start(self, writes=False):
        """Start the server, on a copy of its data when it `writes`; when this
        returns it has answered and is done with what a start leaves to do."""
        self.ready_to_start(writes)
        self.launch_ready()
        self.first()
        self.settle()
        return self

    def settle(self):
        """Until it rests: indexes and caches may be filled beside calls."""
        end = time.monotonic() + SETTLE_SECONDS
        used = machine.cpu_seconds(self.pid)
        while time.monotonic() < end:
            time.sleep(0.25)
            before, used = used, machine.cpu_seconds(self.pid)
            if used - before < 0.02:    # 8 % of a core
                return

    def ready_to_start(self, writes=False, cold=False):
        """All but the start: its files are in the page cache, or not."""
        directory = self.prepare()
        if writes:
            copy = self.place.path("work", self.name)
            machine.copy_tree(directory, copy)
            directory = copy
        (machine.page_cache_cold if cold else machine.page_cache_warm)(
            self.files(directory))
        self.port = machine.free_port()
        self.command = self.argv(directory)

    def launch_ready(self):
        self.launch(self.place.on_server_core(self.command))

    def launch(self, argv):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([str(a) for a in argv],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def await_port(self):
        """Until somebody listens: of a server that has no records yet."""
        end = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise machine.Failure("%s did not start; see %s" % (self.name,
            self.log))

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise machine.Failure("%s did not stop; see %s" % (self.name,
                self.log))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- load ------------------------------------------------------------

    def can(self, case):
        return case in self.commands

    def load_argv(self, words, options):
        """The load generator with its words for a case and {option: value};
        True stands for an option without a value."""
        cert, key = self.place.client_pair
        all_ = {"server": "127.0.0.1:%d" % self.port, "authority": "localhost",
            "ca": self.place.ca, "cert": cert, "key": key,
            "communes": self.place.communes, "keys": self.records,
            "pid": self.process and self.process.pid}
        all_.update(options)
        argv = [self.place.program(self.loader)] + list(words)
        for name, value in all_.items():
            if value is not None:
                argv += ["--" + name] + ([] if value is True else [value])
        return self.place.on_load_core(argv)

    def spawn_load(self, case, **options):
        words = self.commands[case]
        named = {name.replace("_", "-"): value for name, value in
            options.items()}
        return subprocess.Popen([str(a) for a in
            self.load_argv(words, named)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def load(self, case, **options):
        """Put load on it; the generator's line."""
        return self.result(case, self.spawn_load(case, **options))

    def result(self, case, child):
        out, err = child.communicate(timeout=600)
        if child.returncode != 0:
            raise machine.Failure("%s %s: %s" % (self.name, case,
                (err.strip().splitlines() or ["exit code %d" %
                    child.returncode])[0]))
        return json.loads(out)

    def first(self):
        """Wait until it has answered."""
        try:
            self.load("first", hold=START_SECONDS)
        except machine.Failure as e:
            with open(self.log, "rb") as f:
                tail = f.read()[-2000:].decode("utf-8", "replace")
            raise machine.Failure("%s does not answer: %s\n%s" % (self.name,
                e, tail))
