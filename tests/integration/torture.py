#!/usr/bin/python3
"""Whatever befalls a member's push, the register ends as if each had run
once: the client killed at any byte, the daemon killed at any point, two hosts
with the same files, a clock set back, a line that delays and drops, and two
hundred members in one minute.  A function is a test; its name is the claim."""
import concurrent.futures
import csv
import glob
import os
import random
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import grpc

import register as r
from proxy import Proxy
from register import MEMBER, messages, new_id

t, reg, admin = messages("types"), messages("registry"), messages("admin")
SITE, ORGANISATION = t.KIND_SITE, t.KIND_ORGANISATION
SITES = 250
PUSHED, UNAVAILABLE = 0, (7, 9)     # 9: may have been written


# ---- a member's files ---------------------------------------------------------

class Member:
    """The files of one member, and what the register makes of them."""

    def __init__(self, register, account, body, name, count=SITES):
        self.register, self.account, self.body = register, account, body
        self.name, self.count, self.round = name, count, 0
        self.file = os.path.join(register.dir, name + "-sites.csv")

    def change(self):
        """Every site of the file differs from what was pushed before."""
        self.round += 1
        with open(self.file, "w", newline="") as f:
            out = csv.writer(f, delimiter=";")
            out.writerow(["source_id", "organisation_id", "nom", "code_insee",
                "description"])
            for i in range(self.count):
                out.writerow(["s%d" % i, self.body, "Accueil %d" % i, "61169",
                    "Ronde %d : accueil sans rendez-vous" % self.round])

    def command(self, address, *options):
        pki = self.register.pki
        env = dict(os.environ, RESOPRO_SERVER=address, RESOPRO_LANG="en",
            RESOPRO_CA=pki + "/ca.pem",
            RESOPRO_CERT="%s/account-%s.pem" % (pki, self.account),
            RESOPRO_KEY="%s/account-%s.key" % (pki, self.account))
        return [r.RESOPRO, "push", self.file, "--full", "--source", self.name,
            "--quiet", "--no-spool"] + list(options), env

    def start(self, address, *options):
        command, env = self.command(address, *options)
        return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def push(self, address, *options):
        client = self.start(address, *options)
        said = client.communicate(timeout=240)[0].decode("utf-8", "replace")
        return client.returncode, said

    def sites(self, client):
        """{source_id: (version, description)} of this member and source."""
        found, token = {}, ""
        while True:
            page = client.Registry.List(reg.ListRequest(kind=SITE,
                organisation_id=self.body, page_size=1000, page_token=token))
            for x in page.records:
                if x.source == self.name:
                    found[x.source_id] = (x.version, x.site.description)
            token = page.next_page_token
            if not token:
                return found

    def check_whole(self, client):
        """All of the round before or all of this one; which."""
        states = set(self.sites(client).values())
        assert len(states) <= 1, "half of a push: %s" % states
        version, said = states.pop() if states else (0, "Ronde 0 :")
        assert said.startswith("Ronde %d :" % version), (version, said)
        assert version in (self.round - 1, self.round), version
        return version

    def check_once(self, client):
        """Each site once, as it stands in the file, changed once a round."""
        found = self.sites(client)
        assert len(found) == self.count, len(found)
        assert set(found.values()) == {(self.round,
            "Ronde %d : accueil sans rendez-vous" % self.round)}, found


def spread(total, n, seed):
    """n places in 0..total, the ends among them."""
    rnd = random.Random(seed)
    return [0, 1, total - 1, total] + [rnd.randrange(total) for _ in
        range(n - 4)]


def length_of_a_push(register, member, line):
    """Bytes from the client, and to it, of one whole push."""
    member.change()
    line.heal()
    code, said = member.push(line.address)
    assert code == PUSHED, said
    return line.carried_up, line.carried_down


def head(client):
    return client.Admin.WhoAmI(admin.WhoAmIRequest()).revision


# ---- the client is killed, the line is cut --------------------------------------


