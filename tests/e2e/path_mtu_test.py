# SPDX-License-Identifier: BSD-3-Clause
"""Path MTU discovery by real kernels, with default TCP settings, in every forwarding mode."""

import contextlib
import errno
import os
import socket

import netns
import pytest
import real_server
from forwarding import TRANSLATED, TUNNELS, mode_word
from narrow_path import (FAR, FAR_NETWORK, HOP_MTU, forget_paths, narrow_path, path_mtu, route_in,
                         run_in)
from transfers import assert_download, assert_upload
from udp_echo import UdpEcho
from world import ECHO_PORT, eventually, own_address

OVERHEAD = {"ipip": 20, "gre": 24, "gue": 32}
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 10, 2, 14
UDP_HEADERS = 28


@pytest.fixture(autouse=True)
def fresh_paths(world):
    forget_paths(world.lab)
    yield
    forget_paths(world.lab)


def route_by(world, port, gateway):
    """The director sends to the far network by this gateway."""
    port["routes"] = [*port.get("routes", []), {"to": FAR_NETWORK, "via": gateway}]
    world.write_config()
    world.director.ctl("reload")


@contextlib.contextmanager
def counting(world, counter):
    """The counter grows while the body runs."""
    before = world.counters()[counter]
    yield
    assert world.counters()[counter] > before, counter


class FromAfar:
    """The client is behind the hop."""

    @pytest.fixture
    def far(self, world, mode):
        route_by(world, world.client_port, world.lab.client_address)
        with contextlib.ExitStack() as undo:
            far = undo.enter_context(narrow_path(world.lab, world.lab.client))
            if mode not in TRANSLATED:
                for server in world.lab.servers:
                    undo.enter_context(
                        route_in(server.namespace, FAR_NETWORK, world.lab.client_address))
            eventually(lambda: run_in(far.namespace, "curl", "-s", "--max-time", "1", world.url,
                                      check=False).returncode == 0)
            yield far

    def learned(self, world, mode):
        """What the servers know of the paths that their answers take."""
        peers = world.local_addresses() if mode == "full-nat" else [FAR]
        return {path_mtu(server.namespace, peer) for server in world.lab.servers
                for peer in peers} - {1500}

    def test_50_mb_come_down(self, world, mode, far, file_50_mb, tmp_path):
        with counting(world, "icmp_errors_forwarded"):
            assert_download(world, file_50_mb, tmp_path, client=far.namespace)
        assert self.learned(world, mode) == {HOP_MTU}

    def test_50_mb_go_up(self, world, mode, far, file_50_mb):
        assert_upload(world, file_50_mb, client=far.namespace)
        assert path_mtu(far.namespace, world.vip) == HOP_MTU

    def test_ping_and_tracepath_find_the_hop(self, world, mode, far):
        fits = ["ping", "-c", "2", "-i", "0.2", "-W", "2", "-M", "do", "-s"]
        assert run_in(far.namespace, *fits, HOP_MTU - UDP_HEADERS, world.vip)
        too_big = run_in(far.namespace, *fits, HOP_MTU - UDP_HEADERS + 1, world.vip, check=False)
        assert too_big.returncode == 1
        netns.run("ip", "-n", far.namespace, "route", "flush", "cache")
        said = run_in(far.namespace, "tracepath", "-n", world.vip).stdout.split("\n")
        assert said[-2].split() == ["Resume:", "pmtu", str(HOP_MTU), "hops", "3", "back", "3"], said
        hops = [line.split()[1] for line in said if line.lstrip()[:1].isdigit()]
        assert [hop for hop in hops if "[" not in hop][-1] == world.vip


@pytest.mark.worlds("two-arm-1", "two-arm-3")
@pytest.mark.parametrize("mode", TRANSLATED, indirect=True)
class TestFromAfarTwoArms(FromAfar):
    pass


@pytest.mark.worlds("one-arm-1")
@pytest.mark.parametrize("mode", ["full-nat", "dr", *TUNNELS], indirect=True)
class TestFromAfarOneArm(FromAfar):
    pass


