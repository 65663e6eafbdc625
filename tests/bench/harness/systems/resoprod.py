"""resoprod itself, with policy, limits, metrics and logging as shipped.

What differs from the shipped configuration: one worker, since the server has
one core; room for the connections that the cases open from one address; and a
map large enough for a million records."""
import subprocess

from .. import machine
from ..place import TOP
from .system import System

AGENCY = "agence-orientation-metiers-normandie"
CONFIGURATION = """[listen]
address = 127.0.0.1:{port}
[tls]
cert_file = {cert}
key_file = {key}
ca_file = {ca}
crl_file = {pki}/crl.pem
[store]
dir = {dir}/register
map_size = 16GiB
[workers]
count = 1
[data]
dir = {top}/config
[limits]
max_connections_per_address = 10000
"""


class Resoprod(System):
    name = "resoprod"
    title = "resoprod"
    commands = {
        "first": ["first"], "get": ["get"], "batchget": ["batchget"],
        "list": ["list"], "find": ["find"], "put": ["put"],
        "handshake": ["handshake"], "resume": ["handshake", "--resume"],
        "idle": ["idle"], "watch": ["watch"],
        "sync-new": ["sync", "--full", "--fresh"],
        "sync-same": ["sync", "--full"],
        "sync-changed": ["sync", "--full"],
    }

    def programs(self):
        return super().programs() + [self.place.program(p) for p in
            ("resoprod", "resopro", "resopro-bench-data")]

    def makers(self):
        return super().makers() + [self.place.program("resoprod")]

    def configure(self, directory):
        path = self.place.path("work", "resoprod.conf")
        cert, key = self.place.server_pair
        with open(path, "w") as f:
            f.write(CONFIGURATION.format(port=self.port, cert=cert, key=key,
                ca=self.place.ca, pki=self.place.pki, dir=directory, top=TOP))
        return path

    def make(self, directory):
        """Through its own Sync, as a member's system would."""
        self.port = machine.free_port()
        subprocess.run([self.place.program("resoprod"), "-c",
            self.configure(directory), "--init", "agence", "--organisation",
            AGENCY], check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.launch(self.argv(directory))
        try:
            cert, key = self.place.client_pair
            client = ["-a", self.place.ca, "-c", cert, "-k", key]
            self.await_port()
            subprocess.run([self.place.program("resopro-bench-data"), "load",
                "-m", self.place.communes, "-n", str(self.records), "-s",
                "localhost:%d" % self.port] + client, check=True)
        finally:
            self.stop()

    def cli(self, *words, **options):
        cert, key = self.place.client_pair
        return subprocess.run([self.place.program("resopro"), "--server",
            "localhost:%d" % self.port, "--ca", self.place.ca, "--cert", cert,
            "--key", key] + list(words), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, **options)

    def token(self):
        """A new API token of the account, for who has no certificate."""
        done = self.cli("account", "token", "create", "agence", "--quiet")
        if done.returncode != 0:
            raise machine.Failure("no token: " + done.stderr.strip())
        return done.stdout.strip()

    def argv(self, directory):
        return [self.place.program("resoprod"), "-c",
            self.configure(directory)]
