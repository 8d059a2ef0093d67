# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams that the kernels of clients and servers send in fragments, in every mode."""

import os
import random
import socket

import pytest
from forwarding import TRANSLATED, TUNNELS, in_mode
from udp_echo import UdpEcho
from world import ECHO_PORT

# Around whole fragments of a link of 1500 bytes, and up to what UDP can carry.
SIZES = (1, 1400, 1472, 1473, 1480, 1481, 2952, 2953, 4096, 9000, 20_000, 44_400, 60_000, 65_507)
# What does not fit into a tunnel and must not be cut: path MTU discovery's.
ONLY_WITH_DISCOVERY = (1472,)
SEED = 7
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0  # Linux


@pytest.fixture
def wire(world):
    """Ports that hear what is on the wire: under net_af_packet the kernel reassembles IPv4 first."""
    for port in world.config["ports"]:
        port["device"] = port["device"].replace("net_af_packet", "net_af_xdp")
    world.director.stop()
    world.write_config()
    world.director.start()
    world.who_answers(6)  # every neighbour is known: none costs a datagram


@pytest.fixture
def mode(request, world, wire):
    with in_mode(world, request.param):
        yield request.param


@pytest.fixture
def echo(world, mode):
    holder = None if mode in TRANSLATED else world.vip
    with UdpEcho(world.lab, ECHO_PORT, answer_from=holder) as service:
        yield service


def udp_client(world, may_be_cut=False):
    client = world.udp_client()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    if may_be_cut:
        client.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
    client.settimeout(3)
    client.connect((world.vip, ECHO_PORT))
    return client


def fragment_drops(world):
    return {name: total for name, total in world.counters().items()
            if name.startswith("drop_fragment") and total}


class EveryMode:
    def test_every_size_comes_back_unharmed(self, world, mode, echo):
        sizes = [size for size in SIZES if mode in TRANSLATED or size not in ONLY_WITH_DISCOVERY]
        before = world.counters()
        with udp_client(world) as client:
            for size in sizes:
                data = os.urandom(size)
                client.send(data)
                assert client.recv(65535) == data, f"{size} bytes"
        assert sum(map(bool, echo.peers.values())) == 1, "one session, one server"
        after = world.counters()
        assert after["fragments"] - before["fragments"] >= 2 * sum(size > 1472 for size in sizes)
        assert not fragment_drops(world)

    def test_whole_packets_that_do_not_fit_are_cut(self, world, mode, echo):
        before = world.counters()["packets_cut"]
        with udp_client(world, may_be_cut=True) as client:
            for size in range(1440, 1473):
                data = os.urandom(size)
                client.send(data)
                assert client.recv(65535) == data, f"{size} bytes"
        assert (world.counters()["packets_cut"] > before) == (mode in TUNNELS)

    def test_many_clients_at_once(self, world, mode, echo):
        rng = random.Random(SEED)
        clients = [udp_client(world, may_be_cut=True) for _ in range(20)]
        for _ in range(5):
            sent = [rng.randbytes(rng.randrange(1, 12_000)) for _ in clients]
            for client, data in zip(clients, sent):
                client.send(data)
            for number, (client, data) in enumerate(zip(clients, sent)):
                assert client.recv(65535) == data, f"client {number}, {len(data)} bytes"
        for client in clients:
            client.close()
        assert all(echo.peers.values()), "a server was left out"
        assert len(echo.all_peers()) == len(clients), "a client had more than one session"
        assert not fragment_drops(world)


@pytest.mark.worlds("two-arm-1")
@pytest.mark.parametrize("mode", TRANSLATED, indirect=True)
class TestTwoArms(EveryMode):
    """With one worker, as the lab's links have one queue; the pipeline suite has several."""


@pytest.mark.worlds("one-arm-1")
@pytest.mark.parametrize("mode", ["full-nat", "dr", *TUNNELS], indirect=True)
class TestOneArm(EveryMode):
    """Where answers of direct routing and tunnels go straight to the client."""


@pytest.mark.worlds("two-arm-1")
def test_large_pings_to_a_vip_are_the_kernels(world, wire):
    done = world.lab.in_client("ping", "-c", "3", "-i", "0.2", "-W", "2", "-s", "8000", world.vip)
    assert " 0% packet loss" in done.stdout
