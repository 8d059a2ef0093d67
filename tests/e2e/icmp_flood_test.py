# SPDX-License-Identifier: BSD-3-Clause
"""Made-up ICMP errors neither end nor refresh a session, nor keep the director from its work."""

import contextlib
import random
import socket
import time

import netns
from http_client import WebClient
from icmp_packets import ERRORS, PORT_UNREACHABLE, UNREACHABLE, error, quoted, random_error
from udp_echo import UdpEcho
from wire import TCP, UDP
from world import SHORT_LIVED_PORT, SHORT_TIMEOUT_SECONDS, eventually, own_address

FLOOD_PACKETS = 30_000  # more than the director has packet buffers


def raw_icmp(namespace):
    return netns.open_socket(namespace, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def endpoint(text):
    address, port = text.rsplit(":", 1)
    return address, int(port)


def session_of(world, service, client):
    """The session of a connected socket in the client's namespace; nothing when there is none.
    Other services may still remember an older socket of the same port."""
    name = f"{world.lab.client_address}:{client.getsockname()[1]}"
    found = [session for session in world.sessions("--service", service)
             if session["client"] == name]
    assert len(found) <= 1
    return found[0] if found else None


def test_a_flood_opens_no_session_and_traffic_goes_on(world):
    local = sorted(world.local_addresses())
    servers = [server.address for server in world.lab.servers]
    known = [world.vip, own_address(world.client_port), own_address(world.server_port), *local,
             *servers, world.lab.client_address, "192.0.2.1"]
    generator = random.Random(1)
    before = world.counters()
    senders = ((raw_icmp(world.lab.client), [world.vip, own_address(world.client_port)]),
               (raw_icmp(world.lab.servers[0].namespace), local))
    for number in range(FLOOD_PACKETS):
        sender, targets = senders[number % 2]
        with contextlib.suppress(BlockingIOError):
            sender.sendto(random_error(generator, known), (generator.choice(targets), 0))
    for sender, _ in senders:
        sender.close()
    after = world.counters()
    grown = {name for name, value in after.items() if value > before[name]}
    assert {"drop_bad_icmp", "drop_no_session", "punt_icmp", "drop_punt_limited"} <= grown
    assert after["sessions_created"] == before["sessions_created"]
    assert after["icmp_errors_sent"] == before["icmp_errors_sent"], "errors about errors"
    assert set(world.who_answers(6)) == {"rs1", "rs2", "rs3"}


def test_errors_about_a_connection_do_not_end_it(world):
    """Of every kind, from both sides, with its very addresses and ports."""
    with WebClient(world) as client:
        name = client.ask()
        session = session_of(world, world.web, client.socket)
        peers = endpoint(session["client"]), endpoint(session["vip"])
        inside = endpoint(session["local"]), endpoint(session["server"])
        before = world.counters()
        with raw_icmp(world.lab.client) as far, raw_icmp(world.lab.servers[0].namespace) as near:
            for kind in ERRORS:
                for code in range(16):
                    far.sendto(error(kind, code, quoted(TCP, *reversed(peers))), (world.vip, 0))
                    near.sendto(error(kind, code, quoted(TCP, *inside)), (inside[0][0], 0))
        sent = 2 * 16 * len(ERRORS)
        quenched = 2 * 16  # source quench, which nobody may act on
        eventually(lambda: world.counters()["drop_bad_icmp"] == before["drop_bad_icmp"] + quenched)
        assert world.counters()["icmp_errors_forwarded"] == \
            before["icmp_errors_forwarded"] + sent - quenched
        assert session_of(world, world.web, client.socket)["state"] == session["state"]
        assert client.ask() == name


def test_errors_do_not_keep_a_session_alive(world):
    with UdpEcho(world.lab, SHORT_LIVED_PORT), raw_icmp(world.lab.client) as far, \
            world.udp_client() as client:
        client.settimeout(3)
        client.connect((world.vip, SHORT_LIVED_PORT))
        client.send(b"one")
        assert client.recv(10) == b"one"
        peers = [(world.vip, SHORT_LIVED_PORT), client.getsockname()]
        about_answer = error(UNREACHABLE, PORT_UNREACHABLE, quoted(UDP, *peers))
        before = world.counters()
        assert session_of(world, "short", client)
        start = time.monotonic()

        def is_over():
            """the session ended"""
            far.sendto(about_answer, (world.vip, 0))
            return session_of(world, "short", client) is None
        eventually(is_over, seconds=SHORT_TIMEOUT_SECONDS + 2)
        assert time.monotonic() - start > SHORT_TIMEOUT_SECONDS / 2, "errors ended the session"
        far.sendto(about_answer, (world.vip, 0))
        eventually(lambda: world.counters()["drop_no_session"] > before["drop_no_session"])
        assert world.counters()["icmp_errors_forwarded"] > before["icmp_errors_forwarded"]
