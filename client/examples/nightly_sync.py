#!/usr/bin/python3
"""A member's nightly sync with the register, with stock gRPC.

    nightly_sync.py FILE [--confirm-retire N]

FILE holds all the sites of this member, one JSON object a line: source_id, its
identifier in the member's own system, and the fields of resopro.v1.Site.  What
the register has of this source and FILE lacks is retired.

RESOPRO_SERVER is host:port; RESOPRO_CA, RESOPRO_CERT and RESOPRO_KEY are PEM
files; RESOPRO_SOURCE names the member's system; RESOPRO_STATE is a file for
what must outlive this program.  Exit codes: 0 done, 1 refused (correct the
data), 75 try again later (the next run goes on where this one stopped).
See README.md beside this file for how to start.
"""
import argparse
import hashlib
import json
import os
import random
import sys
import time
import uuid

import grpc
from google.protobuf import json_format
from resopro.v1 import registry_pb2 as reg, registry_pb2_grpc, types_pb2 as t

SOURCE = os.environ.get("RESOPRO_SOURCE", "my-system")
STATE = os.environ.get("RESOPRO_STATE", "nightly-sync.state")
BATCH = 500             # records a message: the register takes up to 1,000
ATTEMPTS = 4
PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED)


def read_sites(path):
    with open(path, encoding="utf-8") as lines:
        for line in filter(str.strip, lines):
            fields = json.loads(line)
            record = t.Record(kind=t.KIND_SITE,
                source_id=fields.pop("source_id"))
            json_format.ParseDict(fields, record.site)
            yield reg.SyncRecord(record=record)


def intention(digest):
    """The request id of this very set.  It is on disk before anything is sent:
    a run that was cut off does not know whether its set was applied, and sends
    it again under the same id, which the register does once."""
    try:
        with open(STATE, encoding="ascii") as f:
            kept, request_id = f.read().split()
        if kept == digest:
            return request_id
    except (FileNotFoundError, ValueError):
        pass
    request_id = uuid.uuid4().hex
    with open(STATE + ".new", "w", encoding="ascii") as f:
        f.write("%s %s\n" % (digest, request_id))
        f.flush()
        os.fsync(f.fileno())
    os.replace(STATE + ".new", STATE)
    return request_id


def steps(start, records):
    """What is streamed: one start, batches, one end that says how many."""
    yield reg.SyncRequest(start=start)
    for i in range(0, len(records), BATCH):
        yield reg.SyncRequest(
            batch=reg.SyncBatch(records=records[i:i + BATCH]))
    yield reg.SyncRequest(end=reg.SyncEnd(records=len(records)))


def show(item):
    action = reg.SyncAction.Name(item.action)[len("SYNC_ACTION_"):].lower()
    print("%-9s %s %s" % (action, item.source_id, item.name))
    for change in item.changes:
        print("          %s: %s -> %s" % (change.field, change.before,
            change.after))
    for refusal in item.refusals:
        print("          %s; %s" % (refusal.message, refusal.remedy))


def sync(stub, start, records):
    """One attempt: the result; the plan is shown as it comes."""
    for answer in stub.Sync(steps(start, records), timeout=600):
        for item in answer.plan.items:
            show(item)
        if answer.HasField("result"):
            return answer.result
    raise ValueError("the register ended the stream without a result")


def connect():
    def read(name):
        with open(os.environ[name], "rb") as f:
            return f.read()

    credentials = grpc.ssl_channel_credentials(read("RESOPRO_CA"),
        read("RESOPRO_KEY"), read("RESOPRO_CERT"))
    return registry_pb2_grpc.RegistryStub(
        grpc.secure_channel(os.environ["RESOPRO_SERVER"], credentials))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--confirm-retire", type=int, default=0)
    args = parser.parse_args()
    records = list(read_sites(args.file))
    start = reg.SyncStart(source=SOURCE, mode=reg.SYNC_MODE_FULL,
        kinds=[t.KIND_SITE], confirm_retire=args.confirm_retire)
    digest = hashlib.sha256()       # of all that the request id stands for
    for message in steps(start, records):
        digest.update(message.SerializeToString(deterministic=True))
    start.request_id = intention(digest.hexdigest())
    stub = connect()
    for attempt in range(ATTEMPTS):
        try:
            r = sync(stub, start, records)
            break
        except grpc.RpcError as e:
            print("%s: %s" % (e.code().name, e.details()), file=sys.stderr)
            if e.code() not in PASSING:
                os.remove(STATE)    # an answer: nothing was applied
                return 1
        if attempt + 1 == ATTEMPTS:
            return 75               # the intention stays for the next run
        # Apart from those that were cut off at the same moment.
        time.sleep(2 ** attempt * random.uniform(0.5, 1.5))
    os.remove(STATE)
    print("revision %d: %d created, %d updated, %d unchanged, %d retired%s" % (
        r.revision, r.created, r.updated, r.unchanged, r.retired,
        " (by an earlier run)" if r.replayed else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
