"""HTTP/2 by hand, over TLS: for what no library would send.  Only header
lists of answers are decoded by one, python3-hpack."""
import base64
import socket
import ssl
import struct

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, \
    WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, ACK = 1, 4, 8, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b"", length=None):
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


def message(body, flag=0, length=None):
    """A gRPC message: five bytes before it."""
    return bytes([flag]) + struct.pack(">I", len(body) if length is None
        else length) + body


def literal(value):
    """A string of HPACK, not compressed."""
    value = value if isinstance(value, bytes) else value.encode()
    n, out = len(value), b""
    if n < 127:
        return bytes([n]) + value
    out, n = b"\x7f", n - 127
    while n >= 128:
        out, n = out + bytes([n % 128 + 128]), n // 128
    return out + bytes([n]) + value


def block(headers):
    return b"".join(b"\x00" + literal(n) + literal(v) for n, v in headers)


def headers_of(path, **changes):
    """Those of a gRPC call; content_type=None leaves one out."""
    fields = {":method": "POST", ":scheme": "https", ":path": path,
        ":authority": "localhost", "te": "trailers",
        "content-type": "application/grpc"}
    fields.update({n.replace("_", "-").replace("--", ":"): v
        for n, v in changes.items()})
    return [(n, v) for n, v in fields.items() if v is not None]


def tls(register, account=None, alpn=("h2",), version=None):
    """A TLS socket, with the certificate of an account or none."""
    context = ssl.create_default_context(cafile=register.pki + "/ca.pem")
    if alpn:
        context.set_alpn_protocols(alpn)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if account is not None:
        context.load_cert_chain("%s/account-%s.pem" % (register.pki, account),
            "%s/account-%s.key" % (register.pki, account))
    s = socket.create_connection(("127.0.0.1", register.port), 10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(s, server_hostname="localhost")


class Answer:
    """What has been said on one stream."""

    def __init__(self):
        self.fields, self.reset, self.room = {}, None, 0
        self.data, self.ended = b"", False

    def number(self, name):
        value = self.fields.get(name)
        return None if value is None else int(value)

    @property
    def http(self):
        return self.number(":status")

    @property
    def grpc(self):
        return self.number("grpc-status")

    @property
    def details(self):
        """The bytes of google.rpc.Status."""
        text = self.fields["grpc-status-details-bin"]
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


class H2:
    """A connection, its preface sent."""

    def __init__(self, register, account="agence"):
        self.socket = tls(register, account)
        self.socket.settimeout(15)
        self.answers, self.next, self.goaway, self.buffer = {}, 1, None, b""
        self.closed = self.settled = False
        self.goaways = []       # last stream, code
        self.pongs, self.pinged, self.answered = True, 0, []
        self.room = self.window = 65535
        self.decoder, self.block = hpack.Decoder(), b""
        self.send(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, raw):
        """The other side may have had enough: its answer tells."""
        try:
            self.socket.sendall(raw)
        except OSError:
            pass

    def close(self):
        self.socket.close()

    def open(self, path, end=False, extra=(), **changes):
        """A header list, in CONTINUATION frames too if it is long."""
        raw = block(headers_of(path, **changes) + list(extra))
        return self.open_block(raw, end)

    def open_block(self, raw, end=False):
        stream, self.next = self.next, self.next + 2
        self.answers[stream] = Answer()
        parts = [raw[i:i + 16384] for i in range(0, len(raw), 16384)]
        for i, part in enumerate(parts):
            flags = END_HEADERS if i == len(parts) - 1 else 0
            self.send(frame(CONTINUATION if i else HEADERS,
                flags | (END_STREAM if end and not i else 0), stream, part))
        return stream

    def settle(self):
        """The first SETTINGS tell the window of a stream."""
        while not self.settled and self.read():
            pass

    def data(self, stream, raw, end=True):
        """All of it, as the windows allow, while somebody listens."""
        self.settle()
        chunks = [raw[i:i + 16384] for i in range(0, len(raw), 16384)] or [b""]
        answer = self.answers[stream]
        for i, chunk in enumerate(chunks):
            while not answer.ended and not self.closed and len(chunk) > min(
                    self.room, self.window + answer.room):
                self.read()
            if answer.ended or self.closed:
                return
            self.room -= len(chunk)
            answer.room -= len(chunk)
            self.send(frame(DATA, END_STREAM if end and i == len(chunks) - 1
                else 0, stream, chunk))

    def read(self):
        """One frame; False at the end of the connection."""
        try:
            while len(self.buffer) < 9 or len(self.buffer) < 9 + \
                    int.from_bytes(self.buffer[:3], "big"):
                more = self.socket.recv(65536)
                if not more:
                    raise ConnectionError
                self.buffer += more
        except (ConnectionError, ssl.SSLError):
            self.closed = True
            return False
        length = int.from_bytes(self.buffer[:3], "big")
        kind, flags = self.buffer[3], self.buffer[4]
        stream = int.from_bytes(self.buffer[5:9], "big")
        payload = self.buffer[9:9 + length]
        self.buffer = self.buffer[9 + length:]
        if stream == 0:
            self.take(kind, flags, payload)
        else:
            self.take_stream(kind, flags, stream, payload)
        return True

    def take(self, kind, flags, payload):
        if kind == SETTINGS and not flags & ACK:
            self.settled = True
            for i in range(0, len(payload), 6):
                if payload[i:i + 2] == b"\x00\x04":
                    self.window = int.from_bytes(payload[i + 2:i + 6], "big")
            self.send(frame(SETTINGS, ACK, 0))
        elif kind == PING and flags & ACK:
            self.answered.append(payload)
        elif kind == PING:
            self.pinged += 1
            if self.pongs:
                self.send(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE:
            self.room += int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
            self.goaways.append((int.from_bytes(payload[:4], "big"),
                self.goaway))

    def take_stream(self, kind, flags, stream, payload):
        answer = self.answers.setdefault(stream, Answer())
        if kind in (HEADERS, CONTINUATION):
            self.block += payload
            if flags & END_HEADERS:
                answer.fields.update(self.decoder.decode(self.block))
                self.block = b""
        elif kind == WINDOW_UPDATE:
            answer.room += int.from_bytes(payload, "big")
        elif kind == DATA:
            answer.data += payload
            if payload:
                size = struct.pack(">I", len(payload))
                self.send(frame(WINDOW_UPDATE, 0, 0, size) +
                    frame(WINDOW_UPDATE, 0, stream, size))
        elif kind == RST_STREAM:
            answer.reset = int.from_bytes(payload, "big")
        if kind == RST_STREAM or (kind in (HEADERS, DATA) and
                flags & END_STREAM):
            answer.ended = True

    def answer(self, stream):
        """Wait until the stream, or the connection, has ended."""
        answer = self.answers[stream]
        while not answer.ended and self.read():
            pass
        return answer

    def end(self):
        """Wait until the connection has ended: GOAWAY's code, or None."""
        while self.read():
            pass
        return self.goaway

    def call(self, path, raw, **changes):
        stream = self.open(path, **changes)
        self.data(stream, raw)
        return self.answer(stream)
