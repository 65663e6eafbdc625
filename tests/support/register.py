"""A register on loopback for tests in Python: a real resoprod with throwaway
certificates, and gRPC's stock client for any account.

    with Register() as register:
        register.accounts()
        agency = register.client("agence")
        agency.Registry.Get(reg.GetRequest(kind=t.KIND_SITE, id="x"))

Leaving the block stops the daemon by its own process id and asserts that it
ended as it should and complained of nothing.  The messages are what protoc
generates from proto/: messages("registry") is that module.
"""
import atexit
import importlib
import os
import pkgutil
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import uuid

os.environ.setdefault("GRPC_VERBOSITY", "NONE")     # refusals are expected
import google
import grpc
from google.protobuf import descriptor_pb2, message_factory

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("RESOPRO_BUILD") or
    os.path.join(TOP, "build"))
RESOPROD = os.path.join(BUILD, "resoprod")
RESOPRO = os.path.join(BUILD, "resopro")
AGENCY = "agence-orientation-metiers-normandie"
REGION = "region-normandie-conseil-regional"
PREFECTURE = "prefecture-de-la-region-normandie"
MEMBER = "mission-locale-des-jeunes-du-bocage"
PROXIMITY = "ccas-de-flers"
KINDS = {MEMBER: "mission-locale", PROXIMITY: "proximite-ccas",
    REGION: "autorite-region", PREFECTURE: "autorite-prefecture-region"}
# account: role, body.  One of each role.
ACCOUNTS = {
    "agence": ("AGENCY_ADMIN", AGENCY),
    "coordination": ("AGENCY_COORDINATOR", AGENCY),
    "region": ("REGION_SIGNATORY", REGION),
    "crefop": ("CREFOP", ""),
    "prefecture": ("PREFECTURE", PREFECTURE),
    "bocage": ("MEMBER_WRITER", MEMBER),
    "bocage-lecture": ("MEMBER_READER", MEMBER),
    "ccas-flers": ("PROXIMITY", PROXIMITY),
    "exploitation": ("OPERATOR", ""),
}
COMPLAINT = re.compile(rb"Sanitizer|runtime error:|level=error|[Aa]ssert")
SERVICES = {"Registry": "registry", "Memberships": "memberships",
    "Ownership": "ownership",
    "Activities": "activities", "Referrals": "referrals",
    "Territories": "territories", "Admin": "admin"}
BIG = [("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_send_message_length", 64 << 20)]


def scratch():
    """A directory of this process, gone when it ends."""
    if not scratch.path:
        scratch.path = tempfile.mkdtemp(prefix="resopro-")
        atexit.register(shutil.rmtree, scratch.path, ignore_errors=True)
    return scratch.path


scratch.path = None


def generate():
    """Have protoc write the messages, beside Debian's grpc and google."""
    out = os.path.join(scratch(), "py")
    if os.path.isdir(out):
        return
    os.mkdir(out)
    protos = ["resopro/v1/%s.proto" % p for p in
        ["types"] + sorted(SERVICES.values())] + [
        "google/rpc/status.proto", "google/rpc/error_details.proto",
        "grpc/health/v1/health.proto",
        "grpc/reflection/v1/reflection.proto",
        "grpc/reflection/v1alpha/reflection.proto"]
    subprocess.run(["protoc", "-I", ".", "-I", "/usr/include",
        "--python_out=" + out] + protos, cwd=os.path.join(TOP, "proto"),
        check=True)
    sys.path.insert(0, out)
    for package in (google, grpc):
        package.__path__ = pkgutil.extend_path(package.__path__,
            package.__name__)


def messages(name):
    """The generated module: "registry", "types", "google.rpc.status"..."""
    generate()
    return importlib.import_module(("resopro.v1." if "." not in name
        else "") + name + "_pb2")


def new_id():
    return uuid.uuid4().hex


def message_class(descriptor):
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return descriptor._concrete_class


CALLED = set()  # paths of the methods called so far


class Method:
    """One method of grpcio's, which remembers that it was called."""

    def __init__(self, path, call):
        self.path, self.call = path, call

    def __call__(self, *args, **options):
        CALLED.add(self.path)
        return self.call(*args, **options)

    def __getattr__(self, name):    # future, with_call
        CALLED.add(self.path)
        return getattr(self.call, name)