class ToAfar:
    """The only server is behind the hop."""

    @pytest.fixture
    def way(self, request):
        return request.param

    @pytest.fixture
    def far(self, world, way):
        gateway = world.lab.servers[0]
        world.config["services"] = [world.service_config(world.web)]
        web = world.config["services"][0]
        web.update(mode=mode_word(way), servers=[{"address": FAR}])
        if way in TUNNELS:
            web["tunnel"] = way
        route_by(world, world.server_port, gateway.address)
        with contextlib.ExitStack() as undo:
            far = undo.enter_context(narrow_path(world.lab, gateway.namespace))
            undo.enter_context(route_in(gateway.namespace, "default", own_address(world.server_port)))
            commands = real_server.howto(world.director)[FAR]["commands"]
            real_server.set_up(far, commands, undo)
            far.start_nginx()
            eventually(lambda: world.curl(check=False).stdout == "far\n")
            yield far

    def test_50_mb_go_up(self, world, way, far, file_50_mb):
        with counting(world, "icmp_errors_forwarded"):
            assert_upload(world, file_50_mb, servers=[far])
        assert path_mtu(world.lab.client, world.vip) == HOP_MTU - OVERHEAD.get(way, 0)

    def test_50_mb_come_down(self, world, way, far, file_50_mb, tmp_path):
        assert_download(world, file_50_mb, tmp_path, servers=[far])


@pytest.mark.worlds("two-arm-1", "two-arm-3")
@pytest.mark.parametrize("way", TRANSLATED, indirect=True)
class TestToAfarTwoArms(ToAfar):
    pass


@pytest.mark.worlds("one-arm-1", "one-arm-3")
@pytest.mark.parametrize("way", ["full-nat", *TUNNELS], indirect=True)
class TestToAfarOneArm(ToAfar):
    pass


class DirectorsOwnErrors:
    """The director has less room toward the servers than the client has toward the director."""

    def test_50_mb_go_up(self, world, mode, room, file_50_mb):
        with counting(world, "icmp_errors_sent"):
            assert_upload(world, file_50_mb)
        assert path_mtu(world.lab.client, world.vip) == room

    def test_50_mb_come_down(self, world, mode, room, file_50_mb, tmp_path):
        assert_download(world, file_50_mb, tmp_path)

    def test_a_datagram_tells_its_sender_the_room(self, world, mode, room):
        holder = None if mode in TRANSLATED else world.vip
        with UdpEcho(world.lab, ECHO_PORT, answer_from=holder), \
                world.udp_client() as client:
            client.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
            client.settimeout(3)
            client.connect((world.vip, ECHO_PORT))
            client.send(bytes(1500 - UDP_HEADERS))
            eventually(lambda: client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                       == errno.EMSGSIZE)
            assert client.getsockopt(socket.IPPROTO_IP, IP_MTU) == room
            with pytest.raises(OSError) as refused:
                client.send(bytes(room - UDP_HEADERS + 1))
            assert refused.value.errno == errno.EMSGSIZE
            fits = os.urandom(room - UDP_HEADERS)
            client.send(fits)
            assert client.recv(2000) == fits


@pytest.mark.worlds("one-arm-1")
@pytest.mark.parametrize("mode", TUNNELS, indirect=True)
class TestRoomInTunnels(DirectorsOwnErrors):
    @pytest.fixture
    def room(self, mode):
        return 1500 - OVERHEAD[mode]


def promise_full_segments(server, route):
    """The server keeps to the port's MTU, but does not tell clients so."""
    words = netns.run("ip", "-n", server.namespace, "-o", "route", "show", route).stdout.split()
    netns.run("ip", "-n", server.namespace, "route", "change", *words, "mtu", HOP_MTU, "advmss",
              1460)
    return lambda: netns.run("ip", "-n", server.namespace, "route", "change", *words)


@pytest.mark.worlds("two-arm-1")
@pytest.mark.parametrize("mode", TRANSLATED, indirect=True)
class TestPortOfSmallerMtu(DirectorsOwnErrors):
    @pytest.fixture
    def room(self, world, mode):
        world.server_port["mtu"] = HOP_MTU
        world.write_config()
        world.director.stop()
        world.director.start()
        with contextlib.ExitStack() as undo:
            for server in world.lab.servers:
                route = "default" if mode == "nat" else "10.0.0.0/24"
                undo.callback(promise_full_segments(server, route))
            eventually(lambda: world.curl(check=False).returncode == 0)
            yield HOP_MTU
