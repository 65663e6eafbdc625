"""gRPC C++'s asynchronous server over a map in memory: peers/grpc_server.cc.
It keeps nothing, so that it is measured for reads only."""
import os

from .resoprod import Resoprod
from .system import System


class GrpcCpp(System):
    name = "grpcpp"
    title = "gRPC C++"
    packages = ("libgrpc++-dev", "protobuf-compiler-grpc")
    commands = {case: Resoprod.commands[case] for case in
        ("first", "get", "batchget", "list", "handshake", "resume", "idle")}

    def programs(self):
        return super().programs() + [self.place.program("grpc_server")]

    def make(self, directory):
        os.link(self.place.records_file(self.records),
            directory + "/records")

    def argv(self, directory):
        cert, key = self.place.server_pair
        return [self.place.program("grpc_server"), "127.0.0.1:%d" % self.port,
            directory + "/records", self.place.ca, cert, key]
