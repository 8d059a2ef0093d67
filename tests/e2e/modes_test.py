# SPDX-License-Identifier: BSD-3-Clause
"""Every forwarding mode, with the real servers set up as `sluicectl server howto` says."""

import os

import netns
import pytest
from forwarding import TRANSLATED, TUNNELS, mode_word
from lab import on_port
from transfers import assert_download, assert_upload
from udp_echo import UdpEcho
from world import ECHO_PORT, eventually

OTHER_PORT = 8080  # which the web servers listen on, too

def tunnel_packets(server):
    """What came out of the server's tunnel devices."""
    found = netns.run(*netns.inside(server.namespace), "bash", "-c",
                      "cat /sys/class/net/sluice-*/statistics/rx_packets", check=False)
    return sum(map(int, found.stdout.split()))


class EveryMode:
    def test_every_server_answers(self, world, mode):
        assert set(world.who_answers(24)) == {"rs1", "rs2", "rs3"}

    def test_the_server_sees_the_client_or_a_local_address(self, world, mode):
        seen = world.curl(url=f"{world.url}whoami").stdout.strip().rsplit(":", 1)[0]
        expected = world.local_addresses() if mode == "full-nat" else {world.client_address}
        assert seen in expected

    def test_packets_take_the_way_of_their_mode(self, world, mode):
        before = world.service(world.web)
        world.who_answers(6)
        after = world.service(world.web)
        assert after["packets_in"] > before["packets_in"]
        assert (after["packets_out"] > before["packets_out"]) == (mode in TRANSLATED)
        for server in world.lab.servers:
            assert (tunnel_packets(server) > 0) == (mode in TUNNELS), server.name

    def test_50_mb_come_down_unharmed(self, world, mode, file_50_mb, tmp_path):
        assert_download(world, file_50_mb, tmp_path)

    def test_50_mb_go_up_unharmed(self, world, mode, file_50_mb):
        assert_upload(world, file_50_mb)

    def test_udp_is_echoed(self, world, mode):
        holder = None if mode in TRANSLATED else world.vip
        version = world.server_version if mode in TRANSLATED else world.client_version
        with UdpEcho(world.lab, ECHO_PORT, answer_from=holder, version=version) as echo:
            for number in range(9):
                with world.udp_client() as client:
                    client.settimeout(3)
                    client.connect((world.vip, ECHO_PORT))
                    for size in (1, 2, 999, 1400):
                        data = os.urandom(size)
                        client.send(data)
                        assert client.recv(2000) == data, f"client {number}, {size} bytes"
            assert all(echo.peers.values()), "a server was left out"

    def test_sessions_say_their_mode(self, world, mode):
        world.who_answers(1)
        sessions = world.sessions("--service", world.web)
        sessions = [session for session in sessions if session["mode"] == mode_word(mode)]
        assert sessions
        assert all((s["local"] is None) == (mode != "full-nat") for s in sessions)

    def test_a_server_in_another_mode_shares_the_service(self, world, mode):
        """The first server goes back to FULL-NAT; the client notices nothing."""
        first, *others = [on_port(world.address_of(server), 80) for server in world.lab.servers]
        world.director.ctl("server", "set", world.web, first, "--mode", "full-nat")
        eventually(lambda: set(world.who_answers(24)) == {"rs1", "rs2", "rs3"})
        for other in others:
            world.director.ctl("server", "set", world.web, other, "--weight", "0")
        seen = world.curl(url=f"{world.url}whoami").stdout.strip()
        assert seen.rsplit(":", 1)[0] in world.local_addresses()


@pytest.mark.worlds("two-arm-1", "two-arm-3")
@pytest.mark.parametrize("mode", TRANSLATED, indirect=True)
class TestTwoArms(EveryMode):
    def test_ports_are_mapped(self, world, mode):
        for server in world.service_config(world.web)["servers"]:
            server["port"] = OTHER_PORT
        world.write_config()
        world.director.ctl("reload")
        assert world.curl(url=f"{world.url}port").stdout.strip() == str(OTHER_PORT)
        assert set(world.who_answers(24)) == {"rs1", "rs2", "rs3"}


@pytest.mark.worlds("one-arm-1")
@pytest.mark.parametrize("mode", ["full-nat", "dr", *TUNNELS], indirect=True)
class TestOneArm(EveryMode):
    """Where answers of direct routing and tunnels go straight to the client."""
