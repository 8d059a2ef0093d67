# SPDX-License-Identifier: BSD-3-Clause
"""Forwarding modes other than FULL-NAT, with the real servers set up as each needs it."""

import contextlib
import hashlib
import os
import socket

import pytest
import real_server
from udp_echo import UdpEcho
from world import ECHO_PORT, eventually

MEGABYTE = 1 << 20
TRANSFER_MEGABYTES = 50

# Answers of direct routing and tunnels go straight to the client: both are on one network.
MODES = {
    "nat": ("two-arm-1", "two-arm-3"),
    "dr": ("one-arm-1",),
    "ipip": ("one-arm-1",),
    "gre": ("one-arm-1",),
    "gue": ("one-arm-1",),
}


@contextlib.contextmanager
def in_mode(world, mode):
    """Every service of the world in that mode, its servers prepared for it."""
    gateway = world.server_port["addresses"][0].split("/")[0]
    with contextlib.ExitStack() as stack:
        for server in world.lab.servers:
            if mode == "nat":
                stack.enter_context(real_server.for_nat(server, gateway))
            elif mode == "dr":
                stack.enter_context(real_server.for_direct_routing(server, world.vip))
            else:
                stack.enter_context(real_server.for_tunnel(server, world.vip))
        for service in world.config["services"]:
            service["mode"] = mode if mode in ("nat", "dr") else "tunnel"
            if service["mode"] == "tunnel":
                service["tunnel"] = mode
        world.write_config()
        world.director.ctl("reload")
        yield


@pytest.fixture(params=MODES)
def mode(request, world):
    if world.name not in MODES[request.param]:
        pytest.skip(f"{request.param} is tested in {', '.join(MODES[request.param])}")
    with in_mode(world, request.param):
        yield request.param


pytestmark = pytest.mark.worlds("two-arm-1", "two-arm-3", "one-arm-1")


def test_every_server_answers(world, mode):
    assert set(world.who_answers(24)) == {"rs1", "rs2", "rs3"}


def test_the_server_sees_the_client(world, mode):
    seen = world.curl(url=f"{world.url}whoami").stdout.strip()
    assert seen.rsplit(":", 1)[0] == world.lab.client_address


def test_large_transfers_arrive_unharmed(world, mode, tmp_path):
    sent = tmp_path / "sent.bin"
    sent.write_bytes(os.urandom(MEGABYTE) * TRANSFER_MEGABYTES)
    digest = hashlib.sha256(sent.read_bytes()).hexdigest()
    world.curl("--max-time", "60", "-T", sent, "-H", "Expect:", url=f"{world.url}upload/mode.bin")
    landed = [server.folder / "www" / "upload" / "mode.bin" for server in world.lab.servers]
    landed = [path for path in landed if path.exists()]
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in landed] == [digest]
    landed[0].unlink()


def test_udp_is_echoed(world, mode):
    with UdpEcho(world.lab, ECHO_PORT, answer_from=world.vip if mode != "nat" else None):
        with world.client_socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(3)
            client.connect((world.vip, ECHO_PORT))
            for size in (1, 2, 999, 1400):
                data = os.urandom(size)
                client.send(data)
                assert client.recv(2000) == data


def test_sessions_say_their_mode(world, mode):
    world.who_answers(1)
    shown = "tunnel" if mode in ("ipip", "gre", "gue") else mode
    sessions = world.sessions("--service", world.web)
    newest = [s for s in sessions if s["mode"] == shown]
    assert newest
    assert all(s["local"] is None for s in newest)


def test_a_server_in_another_mode_shares_the_service(world, mode):
    """The first server goes back to FULL-NAT; the client notices nothing."""
    first = world.lab.servers[0]
    world.director.ctl("server", "set", world.web, f"{first.address}:80", "--mode", "full-nat")
    eventually(lambda: set(world.who_answers(24)) == {"rs1", "rs2", "rs3"})
    world.director.ctl("server", "set", world.web, f"{world.lab.servers[1].address}:80",
                       "--weight", "0")
    world.director.ctl("server", "set", world.web, f"{world.lab.servers[2].address}:80",
                       "--weight", "0")
    seen = world.curl(url=f"{world.url}whoami").stdout.strip()
    assert seen.rsplit(":", 1)[0] in world.local_addresses()
