#!/usr/bin/python3
"""interop_client.py PORT PART: check the echo service of test_interop.c with
gRPC's own client.  Exits 0 when all that PART names holds."""
import os
import subprocess
import sys
import tempfile
import threading
import time

import grpc

TOP = os.path.dirname(os.path.abspath(__file__)) + "/../../.."


def generated():
    """The messages that protoc makes of proto/, in a folder that is removed."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            ["protoc", "-I", "proto", "-I", "/usr/include",
             "--python_out", out, "google/rpc/status.proto",
             "google/rpc/error_details.proto", "grpc/health/v1/health.proto",
             "grpc/reflection/v1/reflection.proto"], cwd=TOP, check=True)
        sys.path.insert(0, out)
        # "grpc" and "google.rpc" are installed packages too: import by folder.
        import importlib.util
        modules = {}
        for name in ("google/rpc/status", "google/rpc/error_details",
                     "grpc/health/v1/health",
                     "grpc/reflection/v1/reflection"):
            spec = importlib.util.spec_from_file_location(
                name.replace("/", "_"), f"{out}/{name}_pb2.py")
            modules[name.split("/")[-1]] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(modules[name.split("/")[-1]])
        sys.path.remove(out)
    return modules


PB = generated()
Status = PB["status"].Status
MIB = 1 << 20


class Echo:
    def __init__(self, channel):
        def method(kind, name):
            return getattr(channel, kind)(
                "/t.Echo/" + name, Status.SerializeToString, Status.FromString)
        self.unary = method("unary_unary", "Unary")
        self.collect = method("stream_unary", "Collect")
        self.pour = method("unary_stream", "Pour")
        self.chat = method("stream_stream", "Chat")


def code_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def kinds(channel):
    echo = Echo(channel)
    assert echo.unary(Status(code=3, message="été")).message == "été"
    assert echo.unary(Status(message="room")).message == "room"
    assert echo.unary(Status()).message == ""
    answer = echo.collect(Status(message=str(i)) for i in range(1000))
    assert (answer.code, answer.message) == (1000, "999")
    assert echo.collect(iter(())).code == 0
    poured = list(echo.pour(Status(code=20000, message="drop")))
    assert [m.code for m in poured] == list(range(20000, 0, -1))
    assert not list(echo.pour(Status(code=0)))
    chat = list(echo.chat(Status(code=i) for i in range(5000)))
    assert [m.code for m in chat] == list(range(5000))


def large(channel):
    echo = Echo(channel)
    text = "x" * (4 * MIB)
    assert echo.unary(Status(message=text)).message == text
    assert echo.unary(Status(message=f"big:{5 * MIB - 100}")).message
    poured = list(echo.pour(Status(code=10, message=text[:MIB])))
    assert len(poured) == 10
    chat = list(echo.chat(Status(message=text) for _ in range(5)))
    assert all(m.message == text for m in chat) and len(chat) == 5
    exhausted = grpc.StatusCode.RESOURCE_EXHAUSTED
    assert code_of(lambda: echo.unary(
        Status(message=text + "x" * 100))) == exhausted
    assert code_of(lambda: echo.unary(
        Status(message=f"big:{5 * MIB + 1}"))) == exhausted
    assert echo.unary(Status(message="still there")).message == "still there"


def gzip(channel):
    echo = Echo(channel)
    text = "abc" * 100000
    for squeeze in (grpc.Compression.Gzip, grpc.Compression.NoCompression):
        assert echo.unary(Status(message=text),
                          compression=squeeze).message == text
        answer = list(echo.chat((Status(message=text) for _ in range(20)),
                                compression=squeeze))
        assert [m.message for m in answer] == [text] * 20
    # Deflate is not served; the client is told and does not crash.
    assert code_of(lambda: echo.unary(
        Status(message=text), compression=grpc.Compression.Deflate)) == \
        grpc.StatusCode.UNIMPLEMENTED
    bomb = "x" * (5 * MIB)
    assert code_of(lambda: echo.unary(
        Status(message=bomb), compression=grpc.Compression.Gzip)) == \
        grpc.StatusCode.RESOURCE_EXHAUSTED


def ends(channel):
    echo = Echo(channel)
    late = grpc.StatusCode.DEADLINE_EXCEEDED
    began = time.monotonic()
    assert code_of(lambda: echo.unary(
        Status(message="later"), timeout=0.2)) == late
    assert code_of(lambda: list(echo.pour(
        Status(code=1, message="hang"), timeout=0.2))) == late
    assert time.monotonic() - began < 10
    call = echo.unary.future(Status(message="later"))
    call.cancel()
    assert call.cancelled()
    stream = echo.pour(Status(code=100000, message="x" * 1000))
    next(stream)
    stream.cancel()
    assert code_of(lambda: list(stream)) == grpc.StatusCode.CANCELLED
    gate = threading.Event()

    def endless():
        yield Status(message="first")
        gate.wait(20)
    chat = echo.chat(endless())
    assert next(chat).message == "first"
    chat.cancel()
    gate.set()
    assert echo.unary(Status(message="alive")).message == "alive"


def errors(channel):
    echo = Echo(channel)
    details = PB["error_details"]
    try:
        echo.unary(Status(message="refuse:rule"))
        raise AssertionError("not refused")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert error.details() == "the list is published; dépasser 100 %"
        trailers = dict(error.trailing_metadata())
    status = Status.FromString(trailers["grpc-status-details-bin"])
    assert status.message == "the list is published; dépasser 100 %"
    info = details.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("PUBLISHED", "resopro")
    rule = details.PreconditionFailure()
    assert status.details[1].Unpack(rule)
    assert rule.violations[0].type == "PUBLISHED"
    assert code_of(lambda: echo.unary(
        Status(), metadata=[("authorization", "nobody")])) == \
        grpc.StatusCode.UNAUTHENTICATED
    none = channel.unary_unary("/t.Echo/None", Status.SerializeToString,
                               Status.FromString)
    assert code_of(lambda: none(Status())) == grpc.StatusCode.UNIMPLEMENTED


def reflection(channel):
    from google.protobuf import descriptor_pb2, descriptor_pool
    pb = PB["reflection"]
    for version in ("v1", "v1alpha"):
        info = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/"
            "ServerReflectionInfo",
            pb.ServerReflectionRequest.SerializeToString,
            pb.ServerReflectionResponse.FromString)
        listed = list(info(iter([pb.ServerReflectionRequest(
            list_services="*")])))[0].list_services_response.service
        names = [s.name for s in listed]
        assert len(names) == len(set(names)) == 4
        pool = descriptor_pool.DescriptorPool()
        asked = [pb.ServerReflectionRequest(file_containing_symbol=name)
                 for name in names[1:] + ["resopro.v1.Registry"]]
        seen = {}
        for answer in info(iter(asked)):
            for raw in answer.file_descriptor_response.file_descriptor_proto:
                f = descriptor_pb2.FileDescriptorProto.FromString(raw)
                seen[f.name] = f
        for _ in range(len(seen)):     # imports before importers
            for name, f in list(seen.items()):
                if not any(d in seen for d in f.dependency):
                    pool.Add(seen.pop(name))
        assert not seen
        registry = pool.FindServiceByName("resopro.v1.Registry")
        assert registry.FindMethodByName("Get") is not None


def health(channel):
    pb = PB["health"]
    path = "/grpc.health.v1.Health/"
    check = channel.unary_unary(
        path + "Check", pb.HealthCheckRequest.SerializeToString,
        pb.HealthCheckResponse.FromString)
    watch = channel.unary_stream(
        path + "Watch", pb.HealthCheckRequest.SerializeToString,
        pb.HealthCheckResponse.FromString)
    assert check(pb.HealthCheckRequest()).status == 1
    assert check(pb.HealthCheckRequest(service="t.Echo")).status == 1
    assert code_of(lambda: check(pb.HealthCheckRequest(service="no"))) == \
        grpc.StatusCode.NOT_FOUND
    stream = watch(pb.HealthCheckRequest())
    assert next(stream).status == 1
    stream.cancel()


def many(channel):
    echo = Echo(channel)
    calls = [echo.unary.future(Status(code=i, message="x" * (i % 3000)))
             for i in range(3000)]
    for i, call in enumerate(calls):
        assert call.result().code == i
    assert not any(call.code() != grpc.StatusCode.OK for call in calls)


def main():
    port, part = sys.argv[1:]
    unlimited = [("grpc.max_receive_message_length", -1),
                 ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel("127.0.0.1:" + port, unlimited) as channel:
        globals()[part](channel)


main()
