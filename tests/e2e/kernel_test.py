# SPDX-License-Identifier: BSD-3-Clause
"""The kernel as slow path: ARP, ping, addresses, routes and neighbours as administrators know them."""

import re

import pytest
import netns
from wire import ask_arp
from world import eventually, own_address

FAR_CLIENT = "203.0.113.5"


def ask_from_client(world, wanted):
    return ask_arp(world.lab.client, world.mac_of(world.lab.client, "eth0"),
                   world.lab.client_address, wanted)


def test_arp_for_the_vip_has_one_answer_with_the_ports_mac(world):
    mac = world.mac_of(world.lab.director, world.lab.devices[0])
    assert ask_from_client(world, world.vip) == [mac]


def test_arp_for_the_taps_address_has_one_answer(world):
    mac = world.mac_of(world.lab.director, world.lab.devices[0])
    assert ask_from_client(world, own_address(world.client_port)) == [mac]


def test_arp_for_local_addresses_is_answered_to_the_servers(world):
    server = world.lab.servers[0]
    mac = world.mac_of(world.lab.director, world.lab.devices[-1])
    for address in sorted(world.local_addresses()):
        answers = ask_arp(server.namespace, world.mac_of(server.namespace, "eth0"),
                          server.address, address, seconds=0.4)
        assert answers == [mac], address


def test_ping_of_vip_and_taps(world):
    for address in (world.vip, own_address(world.client_port)):
        world.lab.in_client("ping", "-c", "3", "-i", "0.1", "-W", "2", address)
    netns.run(*netns.inside(world.lab.servers[0].namespace), "ping", "-c", "2", "-i", "0.1", "-W",
              "2", own_address(world.server_port))


def test_large_ping_is_not_cut(world):
    world.lab.in_client("ping", "-c", "2", "-i", "0.1", "-W", "2", "-s", "1400", world.vip)


def test_director_reaches_its_neighbours_by_itself(world):
    for address in (world.lab.client_address, world.lab.servers[0].address):
        world.lab.in_director("ping", "-c", "2", "-i", "0.1", "-W", "2", address)


def test_taps_look_like_any_interface(world):
    for port, device in zip(world.config["ports"], world.lab.devices):
        shown = world.lab.in_director("ip", "address", "show", "dev", port["name"]).stdout
        for address in port["addresses"]:
            assert re.search(rf"inet6? {re.escape(address)}", shown)
        assert "LOWER_UP" in shown, "no carrier"
        assert f"mtu {port.get('mtu', 1500)}" in shown
        assert world.mac_of(world.lab.director, port["name"]) == \
            world.mac_of(world.lab.director, device)


def test_vip_and_local_addresses_are_on_the_taps(world):
    def addresses(tap):
        shown = world.lab.in_director("ip", "-o", "address", "show", "dev", tap).stdout
        return set(re.findall(r"inet ([\d.]+)", shown))
    assert world.vip in addresses(world.client_port["name"])
    assert world.local_addresses() <= addresses(world.server_port["name"])


def test_routes_and_neighbours_are_the_kernels(world):
    world.who_answers(6)
    routes = world.lab.in_director("ip", "route").stdout
    for port in world.config["ports"]:
        assert f"dev {port['name']}" in routes
    neighbours = world.lab.in_director("ip", "neigh").stdout
    for server in world.lab.servers:
        mac = world.mac_of(server.namespace, "eth0")
        assert re.search(rf"{re.escape(server.address)} dev \S+ lladdr {mac}", neighbours)


@pytest.fixture
def far_client(world):
    """An address of the client host that the director reaches by a gateway only."""
    change = ["ip", "-n", world.lab.client, "address"]
    netns.run(*change, "add", f"{FAR_CLIENT}/32", "dev", "lo")
    yield FAR_CLIENT
    netns.run(*change, "del", f"{FAR_CLIENT}/32", "dev", "lo")


@pytest.mark.worlds("two-arm-1")
def test_clients_behind_a_gateway_are_answered(world, far_client):
    assert world.curl("--interface", far_client, "--max-time", "1", check=False).returncode != 0
    netns.run("ip", "-n", world.lab.director, "route", "add", "203.0.113.0/24", "via",
              world.lab.client_address)
    eventually(lambda: world.curl("--interface", far_client, "--max-time", "1",
                                  check=False).returncode == 0)
    netns.run("ip", "-n", world.lab.director, "route", "del", "203.0.113.0/24")


@pytest.mark.worlds("two-arm-1")
def test_a_route_of_the_configuration_is_installed_and_removed(world, far_client):
    """Ports cannot change while the director runs, so it is started anew."""
    world.director.stop()
    world.client_port.setdefault("routes", []).append(
        {"to": "203.0.113.0/24", "via": world.lab.client_address})
    world.write_config()
    world.director.start()
    assert "203.0.113.0/24 via" in world.lab.in_director("ip", "route").stdout
    assert world.curl("--interface", far_client).stdout.strip() in {"rs1", "rs2", "rs3"}
    world.director.stop()
    assert "203.0.113.0/24" not in world.lab.in_director("ip", "route").stdout


@pytest.mark.worlds("two-arm-1")
def test_an_external_vip_is_left_to_others(world):
    """announce: external leaves the address to keepalived or BIRD, here to `ip`."""
    world.service_config("echo")["announce"] = "external"
    world.service_config("short")["announce"] = "external"
    world.service_config(world.web)["announce"] = "external"
    world.write_config()
    world.director.ctl("reload")
    tap = world.client_port["name"]

    def is_held():
        return f"inet {world.vip}/" in world.lab.in_director("ip", "-o", "a", "show", tap).stdout
    eventually(lambda: not is_held())
    assert ask_from_client(world, world.vip) == []
    netns.run("ip", "-n", world.lab.director, "address", "add", f"{world.vip}/32", "dev", tap)
    assert set(world.who_answers(9)) == {"rs1", "rs2", "rs3"}
    netns.run("ip", "-n", world.lab.director, "address", "del", f"{world.vip}/32", "dev", tap)
