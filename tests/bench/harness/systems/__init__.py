"""Who is measured: one module a system, each with the commands that put load
on it.  To add one: its module, and its row here."""
from .etcd import Etcd
from .grpcpp import GrpcCpp
from .nghttpd import Nghttpd
from .resoprod import Resoprod
from .slapd import Slapd

OURS = Resoprod.name
ALL = {system.name: system for system in
    (Resoprod, Etcd, Slapd, GrpcCpp, Nghttpd)}
