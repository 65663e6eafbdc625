"""etcd, one member: what it stores is the record's bytes, by its id."""
from .. import machine
from .system import System

RANGE = "/etcdserverpb.KV/Range"


class Etcd(System):
    name = "etcd"
    title = "etcd"
    packages = ("etcd-server",)
    commands = {
        "first": ["first", "--path", RANGE], "get": ["range"],
        "put": ["etcd-put"], "handshake": ["handshake", "--path", RANGE],
        "resume": ["handshake", "--path", RANGE, "--resume"],
        "idle": ["idle", "--path", RANGE], "watch": ["etcd-watch"],
    }

    def programs(self):
        return super().programs() + ["etcd"]

    def make(self, directory):
        self.port = machine.free_port()
        self.launch(self.argv(directory))
        try:
            self.await_port()
            self.load("put", sequential=True, calls=self.records,
                connections=16, streams=64, seed=1)
            self.first()
        finally:
            self.stop()

    def argv(self, directory):
        cert, key = self.place.server_pair
        client = "https://127.0.0.1:%d" % self.port
        peer = "http://127.0.0.1:%d" % machine.free_port()
        return ["etcd", "--data-dir", directory + "/member",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer,
            # what a member's own data says of itself must not change
            "--initial-advertise-peer-urls", "http://127.0.0.1:2380",
            "--initial-cluster", "default=http://127.0.0.1:2380",
            "--cert-file", cert, "--key-file", key, "--trusted-ca-file",
            self.place.ca, "--client-cert-auth", "--log-level", "error",
            "--logger", "zap",
            # room for what the puts leave behind
            "--quota-backend-bytes", str(8 << 30)]
