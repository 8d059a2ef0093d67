# SPDX-License-Identifier: BSD-3-Clause
"""UDP echo through the VIP: every size, many clients, and no checksum at all."""

import os
import socket

import pytest
from udp_echo import UdpEcho
from wire import UDP, Capture
from world import ECHO_PORT

SO_NO_CHECK = 11  # Linux: send UDP without a checksum


@pytest.fixture
def echo(world):
    with UdpEcho(world.lab, ECHO_PORT) as service:
        yield service


def udp_client(world):
    client = world.udp_client()
    client.settimeout(2)
    client.connect((world.vip, ECHO_PORT))  # so that only the VIP's answers are received
    return client


def test_every_size_up_to_1400_bytes_comes_back(world, echo):
    data = os.urandom(1400)
    with udp_client(world) as client:
        for size in range(1, 1401):
            client.send(data[:size])
            assert client.recv(65535) == data[:size], f"{size} bytes"
    assert sum(map(bool, echo.peers.values())) == 1, "one session, one server"


def test_every_client_reaches_a_server_from_a_local_address(world, echo):
    clients = [udp_client(world) for _ in range(60)]
    for number, client in enumerate(clients):
        client.send(str(number).encode())
    for number, client in enumerate(clients):
        assert client.recv(100) == str(number).encode()
        client.close()
    assert all(echo.peers.values()), "a server was left out"
    assert {address for _, (address, _) in echo.all_peers()} <= world.local_addresses()
    assert len(echo.all_peers()) == len(clients), "two clients shared a local port"


@pytest.mark.worlds("two-arm-1")
def test_a_datagram_without_checksum_arrives_without_one(world, echo):
    captures = [Capture(server.namespace) for server in world.lab.servers]
    with udp_client(world) as client:
        client.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        client.send(b"no checksum")
        assert client.recv(100) == b"no checksum"
    seen = [p for capture in captures for p in capture.packets(0.2) if p.protocol == UDP]
    for capture in captures:
        capture.socket.close()
    assert [(p.payload, p.l4_checksum) for p in seen] == [(b"no checksum", 0)]