class Service:
    """Each method of a service as grpcio calls it, from its descriptor."""

    def __init__(self, channel, descriptor, classes=message_class):
        for method in descriptor.methods:
            shape = descriptor_pb2.MethodDescriptorProto()
            method.CopyToProto(shape)
            make = getattr(channel, "%s_%s" % tuple(
                "stream" if streams else "unary" for streams in
                (shape.client_streaming, shape.server_streaming)))
            path = "/%s/%s" % (descriptor.full_name, method.name)
            setattr(self, method.name, Method(path, make(path,
                request_serializer=classes(
                    method.input_type).SerializeToString,
                response_deserializer=classes(
                    method.output_type).FromString)))


class Client:
    """A channel with the services of resopro.v1 on it."""

    def __init__(self, channel):
        self.channel = channel
        for name, module in SERVICES.items():
            setattr(self, name, Service(channel, messages(module)
                .DESCRIPTOR.services_by_name[name]))

    def close(self):
        self.channel.close()


# What a client's own library may say, without the daemon.
LOCAL = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED}
# What ErrorInfo has for a reason when nobody gave one.
NO_REASON = {"INVALID", "UNAUTHENTICATED", "DENIED", "NOT_FOUND", "EXISTS",
    "CONFLICT", "PRECONDITION", "LIMIT", "COMPACTED", "UNIMPLEMENTED", "NOMEM",
    "IO", "CORRUPT", "INTERNAL", "UNKNOWN"}


def refusal(call, *codes):
    """The error that `call` must end with; the daemon's explain themselves."""
    try:
        answer = call()
        if hasattr(answer, "__next__"):
            answer = list(answer)
    except grpc.RpcError as e:
        assert e.code() in codes, "%s instead of %s: %s" % (e.code(), codes,
            e.details())
        if e.code() not in LOCAL or details_bytes(e):
            info = details(e)["ErrorInfo"]
            assert info.reason and info.reason not in NO_REASON, (e.details(),
                info)
        return e
    raise AssertionError("answered instead of %s: %.300s" % (codes, answer))


def details_bytes(error):
    return dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")


def details(error):
    """The google.rpc details of an error, by the name of their type."""
    kinds = messages("google.rpc.error_details")
    raw = details_bytes(error)
    assert raw, "no grpc-status-details-bin: %s" % error.details()
    status = messages("google.rpc.status").Status.FromString(raw)
    assert status.code == error.code().value[0], status
    assert status.message == error.details(), status
    found = {}
    for packed in status.details:
        prefix, name = packed.type_url.rsplit("/", 1)
        assert prefix == "type.googleapis.com", packed.type_url
        kind = getattr(kinds, name.rsplit(".", 1)[1])
        assert name == kind.DESCRIPTOR.full_name
        found[kind.__name__] = kind.FromString(packed.value)
    return found


def until(condition, what, seconds=15):
    """Wait for what another process does; it is told apart from never."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen: " + what
        time.sleep(0.01)


def run_tests(functions, *args):
    """Run each, print what tests/run counts, exit."""
    wanted, failed = sys.argv[1:], 0
    for name, test in list(functions.items()):
        if "__" not in name or name.startswith("__") or not callable(test):
            continue
        if wanted and not any(w in name for w in wanted):
            continue
        try:
            test(*args)
            print("[       OK ] %s" % name, flush=True)
        except Exception:
            failed += 1
            print("[  FAILED  ] %s" % name)
            print(traceback.format_exc(), flush=True)
    return failed


def is_instrumented():
    """Is it a sanitizer's build, whose memory is another?"""
    with open(RESOPROD, "rb") as f:
        return re.search(rb"__[at]san_init", f.read()) is not None


def need_programs():
    if not os.access(RESOPROD, os.X_OK) or not os.access(RESOPRO, os.X_OK):
        print("no programs in %s yet" % BUILD)
        sys.exit(77)


