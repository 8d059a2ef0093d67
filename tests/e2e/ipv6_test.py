# SPDX-License-Identifier: BSD-3-Clause
"""IPv6 clients, servers and both: every forwarding mode, and the kernel's part of it."""

import re

import netns
import pytest
from forwarding import in_mode
from lab import ipv6_of, on_port
from modes_test import EveryMode
from world import eventually

FAR_CLIENT = "2001:db8:99::5"
WEB6 = "web6"


@pytest.fixture
def mode(request, world):
    """A mode with the IP versions of clients and servers."""
    name, client_version, server_version = request.param
    world.speak(client_version, server_version)
    with in_mode(world, name):
        yield name


def ways(*rows):
    """Each with the name "gre-6-to-4"."""
    return [pytest.param(row, id=f"{row[0]}-{row[1]}-to-{row[2]}") for row in rows]


@pytest.mark.worlds("two-arm-1", "two-arm-3")
@pytest.mark.parametrize("mode", ways(("full-nat", 6, 6), ("full-nat", 6, 4), ("full-nat", 4, 6),
                                      ("nat", 6, 6)), indirect=True)
class TestTwoArms(EveryMode):
    pass


@pytest.mark.worlds("one-arm-1")
@pytest.mark.parametrize("mode", ways(
    ("full-nat", 6, 6), ("dr", 6, 6), ("dr", 6, 4), ("dr", 4, 6),
    ("ipip", 6, 6), ("ipip", 6, 4), ("ipip", 4, 6),
    ("gre", 6, 6), ("gre", 6, 4), ("gre", 4, 6),
    ("gue", 6, 6), ("gue", 6, 4), ("gue", 4, 6)), indirect=True)
class TestOneArm(EveryMode):
    """Where answers of direct routing and tunnels go straight to the client."""


# --- the kernel's part

@pytest.fixture
def vip6(world):
    """The web service once more under an IPv6 address, with servers of both versions."""
    web = world.service_config(world.web)
    servers = [{"address": server.address6} for server in world.lab.servers[:2]]
    world.config["services"].append(
        {**web, "name": WEB6, "vip": ipv6_of(web["vip"]),
         "servers": [*servers, {"address": world.lab.servers[2].address}]})
    world.write_config()
    world.director.ctl("reload")
    return ipv6_of(web["vip"])


def who_answers6(world, vip, requests=12):
    return {world.curl("--max-time", "5", url=f"http://[{vip}]/").stdout.strip()
            for _ in range(requests)}


def addresses_of(world, tap):
    shown = world.lab.in_director("ip", "-6", "-o", "address", "show", "dev", tap).stdout
    return set(re.findall(r"inet6 ([0-9a-f:]+)/", shown))


def test_services_of_both_versions_serve_side_by_side(world, vip6):
    assert who_answers6(world, vip6) == {"rs1", "rs2", "rs3"}
    assert set(world.who_answers(12)) == {"rs1", "rs2", "rs3"}


def test_ping_of_vip_and_taps(world, vip6):
    own = str(world.client_port["addresses"][1]).split("/", maxsplit=1)[0]
    for address in (vip6, own):
        world.lab.in_client("ping", "-6", "-c", "3", "-i", "0.1", "-W", "2", address)
    world.lab.in_client("ping", "-6", "-c", "2", "-i", "0.1", "-W", "2", "-s", "1400", vip6)


def test_director_reaches_its_neighbours_by_itself(world):
    for address in (world.lab.client_address6, world.lab.servers[0].address6):
        world.lab.in_director("ping", "-6", "-c", "2", "-i", "0.1", "-W", "2", address)


def test_the_directors_own_packets_come_from_its_own_address(world, vip6):
    """Not from a VIP or local address, whose prefix is longer: workers take those for sessions."""
    for port, neighbour in ((world.client_port, world.lab.client_address6),
                            (world.server_port, world.lab.servers[0].address6)):
        own = str(port["addresses"][1]).split("/", maxsplit=1)[0]
        route = world.lab.in_director("ip", "-6", "route", "get", neighbour).stdout
        assert f"src {own} " in route


