# SPDX-License-Identifier: BSD-3-Clause
"""A real server gets a new MAC address, as after a failover; strangers crowd the neighbour table."""

import socket
import struct
import time

import netns
import pytest
from http_client import WebClient
from world import ECHO_PORT, eventually

NEW_MAC = "02:00:00:00:be:ef"


@pytest.fixture
def server(world):
    """The first real server; its MAC is put back afterwards."""
    server = world.lab.servers[0]
    old_mac = world.mac_of(server.namespace, "eth0")
    yield server
    change_mac(server, old_mac, announce="1")
    eventually(lambda: knows_mac(world, server, old_mac))


def change_mac(server, mac, announce):
    """Changes the MAC; the kernel announces it by gratuitous ARP when arp_notify is on."""
    netns.run(*netns.inside(server.namespace), "sysctl", "-q", "-w",
              f"net.ipv4.conf.eth0.arp_notify={announce}")
    netns.run("ip", "-n", server.namespace, "link", "set", "eth0", "address", mac)


def knows_mac(world, server, mac):
    return mac in world.lab.in_director("ip", "neigh", "show", server.address).stdout


def answers_again(world):
    """Every server answers, so the changed one does too."""
    done = world.lab.in_client("bash", "-c", "for i in 1 2 3 4 5 6 7 8 9; do curl -s --max-time 0.3"
                               f" {world.url} || exit 1; done", check=False)
    return set(done.stdout.split()) == {"rs1", "rs2", "rs3"}


def test_an_announced_mac_is_used_within_a_second(world, server):
    assert answers_again(world)
    change_mac(server, NEW_MAC, announce="1")
    begin = time.monotonic()
    eventually(lambda: knows_mac(world, server, NEW_MAC), seconds=1)
    assert answers_again(world), "the kernel knows the new MAC, the workers do not"
    assert time.monotonic() - begin < 3


def test_a_silent_change_is_noticed(world, server):
    """No announcement: the kernel must be made to ask again while connections fail."""
    assert answers_again(world)
    change_mac(server, NEW_MAC, announce="0")
    eventually(lambda: answers_again(world), seconds=15, pause=0.2)
    assert knows_mac(world, server, NEW_MAC)


def send_from_strangers(world, count):
    """A datagram to the echo service from each of so many unused addresses of the client's net."""
    net = world.lab.client_address.rsplit(".", 1)[0]
    with world.client_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for number in range(count):
            udp = struct.pack("!HHHH", 4000, ECHO_PORT, 8, 0)
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64,
                                 socket.IPPROTO_UDP, 0,
                                 socket.inet_aton(f"{net}.{100 + number}"),
                                 socket.inet_aton(world.vip))
            raw.sendto(header + udp, (world.vip, 0))


def test_strangers_that_do_not_exist_leave_connections_alone(world):
    world.director.stop()
    world.config["limits"] = {**world.config.get("limits", {}), "neighbours": 8}
    world.write_config()
    world.director.start()
    with WebClient(world) as client:
        page = client.ask()
        dropped = world.counters()["drop_no_neighbour"]
        for _ in range(3):
            send_from_strangers(world, 100)
            assert client.ask() == page
            assert set(world.who_answers(9)) == {"rs1", "rs2", "rs3"}
    hops = world.director.ctl_json("status")["next_hops"]
    assert hops["count"] - hops["unresolved"] >= 4, "the client and three servers"
    assert world.counters()["drop_no_neighbour"] - dropped <= 300, "more than what strangers caused"
    assert "limits.neighbours: all 8 are in use" in world.director.log_tail()
