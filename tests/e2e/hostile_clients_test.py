# SPDX-License-Identifier: BSD-3-Clause
"""Clients of the control socket that are broken or mean: the director answers others and forwards."""

import contextlib
import grp
import json
import os
import pwd
import random
import socket
import subprocess
import sys
import time

import pytest
from world import SOCKET_GROUP, eventually

pytestmark = pytest.mark.worlds("two-arm-1")

MAX_MESSAGE_BYTES = 1 << 20
MAX_CLIENTS = 64
KEPT_FOR_ROOT = 8
RECEIVE_TIMEOUT_SECONDS = 10
STATUS = b'{"jsonrpc":"2.0","id":1,"method":"status"}\n'
# What a client that reads nothing may pile up in a moment is bounded far below this.
MAX_GROWTH_KIB = 16 * 1024


class Client:
    """A connection as raw as an attacker's."""

    def __init__(self, world):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(world.director.control_socket))
        self.socket.settimeout(5)
        self.rest = b""

    def send(self, data):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused half way
            self.socket.sendall(data)

    def reply(self, seconds=5):
        """The next line as JSON, or None when the director has closed."""
        self.socket.settimeout(seconds)
        while b"\n" not in self.rest:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def memory_kib(world):
    with open(f"/proc/{world.director.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def file_count(world):
    return len(os.listdir(f"/proc/{world.director.pid}/fd"))


@pytest.fixture(autouse=True)
def unharmed(world):
    """Whatever a test sends: same process, no lost descriptor, same configuration, web served."""
    pid, files, generation = world.director.pid, file_count(world), world.generation()
    yield
    assert world.director.is_running() and world.director.pid == pid
    eventually(lambda: file_count(world) <= files)
    assert world.generation() == generation
    assert set(world.who_answers(6)) == {"rs1", "rs2", "rs3"}


def request(method, params="{}"):
    return b'{"jsonrpc":"2.0","id":1,"method":"%s","params":%s}' % (method.encode(), params.encode())


MALFORMED = {
    "empty": b"",
    "http": b"GET / HTTP/1.1\r",
    "null": b"null",
    "empty batch": b"[]",
    "empty object": b"{}",
    "string": b'"status"',
    "cut off": b"{",
    "binary": b"\x00\xff\xfe\x80",
    "lone surrogate": b'"\\ud800"',
    "no method": b'{"jsonrpc":"2.0","id":1}',
    "other version": b'{"jsonrpc":"1.0","id":1,"method":"status"}',
    "id is an object": b'{"jsonrpc":"2.0","id":{},"method":"status"}',
    "method is a number": b'{"jsonrpc":"2.0","id":1,"method":7}',
    "unknown method": request("no.such"),
    "params are a string": request("service.show", '"web"'),
    "service is a list": request("service.show", '{"service":[]}'),
    "negative limit": request("session.list", '{"limit":-1}'),
    "infinite limit": request("session.list", '{"limit":1e300}'),
    "address is no address": request("server.set", '{"service":"web","address":"x","weight":1}'),
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "long number": b"9" * 100_000,
}


@pytest.mark.parametrize("line", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_message_is_refused_in_one_line(world, line):
    with Client(world) as client:
        client.send(line + b"\n" + STATUS)
        reply = client.reply()
        if line:  # an empty line is no message
            assert "error" in reply, reply
            assert "\n" not in reply["error"]["message"] and reply["error"]["message"]
            reply = client.reply()
        assert reply is None or "result" in reply
    assert world.generation() > 0


def test_random_bytes_are_survived(world):
    source = random.Random(20261121)
    for _ in range(200):
        with Client(world) as client:
            client.send(source.randbytes(source.randrange(1, 2000)) + b"\n")


def test_damaged_requests_are_survived(world):
    """Valid requests with a few bytes changed reach further than noise does."""
    source = random.Random(20261121)
    valid = [request("session.list", '{"limit":10,"cursor":"0"}'),
             request("diff", '{"text":"services: []"}'),
             b"[" + request("server.list", '{"service":"web"}') + b"]"]
    for number in range(300):
        line = bytearray(source.choice(valid))
        for _ in range(source.randrange(1, 4)):
            line[source.randrange(len(line))] = source.choice(b'{}[]",:0123456789-eE\\ a\x00\xff')
        with Client(world) as client:
            client.send(bytes(line) + b"\n" + STATUS)
            # A request that lost its id is a notification: then the first reply is the status.
            assert client.reply() is not None, f"number {number}: {bytes(line)}"


def test_a_message_without_end_is_cut_off_at_its_limit(world):
    before = memory_kib(world)
    with Client(world) as client:
        client.send(b"x" * (4 * MAX_MESSAGE_BYTES))
        reply = client.reply()
        assert reply is None or "bytes" in reply["error"]["message"]
    assert memory_kib(world) - before < MAX_GROWTH_KIB


def test_a_huge_configuration_is_compared_or_refused_but_not_applied(world):
    text = "services:\n" + "".join(f"- name: s{i}\n" for i in range(40_000))
    with Client(world) as client:
        client.send(request("diff", json.dumps({"text": text})) + b"\n")
        assert "error" in client.reply(seconds=20)
        client.send(STATUS)
        assert "result" in client.reply(seconds=20)


def test_a_slow_sender_holds_nobody_up_and_is_cut_off(world):
    with Client(world) as slow:
        begin = time.monotonic()
        for byte in STATUS[:8]:
            slow.send(bytes([byte]))
            world.director.ctl("status", timeout=5)
        assert time.monotonic() - begin < 5
        reply = slow.reply(seconds=RECEIVE_TIMEOUT_SECONDS + 3)
        assert reply is None or "error" in reply
        assert time.monotonic() - begin < RECEIVE_TIMEOUT_SECONDS + 3


def test_a_client_that_never_reads_is_bounded(world):
    before = memory_kib(world)
    line = request("counters") + b"\n"
    with Client(world) as deaf:
        deaf.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(100_000):
                deaf.socket.send(line)
        for _ in range(5):
            world.director.ctl("status", timeout=5)
        assert memory_kib(world) - before < MAX_GROWTH_KIB


def test_a_half_closed_client_still_gets_its_answer(world):
    with Client(world) as client:
        client.send(STATUS)
        client.socket.shutdown(socket.SHUT_WR)
        assert "result" in client.reply()
        assert client.reply() is None, "kept open for nobody"


def test_clients_that_vanish_before_the_answer_leave_nothing(world):
    for _ in range(200):
        with Client(world) as client:
            client.send((request("session.list") + b"\n") * 3)


def test_the_one_client_too_many_is_told_and_the_others_stay(world):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(world)) for _ in range(MAX_CLIENTS)]
        for client in clients:
            client.send(STATUS)
        assert all("result" in client.reply() for client in clients)
        done = world.director.ctl("status", check=False)
        assert done.returncode != 0 and "clients" in done.stderr, done.stderr
    eventually(lambda: world.director.ctl("status", check=False).returncode == 0)


