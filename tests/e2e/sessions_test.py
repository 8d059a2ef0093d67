# SPDX-License-Identifier: BSD-3-Clause
"""The session table as operators see it: streamed listings, filters, expiry."""

import collections
import socket

import pytest
from http_client import WebClient
from udp_echo import UdpEcho
from world import ECHO_PORT, SHORT_LIVED_PORT, SHORT_TIMEOUT_SECONDS, eventually

pytestmark = pytest.mark.worlds("two-arm-1", "two-arm-3")

MANY = 5000


def send_from_new_ports(world, port, count):
    """One datagram from each of so many client ports."""
    for number in range(count):
        with world.udp_client() as client:
            client.sendto(b"%d" % number, (world.vip, port))


def test_many_sessions_are_listed_each_once(world):
    with UdpEcho(world.lab, ECHO_PORT) as echo:
        send_from_new_ports(world, ECHO_PORT, MANY)
        eventually(lambda: len(echo.all_peers()) >= MANY * 0.99, seconds=5)
        listed = world.sessions("--service", "echo")
    clients = collections.Counter(session["client"] for session in listed)
    assert len(clients) >= len(echo.all_peers()) * 0.99
    assert max(clients.values()) == 1
    local = {(s["local"], s["server"]) for s in listed}
    assert len(local) == len(listed), "two sessions share a local port toward a server"


def test_listing_does_not_disturb_traffic(world):
    with WebClient(world) as client:
        name = client.ask()
        for _ in range(5):
            world.director.ctl("session", "list")
            assert client.ask() == name


def test_filters_choose_sessions(world):
    with WebClient(world) as client:
        name = client.ask()
        me = f"{world.lab.client_address}:{client.socket.getsockname()[1]}"
        server = next(s for s in world.lab.servers if s.name == name)
        other = next(s for s in world.lab.servers if s.name != name)

        def listed(*filters):
            return me in {session["client"] for session in world.sessions(*filters)}
        assert listed()
        assert listed("--client", world.lab.client_address)
        assert not listed("--client", "198.51.100.99")
        assert listed("--service", world.web)
        assert not listed("--service", "echo")
        assert listed("--server", f"{server.address}:80")
        assert not listed("--server", f"{other.address}:80")


def test_a_session_shows_all_its_addresses(world):
    with WebClient(world) as client:
        client.ask()
        me = f"{world.lab.client_address}:{client.socket.getsockname()[1]}"
        session = next(s for s in world.sessions("--service", world.web)
                       if s["client"] == me)
    assert session["vip"] == f"{world.vip}:80"
    assert session["local"].split(":")[0] in world.local_addresses()
    assert session["server"] in {f"{server.address}:80" for server in world.lab.servers}
    assert session["state"] == "ESTABLISHED"


def test_idle_sessions_vanish_after_their_timeout(world):
    with UdpEcho(world.lab, SHORT_LIVED_PORT):
        send_from_new_ports(world, SHORT_LIVED_PORT, 50)
        assert len(world.sessions("--service", "short")) == 50
        expired = world.counters()["sessions_expired"]
    eventually(lambda: world.sessions("--service", "short") == [],
               seconds=SHORT_TIMEOUT_SECONDS * 2 + 2)
    assert world.counters()["sessions_expired"] >= expired + 50


def test_a_session_in_use_does_not_expire(world):
    with UdpEcho(world.lab, SHORT_LIVED_PORT) as echo, \
            world.udp_client() as client:
        client.settimeout(1)
        client.connect((world.vip, SHORT_LIVED_PORT))
        for _ in range(SHORT_TIMEOUT_SECONDS * 4):
            client.send(b"still here")
            assert client.recv(100) == b"still here"
            with pytest.raises(socket.timeout):
                client.settimeout(0.5)
                client.recv(100)
            client.settimeout(1)
        assert len(echo.all_peers()) == 1, "the session was lost and made anew"


def test_closed_connections_leave_the_active_count(world):
    with WebClient(world) as client:
        client.ask()
        assert world.service(world.web)["active"] >= 1
    eventually(lambda: world.service(world.web)["active"] == 0)
