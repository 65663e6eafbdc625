"""A bad line: a TCP proxy on loopback between a client and the register.

    with Proxy(register.port) as line:
        line.cut_after(up=4096)     # the 4,097th byte from the client is lost
        ...                         # the client uses line.address
        line.heal()

What it does to a connection is decided when it is accepted.  One thread moves
the bytes of all connections; nothing here is timed to pass or fail.
"""
import random
import selectors
import socket
import struct
import threading
import time

CHUNK = 16 << 10


class Link:
    """One direction of a connection."""

    def __init__(self, source, sink, up, budget, slow):
        self.source, self.sink, self.up = source, sink, up
        self.budget = budget        # bytes that still pass; None: all
        self.slow = slow            # (bytes a piece, longest pause) or None
        self.held, self.due = b"", 0.0
        self.ended = False


class Proxy:
    def __init__(self, port, seed=1):
        self.target = ("127.0.0.1", port)
        self.random = random.Random(seed)
        self.up = self.down = self.slow = self.drop = None
        self.on_cut = None
        self.carried_up = self.carried_down = 0     # since the last heal()
        self.links = {}             # socket -> Link
        self.peers = {}
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.listener.setblocking(False)
        self.address = "localhost:%d" % self.listener.getsockname()[1]
        self.wake_in, self.wake_out = socket.socketpair()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.wake_out, selectors.EVENT_READ)
        self.running = True
        self.thread = threading.Thread(target=self.run, daemon=True)

    # ---- what the line does ------------------------------------------------

    def cut_after(self, up=None, down=None, then=None):
        """Connections from now on are reset once so many bytes have passed
        from the client (up) or to it (down); `then` is called just before,
        on the proxy's thread."""
        self.up, self.down, self.on_cut = up, down, then

    def be_slow(self, piece, pause):
        """Pieces of at most so many bytes, each at random up to `pause`
        seconds late."""
        self.slow = (piece, pause)

    def drop_some(self, share, longest):
        """That share of the connections is cut at a random byte before
        `longest`, in one direction or the other."""
        self.drop = (share, longest)

    def heal(self):
        self.up = self.down = self.slow = self.drop = self.on_cut = None
        self.carried_up = self.carried_down = 0

    # ---- the thread --------------------------------------------------------

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.running = False
        self.wake_in.send(b"x")
        self.thread.join()
        for s in list(self.peers) + [self.listener, self.wake_in,
                self.wake_out]:
            s.close()
        self.selector.close()

    def run(self):
        while self.running:
            for key, _ in self.selector.select(self.patience()):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj in self.links:
                    self.receive(self.links[key.fileobj])
            now = time.monotonic()
            for link in list(self.links.values()):
                if link.held and link.due <= now:
                    self.deliver(link)

    def patience(self):
        dues = [link.due for link in self.links.values() if link.held]
        return max(0.0, min(dues) - time.monotonic()) if dues else None

    def accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(self.target, 5)
        except OSError:
            return self.reset(client)
        up, down = self.up, self.down
        if self.drop and self.random.random() < self.drop[0]:
            at = self.random.randrange(self.drop[1])
            up, down = (at, None) if self.random.random() < 0.5 else (None, at)
        for s, other, from_client in (client, server, True), \
                (server, client, False):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.links[s] = Link(s, other, from_client,
                up if from_client else down, self.slow)
            self.peers[s] = other
            self.selector.register(s, selectors.EVENT_READ)

    def receive(self, link):
        try:
            data = link.source.recv(link.slow[0] if link.slow else CHUNK)
        except OSError:
            return self.end(link)
        if not data:
            link.ended = True
            self.selector.unregister(link.source)
            if not link.held:
                self.shut(link)
            return
        link.held += data
        if link.slow:
            link.due = time.monotonic() + self.random.random() * link.slow[1]
            self.selector.unregister(link.source)
            return
        self.deliver(link)

    def deliver(self, link):
        data, link.held = link.held, b""
        passed = data if link.budget is None else data[:link.budget]
        try:
            link.sink.setblocking(True)
            link.sink.sendall(passed)
        except OSError:
            return self.end(link)
        if link.up:
            self.carried_up += len(passed)
        else:
            self.carried_down += len(passed)
        if link.budget is not None:
            link.budget -= len(passed)
            if link.budget == 0:
                if self.on_cut:
                    self.on_cut()
                return self.end(link)
        if link.ended:
            return self.shut(link)
        if link.slow:
            self.selector.register(link.source, selectors.EVENT_READ)

    def shut(self, link):
        """One side has no more to say; the other may still."""
        try:
            link.sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.links.pop(link.source, None)
        if link.sink not in self.links:
            self.forget(link.source)

    def end(self, link):
        for s in link.source, link.sink:
            self.links.pop(s, None)
            try:
                self.selector.unregister(s)
            except KeyError:
                pass
        self.forget(link.source)

    def forget(self, s):
        other = self.peers.pop(s, None)
        if other is not None:
            self.peers.pop(other, None)
            self.reset(other)
        self.reset(s)

    @staticmethod
    def reset(s):
        """As a line that breaks: no goodbye."""
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                struct.pack("ii", 1, 0))
        except OSError:
            pass
        s.close()
