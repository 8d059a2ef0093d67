# SPDX-License-Identifier: BSD-3-Clause
"""Links of 9000 bytes, and the way from one to a link of 1500."""

import os

import netns
import pytest
from forwarding import TRANSLATED
from narrow_path import path_mtu
from transfers import assert_upload
from udp_echo import UdpEcho
from wire import Capture
from world import ECHO_PORT, JUMBO_MTU, eventually

pytestmark = pytest.mark.worlds("jumbo-1")


@pytest.mark.parametrize("mode", TRANSLATED, indirect=True)
class TestJumbo:
    def test_50_mb_in_large_frames(self, world, mode, file_50_mb):
        with Capture(world.lab.switch, "director") as capture:
            assert_upload(world, file_50_mb)
            assert max(map(len, capture.frames(0.5))) == JUMBO_MTU + 14

    def test_datagrams_of_a_whole_frame(self, world, mode):
        with UdpEcho(world.lab, ECHO_PORT) as _, world.udp_client() as client:
            client.settimeout(3)
            client.connect((world.vip, ECHO_PORT))
            for size in (1, 1473, JUMBO_MTU - 28):
                data = os.urandom(size)
                client.send(data)
                assert client.recv(65_535) == data, f"{size} bytes"


def test_the_vip_answers_large_pings(world):
    world.lab.in_client("ping", "-M", "do", "-s", JUMBO_MTU - 28, "-c", "2", "-i", "0.1",
                        "-W", "2", world.vip)


def test_from_9000_to_1500(world, file_50_mb):
    """The client learns the path's MTU from the director and its upload arrives."""
    world.director.stop()
    world.server_port["mtu"] = 1500
    world.write_config()
    for server in world.lab.servers:
        netns.set_mtu(server.namespace, "eth0", 1500)
    try:
        world.director.start()
        eventually(lambda: world.curl(check=False).returncode == 0)
        # As long a segment as the client's link has, whatever the server's SYN-ACK says.
        with UdpEcho(world.lab, ECHO_PORT) as _, world.udp_client() as client:
            client.settimeout(3)
            client.connect((world.vip, ECHO_PORT))
            client.send(bytes(JUMBO_MTU - 28))
            eventually(lambda: path_mtu(world.lab.client, world.vip) == 1500)
        assert_upload(world, file_50_mb)
    finally:
        for server in world.lab.servers:
            netns.set_mtu(server.namespace, "eth0", JUMBO_MTU)
        netns.run("ip", "-n", world.lab.client, "route", "flush", "cache")