def test_neighbour_discovery_goes_through_the_taps(world, vip6):
    """The director finds servers and clients, and answers for the VIP with its port's MAC."""
    who_answers6(world, vip6)
    found = world.lab.in_director("ip", "-6", "neigh").stdout
    for server in world.lab.servers[:2]:
        mac = world.mac_of(server.namespace, "eth0")
        assert re.search(rf"{server.address6} dev \S+ lladdr {mac}", found), found
    seen = netns.run("ip", "-n", world.lab.client, "-6", "neigh", "show", vip6).stdout
    assert f"lladdr {world.mac_of(world.lab.director, world.lab.devices[0])}" in seen


def test_vips_and_local_addresses_are_on_the_taps(world, vip6):
    client_tap, server_tap = world.client_port["name"], world.server_port["name"]
    assert vip6 in addresses_of(world, client_tap)
    assert any(address.startswith("fe80:") for address in addresses_of(world, client_tap))
    local = {ipv6_of(address) for address in world.local_addresses()}
    assert local <= addresses_of(world, server_tap)


def test_services_come_and_go_with_reloads(world, vip6):
    assert who_answers6(world, vip6, 3)
    world.config["services"].pop()
    world.write_config()
    world.director.ctl("reload")
    tap = world.client_port["name"]
    eventually(lambda: vip6 not in addresses_of(world, tap))
    failed = world.curl("--max-time", "1", url=f"http://[{vip6}]/", check=False)
    assert failed.returncode != 0
    assert world.who_answers(1)


def test_sluicectl_adds_shows_and_removes(world):
    vip = on_port(ipv6_of(world.vip), 80)
    first, second = (on_port(server.address6, 80) for server in world.lab.servers[:2])
    world.director.ctl("service", "add", WEB6, "--vip", vip)
    world.director.ctl("server", "add", WEB6, first, "--weight", "2")
    world.director.ctl("server", "add", f"tcp:{vip}", second)
    assert who_answers6(world, ipv6_of(world.vip)) == {"rs1", "rs2"}
    shown = world.director.ctl("service", "list").stdout
    assert f"TCP  {vip}" in shown
    assert f"  -> {first}" in shown
    sessions = world.sessions("--server", first, "--client", world.lab.client_address6)
    assert sessions
    for session in sessions:
        assert session["vip"] == vip
        assert session["server"] == first
        assert session["client"].startswith(f"[{world.lab.client_address6}]:")
    assert vip in world.director.ctl("session", "list", "--server", first).stdout
    neighbours = world.director.ctl_json("neighbour", "list")["neighbours"]
    assert world.lab.servers[0].address6 in {entry["address"] for entry in neighbours}
    saved = world.director.ctl("save").stdout
    assert ipv6_of(world.vip) in saved
    world.director.ctl("server", "delete", WEB6, first)
    world.director.ctl("service", "delete", WEB6)
    assert WEB6 not in world.director.ctl("service", "list").stdout


@pytest.fixture
def far_client(world):
    """An address of the client host that the director reaches by a gateway only."""
    change = ["ip", "-n", world.lab.client, "-6", "address"]
    netns.run(*change, "add", f"{FAR_CLIENT}/128", "dev", "lo", "nodad")
    yield FAR_CLIENT
    netns.run(*change, "del", f"{FAR_CLIENT}/128", "dev", "lo")


@pytest.mark.worlds("two-arm-1")
def test_clients_behind_a_link_local_gateway_are_answered(world, vip6, far_client):
    shown = netns.run("ip", "-n", world.lab.client, "-6", "-o", "address", "show", "dev", "eth0",
                      "scope", "link").stdout
    gateway = re.search(r"inet6 (fe80:[0-9a-f:]+)/", shown).group(1)
    ask = ["--interface", far_client, "--max-time", "1"]
    assert world.curl(*ask, url=f"http://[{vip6}]/", check=False).returncode != 0
    world.client_port["routes"] = [{"to": "default", "via": gateway}]
    world.write_config()
    world.director.ctl("reload")
    assert f"default via {gateway}" in world.lab.in_director("ip", "-6", "route").stdout
    eventually(lambda: world.curl(*ask, url=f"http://[{vip6}]/", check=False).returncode == 0)


@pytest.mark.worlds("two-arm-1")
def test_the_vip_leaves_with_the_director(world, vip6):
    """keepalived's peer must be able to take it over."""
    assert who_answers6(world, vip6, 2)
    world.director.stop()
    assert vip6 not in world.lab.in_director("ip", "-6", "-o", "address").stdout
    world.director.start()
    assert who_answers6(world, vip6, 2)