def push__client_killed_at_any_byte__register_as_if_pushed_once(register,
        client, line):
    member = Member(register, "bocage", MEMBER, "tue")
    up, down = length_of_a_push(register, member, line)
    cuts = [("up", n) for n in spread(up, 14, 1)] + \
        [("down", n) for n in spread(down, 10, 2)]
    for i, (direction, n) in enumerate(cuts):
        member.change()
        before, request_id = head(client), new_id()
        started = threading.Event()
        line.cut_after(**{direction: n}, then=lambda: (started.wait(30),
            process.kill()))
        process = member.start(line.address, "--request-id", request_id)
        started.set()
        process.communicate(timeout=120)
        line.heal()
        member.check_whole(client)
        # The member's scheduler runs it again: with the id it kept, or anew.
        again = ["--request-id", request_id] if i % 2 else []
        code, said = member.push(line.address, *again)
        assert code == PUSHED, (direction, n, said)
        member.check_once(client)
        if again:
            assert head(client) == before + 1, (direction, n)


def push__line_cut_at_any_byte__register_as_if_pushed_once(register, client,
        line):
    member = Member(register, "bocage", MEMBER, "coupe")
    up, down = length_of_a_push(register, member, line)
    for direction, n in [("up", n) for n in spread(up, 6, 3)] + \
            [("down", n) for n in spread(down, 6, 4)]:
        member.change()
        before, request_id = head(client), new_id()
        line.cut_after(**{direction: n})
        code, said = member.push(line.address, "--request-id", request_id)
        assert code in UNAVAILABLE + (PUSHED,), (direction, n, code, said)
        line.heal()
        version = member.check_whole(client)
        assert code != PUSHED or version == member.round
        code, said = member.push(line.address, "--request-id", request_id)
        assert code == PUSHED, (direction, n, said)
        member.check_once(client)
        assert head(client) == before + 1, (direction, n)


# ---- the daemon is killed --------------------------------------------------------


def push__daemon_killed_at_any_point__register_as_if_pushed_once(register,
        client, line):
    member = Member(register, "bocage", MEMBER, "panne")
    up, down = length_of_a_push(register, member, line)
    for direction, n in [("up", n) for n in spread(up, 10, 5)] + \
            [("up", up)] * 4 + [("down", n) for n in spread(down, 6, 6)]:
        member.change()
        before, request_id = head(client), new_id()
        pid = register.daemon
        line.cut_after(**{direction: n}, then=pid.kill)
        process = member.start(line.address, "--request-id", request_id)
        if (direction, n) == ("up", up):    # not a byte later than the last
            r.until(lambda: pid.poll() is not None or
                process.poll() is not None, "the daemon is killed", 60)
        process.communicate(timeout=240)
        line.heal()
        pid.kill()
        pid.wait()
        register.start()
        r.until(lambda: answers(client), "the channel is back", 60)
        member.check_whole(client)
        code, said = member.push(line.address, "--request-id", request_id)
        assert code == PUSHED, (direction, n, said)
        member.check_once(client)
        assert head(client) == before + 1, (direction, n)
    register.stop()
    code, said = register.run("--verify")
    assert code == 0, said
    register.start()
    r.until(lambda: answers(client), "the channel is back", 60)


def answers(client):
    try:
        return head(client) > 0
    except grpc.RpcError as e:
        assert e.code() == grpc.StatusCode.UNAVAILABLE, e
        return False


# ---- the same push twice at once --------------------------------------------------


def push__same_files_from_two_hosts_at_once__each_record_once(register,
        client, line):
    member = Member(register, "bocage", MEMBER, "double")
    for _ in range(8):
        member.change()
        both = [member.start(register.address) for _ in range(2)]
        for process in both:
            said = process.communicate(timeout=120)[0]
            assert process.returncode == PUSHED, said
        member.check_once(client)


# ---- a line that delays and drops --------------------------------------------------


def push__line_that_delays_and_drops__register_as_if_pushed_once(register,
        client, line):
    member = Member(register, "bocage", MEMBER, "ligne")
    up, down = length_of_a_push(register, member, line)
    line.be_slow(4096, 0.02)
    line.drop_some(0.6, max(up, down))
    for _ in range(8):
        member.change()
        request_id = new_id()
        for _ in range(40):     # as a scheduler that does not give up
            code, said = member.push(line.address, "--request-id", request_id)
            if code == PUSHED:
                break
            assert code in UNAVAILABLE, (code, said)
            member.check_whole(client)
        assert code == PUSHED, said
        member.check_once(client)
    line.heal()


# ---- two hundred members in one minute ----------------------------------------------


