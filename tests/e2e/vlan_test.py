# SPDX-License-Identifier: BSD-3-Clause
"""Ports that are VLANs of one device, against the kernels' 802.1Q subinterfaces, in every mode."""

import contextlib
import os
import socket
import struct

import netns
import pytest
import vlans
from forwarding import TRANSLATED, in_mode
from transfers import assert_download, assert_upload
from udp_echo import UdpEcho
from wire import Capture
from world import CLIENT_VLAN, ECHO_PORT, SERVER_VLAN, TRUNK_ADDRESS, eventually

pytestmark = pytest.mark.worlds("vlan-1")

MODES = ("full-nat", "nat", "dr", "ipip", "gue")
UNKNOWN_VLAN = 300
ETH_VLAN = 0x8100
TRUNK_PEER = "10.9.0.2/24"


@pytest.fixture(scope="session")
def file_10_mb(tmp_path_factory):
    path = tmp_path_factory.mktemp("vlan") / "10mb.bin"
    path.write_bytes(os.urandom(10 << 20))
    return path


@contextlib.contextmanager
def direct_answers(world):
    """A second VLAN on each server, by which answers reach the client without the director."""
    with contextlib.ExitStack() as undo:
        for number, server in enumerate(world.lab.servers, start=1):
            ip = ["ip", "-n", server.namespace]
            vlans.add(server.namespace, "trunk", "eth1", CLIENT_VLAN)
            undo.callback(netns.run, *ip, "link", "del", "eth1")
            netns.run(*ip, "address", "add", f"198.51.100.{20 + number}/24", "dev", "eth1")
        yield


@pytest.fixture
def mode(request, world):
    with contextlib.ExitStack() as undo:
        if request.param not in TRANSLATED:
            undo.enter_context(direct_answers(world))
        undo.enter_context(in_mode(world, request.param))
        yield request.param


@pytest.mark.parametrize("mode", MODES, indirect=True)
class TestEveryMode:
    def test_servers_answer_and_files_arrive(self, world, mode, file_10_mb, tmp_path):
        assert set(world.who_answers(12)) == {"rs1", "rs2", "rs3"}
        assert_download(world, file_10_mb, tmp_path)
        assert_upload(world, file_10_mb)

    def test_udp_is_echoed(self, world, mode):
        holder = None if mode in TRANSLATED else world.vip
        with UdpEcho(world.lab, ECHO_PORT, answer_from=holder) as echo:
            for number in range(6):
                with world.udp_client() as client:
                    client.settimeout(3)
                    client.connect((world.vip, ECHO_PORT))
                    for size in (1, 1400, 1472 if mode in TRANSLATED else 1440):
                        data = os.urandom(size)
                        client.send(data)
                        assert client.recv(5000) == data, f"client {number}, {size} bytes"
            assert all(echo.peers.values()), "a server was left out"


@pytest.mark.parametrize("versions", [(6, 6), (6, 4)])
def test_ipv6(world, versions):
    world.speak(*versions)
    world.write_config()
    world.director.ctl("reload")
    eventually(lambda: world.curl(check=False).returncode == 0)
    assert set(world.who_answers(12)) == {"rs1", "rs2", "rs3"}


def test_each_side_has_its_tag(world):
    with Capture(world.lab.switch, "director") as capture:
        loading = world.start_in_client("curl", "-sS", "--max-time", "5", world.url)
        assert capture.vlans(0.5) >= {CLIENT_VLAN, SERVER_VLAN}
        assert loading.communicate(timeout=10)[0].startswith("rs")


def test_the_director_answers_in_each_vlan_and_without(world):
    trunk = TRUNK_ADDRESS.split("/")[0]
    netns.run("ip", "-n", world.lab.client, "address", "replace", TRUNK_PEER, "dev", "trunk")
    try:
        for address in (trunk, "198.51.100.1", world.vip):
            world.lab.in_client("ping", "-c", "2", "-i", "0.1", "-W", "2", address)
    finally:
        netns.run("ip", "-n", world.lab.client, "address", "del", TRUNK_PEER, "dev", "trunk")
    server = world.lab.servers[0].namespace
    netns.run(*netns.inside(server), "ping", "-c", "2", "-i", "0.1", "-W", "2", "10.0.0.1")


def test_other_vlans_and_untagged_frames_do_not_reach_the_service(world):
    """The frame that is forwarded with the right tag is not with another, nor with none."""
    mac = bytes.fromhex(world.mac_of(world.lab.director, "trunk0").replace(":", ""))
    own = bytes.fromhex(world.mac_of(world.lab.client, "trunk").replace(":", ""))
    before = world.counters()
    with netns.open_socket(world.lab.client, socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("trunk", 0))
        for tag in (struct.pack("!HH", ETH_VLAN, UNKNOWN_VLAN),
                    struct.pack("!HHHH", ETH_VLAN, CLIENT_VLAN, ETH_VLAN, CLIENT_VLAN)):
            wire.send(mac + own + tag + struct.pack("!H", 0x0800) + bytes(46))
    eventually(lambda: world.counters()["drop_unknown_vlan"] >= before["drop_unknown_vlan"] + 2)
    assert world.counters()["sessions_created"] == before["sessions_created"]


def test_status_names_the_vlans(world):
    ports = {port["name"]: port for port in world.director.ctl_json("status")["ports"]}
    assert [ports[name]["vlan"] for name in ("trunk0", "wan0", "lan0")] == [None, CLIENT_VLAN,
                                                                           SERVER_VLAN]
    assert ports["wan0"]["mac"] == ports["trunk0"]["mac"]


@pytest.mark.worlds("two-arm-1")
class TestPortWithoutVlans:
    def test_a_tagged_frame_is_not_taken_for_an_untagged_one(self, world):
        """The kernel takes tags off before the packet socket; net_af_packet puts them back."""
        with contextlib.ExitStack() as undo:
            vlans.add(world.lab.client, "eth0", "tagged", CLIENT_VLAN)
            undo.callback(netns.run, "ip", "-n", world.lab.client, "link", "del", "tagged")
            before = world.counters()["sessions_created"]
            mac = world.mac_of(world.lab.director, "wan0")
            ip = ["ip", "-n", world.lab.client]
            netns.run(*ip, "neigh", "replace", world.vip, "lladdr", mac, "dev", "tagged")
            netns.run(*ip, "route", "add", f"{world.vip}/32", "dev", "tagged")
            assert world.curl("--connect-timeout", "1", check=False).returncode != 0
            assert world.counters()["sessions_created"] == before
        world.who_answers(3)
