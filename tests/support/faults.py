"""What befalls a machine, as a test wants it: a preloaded disk (see
preload/disk.c), small and read-only file systems."""
import ctypes
import os
import random
import struct
import subprocess

import register as r

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
BLOCK = 4096


def preload(name):
    """tests/support/preload/NAME.c, built: the library's path."""
    library = os.path.join(r.scratch(), name + ".so")
    if not os.path.exists(library):
        subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-shared",
            "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", library,
            os.path.join(r.TOP, "tests/support/preload", name + ".c"),
            "-ldl"], check=True)
    return library


class Disk:
    """The disk under a register: give `environment` to it."""

    def __init__(self, undo=False):
        self.path = os.path.join(r.scratch(), "disk.%d" % id(self))
        self.environment = {"LD_PRELOAD": preload("disk"),
            "TEST_DISK": self.path}
        self.undo = self.path + ".undo" if undo else None
        if undo:
            self.environment["TEST_DISK_UNDO"] = self.undo

    def set(self, state):
        with open(self.path + ".new", "w") as f:
            f.write(state)
        os.rename(self.path + ".new", self.path)

    def hold(self):
        self.set("h")

    def fail(self):
        self.set("e")

    def heal(self):
        self.set("-")
        if os.path.exists(self.path + ".held"):
            os.unlink(self.path + ".held")  # of a daemon that was killed

    def wait_held(self):
        r.until(lambda: os.path.exists(self.path + ".held"), "a sync waits")

    def unsynced(self):
        """[(offset, old bytes)] of the writes since the last sync."""
        writes = []
        with open(self.undo, "rb") as f:
            left, = struct.unpack("=Q", f.read(8))
            while left:
                at, length = struct.unpack("=QQ", f.read(16))
                writes.append((at, f.read(length)))
                left -= 16 + length
        return writes

    def power_cut(self, data, rnd=random):
        """The daemon is dead: of each block that was written and not synced,
        the disk has the old or the new.  How many blocks went back."""
        blocks = {}
        for at, old in self.unsynced():
            for i in range(0, len(old), BLOCK):
                blocks.setdefault(at + i, []).append(old[i:i + BLOCK])
        lost = 0
        with open(data, "r+b") as f:
            for at, old in blocks.items():
                kept = rnd.randint(0, len(old))
                if kept < len(old):
                    f.seek(at)
                    f.write(old[kept])
                    lost += 1
        with open(self.undo, "r+b") as f:
            f.write(bytes(8))
        return lost


def own_mounts():
    """Give this process mounts of its own, that end with it.  Call it before
    there are threads.  False: no right to."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNS) != 0:
        if libc.unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0:
            return False
        for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid),
                ("gid_map", "0 %d 1" % gid)):
            with open("/proc/self/" + name, "w") as f:
                f.write(text)
    return subprocess.run(["mount", "--make-rprivate", "/"],
        stderr=subprocess.DEVNULL).returncode == 0


def mount(*args):
    subprocess.run(["mount"] + list(args), check=True)


class SmallDisk:
    """A file system of `size` at `path`, full when told."""

    def __init__(self, path, size="64m"):
        self.ballast = os.path.join(path, "ballast")
        os.makedirs(path, exist_ok=True)
        mount("-t", "tmpfs", "-o", "size=" + size, "none", path)

    def fill(self):
        with open(self.ballast, "ab", buffering=0) as f:
            block = bytes(BLOCK)
            try:
                while f.write(block) == BLOCK:
                    pass
            except OSError:
                pass

    def free(self):
        os.unlink(self.ballast)