def push__two_hundred_members_at_once__all_done_none_waits_for_the_largest(
        register, client, line):
    members = [newcomer(register, client, i) for i in range(200)]
    largest = Held(register, 20000)     # in the middle of its set, meanwhile
    for m in members:
        m.change()
    with concurrent.futures.ThreadPoolExecutor(len(members)) as pool:
        ended = list(pool.map(lambda m: m.push(register.address), members))
    bad = [(code, said) for code, said in ended if code != PUSHED]
    assert not bad, (len(bad), str(bad[0])[:2000])
    for m in members:
        m.check_once(client)
    result = largest.finish()
    assert (result.created, result.applied) == (20000, True), result
    peak = memory(register, "VmHWM") - memory(register, "RssFile")
    assert peak < 256 << 20, "%d MiB" % (peak >> 20)


def newcomer(register, client, i):
    name = "membre-%03d" % i
    subprocess.run([r.RESOPRO, "pki", "account", register.pki, name,
        "--quiet"], check=True, stdout=subprocess.DEVNULL)
    register.put_organisation(client, name, "mission-locale")
    client.Admin.PutAccount(admin.PutAccountRequest(request_id=new_id(),
        account=admin.Account(id=name, organisation_id=name,
        roles=["ROLE_MEMBER_WRITER"])))
    return Member(register, name, name, "nuit-%03d" % i, 40)


class Held:
    """A large set of which the end is not sent yet."""

    def __init__(self, register, records):
        self.client = register.client("bocage")
        self.go, self.sent = threading.Event(), threading.Event()
        self.answers = self.client.Registry.Sync(self.steps(records))
        assert self.sent.wait(60)

    def steps(self, n):
        yield reg.SyncRequest(start=reg.SyncStart(request_id=new_id(),
            source="grand", mode=reg.SYNC_MODE_DELTA, kinds=[SITE]))
        for i in range(0, n, 1000):
            yield reg.SyncRequest(batch=reg.SyncBatch(records=[
                reg.SyncRecord(record=t.Record(source_id="g%d" % j,
                site=t.Site(organisation_id=MEMBER, nom="Permanence %d" % j,
                code_insee="61169"))) for j in range(i, i + 1000)]))
        self.sent.set()
        self.go.wait(300)
        yield reg.SyncRequest(end=reg.SyncEnd(records=n))

    def finish(self):
        self.go.set()
        result = list(self.answers)[-1].result
        self.client.close()
        return result


def memory(register, what):
    with open("/proc/%d/status" % register.daemon.pid) as f:
        return next(int(line.split()[1]) << 10 for line in f
            if line.startswith(what + ":"))


# ---- a clock set back -----------------------------------------------------------------


def push__clock_set_back_three_days__history_goes_forward(*_):
    library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert library, "the package libfaketime is missing"
    clock = os.path.join(r.scratch(), "clock")
    set_clock(clock, "+3d")
    with r.Register(environment={"LD_PRELOAD": library[0],
            "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1"}) as register:
        register.accounts()
        client = register.client("agence")
        member = Member(register, "bocage", MEMBER, "montre", 20)
        for step in "+3d", "+0d", "+1d", "+0d":
            set_clock(clock, step)
            member.change()
            code, said = member.push(register.address)
            assert code == PUSHED, said
            member.check_once(client)
        register.kill()
        register.start()
        r.until(lambda: answers(client), "the channel is back", 60)
        member.change()
        code, said = member.push(register.address)
        assert code == PUSHED, said
        member.check_once(client)
        check_times(client, member)
        client.close()
        register.stop()
        code, said = register.run("--verify")
        assert code == 0, said


def set_clock(path, offset):
    with open(path + ".new", "w") as f:
        f.write(offset + "\n")
    os.rename(path + ".new", path)


def check_times(client, member):
    """Five changes, each no earlier than the one before, each to be read as
    of its own instant."""
    site = next(x for x in client.Registry.List(reg.ListRequest(kind=SITE,
        organisation_id=member.body)).records if x.source == member.name)
    entries = client.Registry.History(reg.HistoryRequest(kind=SITE,
        id=site.id)).entries
    times = [e.time.ToNanoseconds() for e in entries]
    assert len(times) == 5 and times == sorted(times, reverse=True), times
    newest = client.Registry.Get(reg.GetRequest(kind=SITE, id=site.id,
        as_of=reg.AsOf(time=entries[0].time))).record
    assert newest.version == 5, newest


def main():
    with r.Register() as register, Proxy(register.port) as line:
        register.accounts()
        client = register.client("agence")
        failed = r.run_tests(globals(), register, client, line)
        client.close()
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
