# SPDX-License-Identifier: BSD-3-Clause
"""What real kernels learn from ICMP: pings, hops, ports nobody listens on, services without server."""

import contextlib
import socket

import pytest
from forwarding import TRANSLATED, TUNNELS
from narrow_path import run_in
from tracing import addresses_of, hops
from udp_echo import UdpEcho
from world import ECHO_PORT, SHORT_LIVED_PORT, own_address

CLIENTS = 20
SOON_SECONDS = 1


def grown(before, after, *names):
    return [after[name] - before[name] for name in names]


def test_pings_of_the_vip_are_answered_by_the_worker(world):
    before = world.counters()
    world.lab.in_client("ping", "-c", "5", "-i", "0.1", "-W", "2", world.vip)
    assert grown(before, world.counters(), "icmp_echoes_answered", "punt_icmp") == [5, 0]


def test_pings_of_the_director_are_answered_by_the_kernel(world):
    before = world.counters()
    world.lab.in_client("ping", "-c", "5", "-i", "0.1", "-W", "2", own_address(world.client_port))
    assert grown(before, world.counters(), "icmp_echoes_answered", "punt_icmp") == [0, 5]


class EveryMode:
    def test_a_traceroute_by_tcp_ends_at_the_vip(self, world, mode):
        before = world.counters()
        assert addresses_of(hops(world, "-T", "-p", "80")) == [world.vip] * 2
        told, dropped = grown(before, world.counters(), "icmp_errors_sent", "drop_ttl_exceeded")
        assert told == dropped > 0

    def test_a_traceroute_by_udp_ends_at_the_vip(self, world, mode):
        holder = None if mode in TRANSLATED else world.vip
        with UdpEcho(world.lab, ECHO_PORT, answer_from=holder):
            found = hops(world, "-U", "-p", ECHO_PORT, f"--sport={world.fresh_port()}")
            assert addresses_of(found) == [world.vip] * 2

    def test_a_traceroute_by_ping_ends_at_the_vip(self, world, mode):
        assert addresses_of(hops(world, "-I")) == [world.vip]

    def test_who_sends_to_a_port_without_listener_is_told_and_nobody_else(self, world, mode):
        holder = None if mode in TRANSLATED else world.vip
        with UdpEcho(world.lab, ECHO_PORT, answer_from=holder), contextlib.ExitStack() as stack:
            stack.enter_context(untiring_servers(world))
            clients = [stack.enter_context(udp_client(world, port)) for port in
                       (SHORT_LIVED_PORT, ECHO_PORT) * CLIENTS]
            refused, echoed = clients[::2], clients[1::2]
            for number, client in enumerate(clients):
                client.send(str(number).encode())
            for client in refused:
                with pytest.raises(ConnectionRefusedError):
                    client.recv(100)
            for number, client in enumerate(echoed):
                assert client.recv(100) == str(2 * number + 1).encode()
                assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def udp_client(world, port):
    client = world.udp_client()
    client.settimeout(3)
    client.connect((world.vip, port))
    return client


@contextlib.contextmanager
def untiring_servers(world):
    """Servers that send as many ICMP errors as they are asked for."""
    def limit(milliseconds):
        for server in world.lab.servers:
            run_in(server.namespace, "sysctl", "-q", "-w",
                   f"net.ipv4.icmp_ratelimit={milliseconds}")
    limit(0)
    try:
        yield
    finally:
        limit(1000)


@pytest.mark.worlds("two-arm-1", "two-arm-3")
@pytest.mark.parametrize("mode", TRANSLATED, indirect=True)
class TestTwoArms(EveryMode):
    pass


@pytest.mark.worlds("one-arm-1")
@pytest.mark.parametrize("mode", ["full-nat", "dr", *TUNNELS], indirect=True)
class TestOneArm(EveryMode):
    pass


class TestWithoutServers:
    @pytest.fixture(autouse=True)
    def empty(self, world):
        for service in world.config["services"]:
            service["servers"] = []
        world.write_config()
        world.director.ctl("reload")

    def test_connections_are_refused_at_once(self, world):
        before = world.counters()
        with world.client_socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(SOON_SECONDS)
            with pytest.raises(ConnectionRefusedError):
                client.connect((world.vip, 80))
        assert grown(before, world.counters(), "icmp_errors_sent", "drop_no_server") == [1, 1]

    def test_datagrams_are_refused_at_once(self, world):
        with udp_client(world, ECHO_PORT) as client:
            client.settimeout(SOON_SECONDS)
            client.send(b"anybody?")
            with pytest.raises(ConnectionRefusedError):
                client.recv(100)