class Register:
    """One daemon and the directory of all that it needs."""

    def __init__(self, options=None, environment=None, command=()):
        """`command`: what to run the daemon under."""
        need_programs()
        self.command = list(command)
        self.dir = tempfile.mkdtemp(prefix="register.", dir=scratch())
        self.pki = os.path.join(self.dir, "pki")
        self.log = os.path.join(self.dir, "resoprod.log")
        self.conf = os.path.join(self.dir, "resoprod.conf")
        self.environment = dict(os.environ, **environment or {})
        self.daemon = None
        self.expected = None    # a complaint that the test provokes
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.address = "localhost:%d" % self.port
        self.make_pki()
        self.configure(options or {})

    def make_pki(self):
        for what in ["init"], ["server", "localhost"], *(
                ["account", account] for account in ACCOUNTS):
            subprocess.run([RESOPRO, "pki", what[0], self.pki] + what[1:] +
                ["--quiet"], check=True, stdout=subprocess.DEVNULL)

    def configure(self, options):
        """{("section", "option"): value} beside what a test needs."""
        all_options = {("listen", "address"): "127.0.0.1:%d" % self.port,
            ("tls", "cert_file"): self.pki + "/server.pem",
            ("tls", "key_file"): self.pki + "/server.key",
            ("tls", "ca_file"): self.pki + "/ca.pem",
            ("tls", "crl_file"): self.pki + "/crl.pem",
            ("store", "dir"): self.dir + "/data",
            ("store", "map_size"): "1GiB",
            ("data", "dir"): TOP + "/config"}
        all_options.update(options)
        with open(self.conf, "w") as f:
            for section in sorted({s for s, _ in all_options}):
                f.write("[%s]\n" % section)
                f.writelines("%s = %s\n" % (o, v) for (s, o), v in
                    all_options.items() if s == section)

    def run(self, *args):
        """resoprod with these arguments, to its end: code, what it said."""
        done = subprocess.run([RESOPROD, "-c", self.conf] + list(args),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
            env=self.environment)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def cli(self, account, *args, **options):
        """The CLI as an account: code, what it said."""
        env = dict(os.environ, RESOPRO_SERVER=self.address,
            RESOPRO_CA=self.pki + "/ca.pem", RESOPRO_LANG="en",
            RESOPRO_CERT="%s/account-%s.pem" % (self.pki, account),
            RESOPRO_KEY="%s/account-%s.key" % (self.pki, account))
        done = subprocess.run([RESOPRO] + list(args), env=env, timeout=120,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, **options)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def init(self):
        code, said = self.run("--init", "agence", "--organisation", AGENCY)
        assert code == 0, said
        return self

    def start(self):
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen(self.command + [RESOPROD, "-c",
                self.conf], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment)
        until(self.answers, "the daemon answers", 30)
        return self

    def answers(self):
        assert self.daemon.poll() is None, "the daemon ended:\n" + self.tail()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def tail(self):
        with open(self.log, "rb") as f:
            return f.read()[-4000:].decode("utf-8", "replace")

    def kill(self):
        """As a power cut, to this process."""
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()
        self.daemon = None

    def stop(self):
        """SIGTERM; it must end by itself, with 0, without a complaint."""
        if self.daemon is None:
            return
        daemon, self.daemon = self.daemon, None
        daemon.terminate()
        try:
            code = daemon.wait(timeout=60)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
            raise AssertionError("did not stop:\n" + self.tail())
        with open(self.log, "rb") as f:
            bad = [line for line in f if COMPLAINT.search(line) and not (
                self.expected and re.search(self.expected, line))]
        assert code == 0 and not bad, "exit %s\n%s\n%s" % (code,
            b"".join(bad[:20]).decode("utf-8", "replace"), self.tail())

    def read(self, name):
        with open(os.path.join(self.pki, name), "rb") as f:
            return f.read()

    def channel(self, account=None, options=(), **more):
        """A channel with the certificate of an account, or without any."""
        pair = {} if account is None else {
            "private_key": self.read("account-%s.key" % account),
            "certificate_chain": self.read("account-%s.pem" % account)}
        # A channel of its own has a connection of its own.
        return grpc.secure_channel(self.address, grpc.ssl_channel_credentials(
            self.read("ca.pem"), **pair), options=BIG + [
            ("grpc.use_local_subchannel_pool", 1)] + list(options), **more)

    def client(self, account=None, options=(), **more):
        return Client(self.channel(account, options, **more))

    def put_organisation(self, client, organisation, kind):
        t, reg = messages("types"), messages("registry")
        return client.Registry.Put(reg.PutRequest(request_id=new_id(),
            record=t.Record(kind=t.KIND_ORGANISATION, id=organisation,
            owner=organisation, organisation=t.Organisation(
            nom=organisation.replace("-", " "), kind=kind))))

    def accounts(self, bodies=True):
        """Every account; their bodies too, unless the samples are loaded."""
        admin = messages("admin")
        client = self.client("agence")
        for account, (role, body) in ACCOUNTS.items():
            if account == "agence":
                continue
            if bodies and body not in ("", AGENCY):
                self.put_organisation(client, body, KINDS[body])
            client.Admin.PutAccount(admin.PutAccountRequest(
                request_id=new_id(), account=admin.Account(id=account,
                organisation_id=body, roles=["ROLE_" + role],
                territories=["arr:612"] if "COORDINATOR" in role else [])))
        client.close()
        return self

    def __enter__(self):
        return self.init().start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.daemon is not None:
            print(self.tail())
            self.kill()
