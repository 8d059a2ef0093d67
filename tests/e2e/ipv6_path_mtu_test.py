# SPDX-License-Identifier: BSD-3-Clause
"""ICMP and path MTU discovery where clients, servers or both speak IPv6."""

import socket

import pytest
from ipv6_test import mode, ways  # noqa: F401
from narrow_path import (FAR6, FAR_NETWORK, FAR_NETWORK6, HOP_MTU, forget_paths, narrow_path,
                         path_mtu, run_in, speak_ipv6)
from path_mtu_test import counting
from tracing import addresses_of, hops
from transfers import assert_download, assert_upload
from world import ECHO_PORT, SHORT_LIVED_PORT, eventually

HEADER_DIFFERENCE = 20  # of IPv6 over IPv4


@pytest.fixture
def far(world, mode):
    forget_paths(world.lab)
    world.client_port["routes"] = [{"to": FAR_NETWORK, "via": world.lab.client_address},
                                   {"to": FAR_NETWORK6, "via": world.lab.client_address6}]
    world.write_config()
    world.director.ctl("reload")
    with narrow_path(world.lab, world.lab.client) as far:
        speak_ipv6(world.lab, world.lab.client)
        eventually(lambda: run_in(far.namespace, "curl", "-s", "--max-time", "1", world.url,
                                  check=False).returncode == 0)
        yield far
    run_in(world.lab.client, "sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=0")
    forget_paths(world.lab)


ALL_WAYS = pytest.mark.parametrize("mode", ways(
    ("full-nat", 6, 6), ("full-nat", 6, 4), ("full-nat", 4, 6), ("nat", 6, 6)), indirect=True)
pytestmark = pytest.mark.worlds("two-arm-1", "two-arm-3")


@ALL_WAYS
def test_50_mb_come_down_through_a_narrow_hop(world, mode, far, file_50_mb, tmp_path):
    with counting(world, "icmp_errors_forwarded"):
        assert_download(world, file_50_mb, tmp_path, client=far.namespace)
    peers = world.local_addresses() if mode == "full-nat" else [FAR6]
    learned = {path_mtu(server.namespace, peer)
               for server in world.lab.servers for peer in peers} - {1500}
    growth = (world.server_version - world.client_version) // 2 * HEADER_DIFFERENCE
    assert learned == {HOP_MTU + growth}


@ALL_WAYS
def test_50_mb_go_up_through_a_narrow_hop(world, mode, far, file_50_mb):
    assert_upload(world, file_50_mb, client=far.namespace)


@ALL_WAYS
def test_a_traceroute_ends_at_the_vip(world, mode):
    assert addresses_of(hops(world, "-T", "-p", "80")) == [world.vip] * 2


@ALL_WAYS
def test_a_port_without_listener_refuses_datagrams(world, mode):
    with world.udp_client() as client:
        client.settimeout(3)
        client.connect((world.vip, SHORT_LIVED_PORT))
        client.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            client.recv(100)


@pytest.mark.parametrize("mode", ways(("full-nat", 6, 6)), indirect=True)
def test_services_without_servers_refuse_at_once(world, mode):
    for service in world.config["services"]:
        service["servers"] = []
    world.write_config()
    world.director.ctl("reload")
    with world.client_socket(socket.AF_INET6, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        with pytest.raises(ConnectionRefusedError):
            client.connect((world.vip, 80))
    with world.udp_client() as client:
        client.settimeout(1)
        client.connect((world.vip, ECHO_PORT))
        client.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            client.recv(100)


@pytest.mark.parametrize("mode", ways(("full-nat", 6, 6)), indirect=True)
def test_pings_of_the_vip_are_answered_by_the_worker(world, mode):
    before = world.counters()
    world.lab.in_client("ping", "-6", "-c", "5", "-i", "0.1", "-W", "2", world.vip)
    after = world.counters()
    assert after["icmp_echoes_answered"] == before["icmp_echoes_answered"] + 5
