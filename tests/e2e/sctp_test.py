# SPDX-License-Identifier: BSD-3-Clause
"""SCTP associations through the director, in every mode that carries them and over both IP versions."""

import os

import pytest
from lab import ipv6_of, on_port
from forwarding import TRANSLATED, in_mode
from sctp_peer import (COOKIE_ACK, COOKIE_ECHO, DATA, INIT, INIT_ACK, SHUTDOWN, SHUTDOWN_ACK,
                       SHUTDOWN_COMPLETE, SctpClient, SctpServers)
from world import eventually

SIGNALLING = "signalling"
PORT, MAPPED_PORT = 2905, 2906
ASSOCIATIONS = 3


def add_service(world, server_port):
    vip = world.service_config(world.web)["vip"]
    servers = [{"address": server.address, "port": server_port} for server in world.lab.servers]
    world.config["services"].append(
        {"name": SIGNALLING, "protocol": "sctp", "vip": vip, "port": PORT, "scheduler": "rr",
         "mode": "nat", "servers": servers})


def hold_association(client):
    assert client.ask(INIT, os.urandom(16))[0] == INIT_ACK
    assert client.ask(COOKIE_ECHO, os.urandom(100))[0] == COOKIE_ACK
    for size in (1, 2, 3, 4, 255, 256, 1200):
        data = os.urandom(size)
        assert client.ask(DATA, data) == (DATA, data), f"{size} bytes"


def states(world):
    return [session["state"] for session in world.sessions("--protocol", "sctp")]


def associate(world, mode, version, server_port):
    add_service(world, server_port)
    world.speak(version, version)
    with in_mode(world, mode):
        vip = ipv6_of(world.vip) if version == 6 and ":" not in world.vip else world.vip
        own = [world.address_of(server) for server in world.lab.servers]
        addresses = own if mode in TRANSLATED else [vip] * len(own)
        with SctpServers(world.lab, addresses, server_port) as servers:
            for number in range(ASSOCIATIONS):
                with SctpClient(world.lab.client, world.client_address, 40000 + number, vip,
                                PORT) as client:
                    hold_association(client)
                    assert "ESTABLISHED" in states(world)
                    assert client.ask(SHUTDOWN)[0] == SHUTDOWN_ACK
                    client.tell(SHUTDOWN_COMPLETE)
            eventually(lambda: servers.count(SHUTDOWN_COMPLETE) == ASSOCIATIONS)
            assert not servers.wrong
        assert "ESTABLISHED" not in states(world)
        assert on_port(vip, PORT) in world.director.ctl("service", "list").stdout


@pytest.mark.worlds("two-arm-1", "two-arm-3")
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("server_port", [PORT, MAPPED_PORT])
def test_nat(world, version, server_port):
    associate(world, "nat", version, server_port)


@pytest.mark.worlds("one-arm-1")
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("mode", ["dr", "ipip"])
def test_untranslated(world, mode, version):
    associate(world, mode, version, PORT)
