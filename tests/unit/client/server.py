#!/usr/bin/python3
"""A stock gRPC server for the unit tests of the client library.

    server.py DIR      DIR has ca.pem, server.pem, server.key

Python's grpcio behind a TCP relay that can lose requests and cut connections.
Prints the relay's port, then serves until its standard input is closed.
Messages are resopro.v1.RecordName (kind = 1, id = 2) and, for Write,
DeleteRequest (request_id = 1, kind = 2, id = 3); the id says what is to happen.
They are encoded by hand: malformed ones are wanted too.
"""
import os
import socket
import sys
import threading
from concurrent import futures

import grpc

LARGE = 6000    # no TLS handshake has so many bytes at once


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def name(text):
    return field(2, text)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def text(data, number=2):
    at, out = 0, b""
    while at < len(data):
        tag, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if tag & 7 == 2:
            if tag >> 3 == number:
                out = data[at:at + value]
            at += value
    return out.decode()


class State:
    def __init__(self, directory):
        self.directory = directory
        self.lock = threading.Lock()
        self.asked = {}         # request id, or what is to happen: times
        self.relay = None
        self.servers = []
        self.released = threading.Event()

    def port(self):
        return "%d" % self.relay.socket.getsockname()[1]

    def ask(self, key):
        with self.lock:
            self.asked[key] = self.asked.get(key, 0) + 1
            return self.asked[key]


# ---- unary -----------------------------------------------------------------

def echo(state, request, context):
    return request


def echo_gzip(state, request, context):
    context.set_compression(grpc.Compression.Gzip)
    return request


def hang(state, request, context):
    gone = threading.Event()
    context.add_callback(gone.set)
    gone.wait(20)
    return request


def fail(state, request, context):
    context.abort(getattr(grpc.StatusCode, text(request)), "as asked")


def bytes_of(state, request, context):
    return bytes.fromhex(text(request))


def trailer(state, request, context):
    """The id in hexadecimal is the details."""
    context.set_trailing_metadata(
        (("grpc-status-details-bin", bytes.fromhex(text(request))),))
    context.abort(grpc.StatusCode.NOT_FOUND, "no such record")


def busy(state, request, context):
    """UNAVAILABLE until the third time."""
    if state.ask(text(request)) < 3:
        context.abort(grpc.StatusCode.UNAVAILABLE, "draining")
    return name("third time")


def asked(state, request, context):
    return name("%d" % state.asked.get(text(request), 0))


def write(state, request, context):
    request_id, how = text(request, 1), text(request, 3).strip()
    nth = state.ask(request_id or how)
    if how == "cut" or (how == "cut once" and nth == 1):
        state.relay.cut()
        return hang(state, request, context)
    if how in ("hang", "hang at " + state.port()):
        return hang(state, request, context)
    if how == "refuse" or how == "cut, refuse":
        if how == "cut, refuse" and nth == 1:
            state.relay.cut()
        context.abort(grpc.StatusCode.UNAVAILABLE, "draining")
    return name(how)


def lose(state, request, context):
    """The next N large requests are lost, with their connection."""
    state.relay.losses = int(text(request))
    return request


def freeze(state, request, context):
    """From now on the relay passes on no request, and says nothing."""
    state.relay.frozen = True
    return request


def refuse_at(state, request, context):
    """UNAVAILABLE from the server of this port."""
    if text(request) == state.port():
        state.ask("refused")
        context.abort(grpc.StatusCode.UNAVAILABLE, "no quorum")
    return name(state.port())


def whoami(state, request, context):
    return name(state.port())


def drain(state, request, context):
    """GOAWAY to whoever is connected; another server takes new calls."""
    old = state.servers[-1]
    state.relay.port = serve(state)
    old.stop(grace=20)      # before the answer: GOAWAY arrives no later
    return request


def release(state, request, context):
    state.released.set()
    return request


# ---- streams ---------------------------------------------------------------

def count(state, request, context):
    """ "N SIZE": N messages of SIZE bytes, numbered. """
    n, size = (int(word) for word in text(request).split())
    for i in range(n):
        state.asked["counted"] = i + 1
        yield name(("%d " % i).ljust(size, "x"))


def wait_released(state, request, context):
    yield name("begun")
    state.released.wait(20)
    yield name("released")


def one_then_fail(state, request, context):
    yield name("one")
    context.abort(grpc.StatusCode.DATA_LOSS, "checksum")


def collect(state, requests, context):
    n = size = 0
    for request in requests:
        n += 1
        size += len(text(request))
    return name("%d %d" % (n, size))


def echo_each(state, requests, context):
    for request in requests:
        if text(request) == "cut":
            state.relay.cut()
            hang(state, request, context)
        yield request


def answer_first(state, requests, context):
    """4 MiB before anything is read: both sides send at once."""
    yield from count(state, name("256 16384"), context)
    yield collect(state, requests, context)


def stop_at_two(state, requests, context):
    next(requests)
    next(requests)
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "two are enough")
    yield b""


METHODS = (
    (grpc.unary_unary_rpc_method_handler, {
        "Echo": echo, "EchoGzip": echo_gzip, "Hang": hang, "Fail": fail,
        "Bytes": bytes_of, "Trailer": trailer, "Busy": busy, "Asked": asked,
        "Write": write, "Lose": lose, "Drain": drain, "Release": release,
        "Freeze": freeze, "WhoAmI": whoami, "RefuseAt": refuse_at}),
    (grpc.unary_stream_rpc_method_handler, {
        "Count": count, "WaitReleased": wait_released,
        "OneThenFail": one_then_fail}),
    (grpc.stream_unary_rpc_method_handler, {"Collect": collect}),
    (grpc.stream_stream_rpc_method_handler, {
        "EchoEach": echo_each, "AnswerFirst": answer_first,
        "StopAtTwo": stop_at_two}))


class Methods(grpc.GenericRpcHandler):
    def __init__(self, state):
        self.state = state

    def service(self, details):
        method = details.method.rsplit("/", 1)[1]
        for handler, table in METHODS:
            if method in table:
                run = table[method]
                return handler(lambda r, c: run(self.state, r, c))
        return None


def serve(state):
    def read(file):
        with open(os.path.join(state.directory, file), "rb") as f:
            return f.read()

    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=32), handlers=[Methods(state)],
        options=(("grpc.so_reuseport", 0),
                 ("grpc.max_receive_message_length", 32 << 20)))
    credentials = grpc.ssl_server_credentials(
        ((read("server.key"), read("server.pem")),), read("ca.pem"), True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    state.servers.append(server)
    return port


# ---- the relay -------------------------------------------------------------

class Relay:
    def __init__(self, port):
        self.port = port
        self.pairs = []
        self.losses = 0
        self.frozen = False
        self.lock = threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.socket.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            with self.lock:
                self.pairs.append((client, server))
            for a, b, up in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.pump, args=(a, b, up),
                                 daemon=True).start()

    def pump(self, source, sink, up):
        try:
            while data := source.recv(65536):
                if up and len(data) >= LARGE and self.loses():
                    break
                if not (up and self.frozen):
                    sink.sendall(data)
        except OSError:
            pass
        self.close((source, sink))

    def loses(self):
        with self.lock:
            lost = self.losses > 0
            self.losses -= lost
            return lost

    def close(self, pair):
        for s in pair:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            self.close(pair)


def main():
    state = State(sys.argv[1])
    state.relay = Relay(serve(state))
    print(state.relay.socket.getsockname()[1], flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


main()
