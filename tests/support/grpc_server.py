"""A register played by Python's grpcio, for tests of libresopro: what a call
names is what happens to it.

    grpc_server.py PKI

PKI holds ca.pem, server.pem and server.key; PYTHONPATH the generated code.
Prints one line, "PORT AGEING", once both ports listen: AGEING is a server that
sends GOAWAY to each connection after half a second, PORT a relay in front of
the other one, whose connections "cut" breaks.  Ends with its standard input.
"""
import collections
import os
import pkgutil
import socket
import sys
import threading
import time
from concurrent import futures

import google
import grpc

google.__path__ = pkgutil.extend_path(google.__path__, google.__name__)

from google.protobuf import any_pb2
from google.rpc import error_details_pb2 as details, status_pb2
from resopro.v1 import registry_pb2 as reg, registry_pb2_grpc, types_pb2 as t

LIMIT = 32 << 20


class Relay:
    """TCP, passed on byte by byte, until it is cut."""

    def __init__(self, port):
        self.port = port
        self.pairs = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.port))
            self.pairs.append((near, far))
            for a, b in (near, far), (far, near):
                threading.Thread(target=self.copy, args=(a, b),
                    daemon=True).start()

    def copy(self, a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def refuse(context, code, message, *infos):
    status = status_pb2.Status(code=code.value[0], message=message)
    for info in infos:
        one = any_pb2.Any()
        one.Pack(info)
        status.details.append(one)
    context.set_trailing_metadata((("grpc-status-details-bin",
        status.SerializeToString()),))
    context.abort(code, message)


def record(name):
    return t.Record(kind=t.KIND_ORGANISATION, id="x",
        organisation=t.Organisation(nom=name))


def every_detail(context):
    field = details.BadRequest.FieldViolation(field="record.nom",
        description="is missing")
    rule = details.PreconditionFailure.Violation(type="RULE",
        subject="status", description="does not hold")
    refuse(context, grpc.StatusCode.FAILED_PRECONDITION,
        "Ça ne va pas: 100 %; try this",
        details.ErrorInfo(reason="NOT_SO", domain="test",
            metadata={"remedy": "try this", "current_version": "7"}),
        details.BadRequest(field_violations=[field] * 20),
        details.PreconditionFailure(violations=[rule]))


class Registry(registry_pb2_grpc.RegistryServicer):
    def __init__(self, relay):
        self.relay = relay
        self.seen = collections.Counter()

    def Get(self, request, context):
        action = getattr(self, "get_" + request.id.split("-")[0])
        return reg.GetResponse(revision=1, record=record(action(request.id,
            context)))

    def get_ok(self, name, context):
        return "Élan"

    def get_headers(self, name, context):
        sent = dict(context.invocation_metadata())
        who = context.auth_context().get("x509_common_name", [b"nobody"])
        return "%s %s %s" % (sent.get("authorization", "-"),
            sent["user-agent"].split(" grpc")[0], who[0].decode())

    def get_remaining(self, name, context):
        left = context.time_remaining()
        # grpcio gives a very long time for none
        return "for ever" if left is None or left > 1e9 else str(round(left))

    def get_big(self, name, context):
        return "x" * int(name.split("-")[1])

    def get_gzip(self, name, context):
        context.set_compression(grpc.Compression.Gzip)
        return "x" * 100000

    def get_details(self, name, context):
        every_detail(context)

    def get_refused(self, name, context):
        refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "slow down",
            details.RetryInfo(retry_delay={"seconds": 2, "nanos": 5000000}),
            details.QuotaFailure(violations=[{"subject": "calls",
                "description": "too many"}]))

    def get_busy(self, name, context):
        """UNAVAILABLE twice, then well."""
        self.seen[name] += 1
        if self.seen[name] < 3:
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        return str(self.seen[name])

    def get_down(self, name, context):
        self.seen[name] += 1
        context.abort(grpc.StatusCode.UNAVAILABLE, "down %d"
            % self.seen[name])

    def get_sleep(self, name, context):
        over = threading.Event()
        context.add_callback(over.set)
        over.wait(20)
        self.seen["cancelled"] += 1
        return "late"

    def get_cancelled(self, name, context):
        for _ in range(200):    # the server hears of it a little later
            if self.seen["cancelled"]:
                break
            time.sleep(0.01)
        return str(self.seen["cancelled"])

    def Put(self, request, context):
        """The connection breaks before the answer, the first time only."""
        name = request.record.id
        self.seen[name] += 1
        if name.startswith("lost") or self.seen[name] == 1:
            self.relay.cut()
        return reg.PutResponse(revision=self.seen[name])

    def Watch(self, request, context):
        """As many messages as it says; then OK, an error or silence."""
        count, then = request.owner.split("-")
        for i in range(int(count)):
            yield reg.WatchResponse(revision=i + 1)
        if then == "fail":
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "compacted")
        if then == "cut":
            self.relay.cut()
        if then in ("silence", "cut"):
            self.get_sleep("", context)

    def Sync(self, requests, context):
        """An answer for each request; "early" ends at the first."""
        for request in requests:
            if request.start.source == "early":
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")
            yield reg.SyncResponse(
                plan=reg.SyncPlan(items=[reg.SyncPlanItem(name="y" * 2000)]))


def read(pki, name):
    with open(os.path.join(pki, name), "rb") as f:
        return f.read()


def serve(pki, registry, *options):
    credentials = grpc.ssl_server_credentials(
        [(read(pki, "server.key"), read(pki, "server.pem"))],
        read(pki, "ca.pem"), True)
    server = grpc.server(futures.ThreadPoolExecutor(32), options=[
        ("grpc.max_receive_message_length", LIMIT),
        ("grpc.max_send_message_length", LIMIT), *options])
    registry_pb2_grpc.add_RegistryServicer_to_server(registry, server)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    return server, port


def main():
    registry = Registry(None)
    first, port = serve(sys.argv[1], registry)
    second, ageing = serve(sys.argv[1], registry,
        ("grpc.max_connection_age_ms", 500),
        ("grpc.max_connection_age_grace_ms", 20000))
    registry.relay = Relay(port)
    print(registry.relay.listener.getsockname()[1], ageing, flush=True)
    sys.stdin.read()
    for server in first, second:
        server.stop(None)
    os._exit(0)     # whatever still waits


if __name__ == "__main__":
    main()
