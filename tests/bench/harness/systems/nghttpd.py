"""nghttpd, which serves records as files: the ceiling of HTTP/2 over TLS with
the same libraries.  It asks for a client's certificate and does not check it.
It keeps 2,048 files open: with more it would be measured for opening them, so
that it has fewer."""
import itertools
import os

from ..place import read_records
from .system import System

FILES = 1000
ONE = ["--path", "/bench-0000000"]      # where a single call is enough


class Nghttpd(System):
    name = "nghttpd"
    title = "nghttpd"
    packages = ("nghttp2-server",)
    commands = {
        "first": ["first"] + ONE, "get": ["http"],
        "handshake": ["handshake"] + ONE,
        "resume": ["handshake", "--resume"] + ONE, "idle": ["idle"] + ONE,
    }

    def programs(self):
        return super().programs() + ["nghttpd"]

    def make(self, directory):
        os.mkdir(directory + "/files")
        for id_, data in itertools.islice(read_records(
                self.place.records_file(self.records)), FILES):
            with open("%s/files/%s" % (directory, id_), "wb") as f:
                f.write(data)

    def argv(self, directory):
        cert, key = self.place.server_pair
        return ["nghttpd", "-a", "127.0.0.1", "-n", "1", "--verify-client",
            # as many calls at once as the shapes need
            "-m", "256", "-d", directory + "/files", self.port, key, cert]

    def load_argv(self, words, options):
        return super().load_argv(words, dict(options,
            keys=min(FILES, self.records)))