# Asks on each of so many connections, keeps them all and prints how many were served.
CROWD = """
import socket, sys, time
kept, served = [], 0
for _ in range(int(sys.argv[2])):
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    kept.append(client)
    try:
        client.sendall(sys.argv[3].encode())
    except OSError:
        pass  # told and closed already
    reply = client.recv(65536)
    assert b"result" in reply or b"clients are connected" in reply, reply
    served += b"result" in reply
print(served, flush=True)
time.sleep(60)
"""


def test_root_gets_in_when_a_user_holds_every_other_place(world):
    nobody = pwd.getpwnam("nobody")
    group = grp.getgrnam(SOCKET_GROUP).gr_gid
    crowd = subprocess.Popen(
        ["setpriv", "--reuid", str(nobody.pw_uid), "--regid", str(group), "--clear-groups",
         "/usr/bin/python3", "-c", CROWD, str(world.director.control_socket),
         str(MAX_CLIENTS + 1), STATUS.decode()],
        stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
    try:
        assert int(crowd.stdout.readline()) == MAX_CLIENTS - KEPT_FOR_ROOT
        with contextlib.ExitStack() as stack:
            for _ in range(KEPT_FOR_ROOT):
                client = stack.enter_context(Client(world))
                client.send(STATUS)
                assert "result" in client.reply()
            assert "clients" in world.director.ctl("status", check=False).stderr
    finally:
        crowd.kill()
        crowd.communicate()


def test_a_flood_of_requests_does_not_stop_the_others(world):
    with contextlib.ExitStack() as stack:
        flood = [stack.enter_context(Client(world)) for _ in range(8)]
        for client in flood:
            client.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(2_000):
                    client.socket.send(STATUS)
        assert len(world.who_answers(9)) == 9
        world.director.ctl("service", "list", timeout=5)
