# SPDX-License-Identifier: BSD-3-Clause
"""What the real servers and the client see on the wire: addresses, TTL, checksums."""

from wire import TCP, Capture

DEFAULT_TTL = 64


def fetch_captured(world):
    """A few requests, and the TCP packets that arrived at the client and at each server."""
    with Capture(world.lab.client) as at_client:
        captures = [(server, Capture(server.namespace)) for server in world.lab.servers]
        world.who_answers(6)
        to_client = [p for p in at_client.packets(0.3) if p.source == world.vip]
    to_servers = []
    for server, capture in captures:
        to_servers += [p for p in capture.packets(0.1)
                       if p.protocol == TCP and p.destination == server.address]
        capture.socket.close()
    assert to_servers and to_client
    return to_servers, to_client


def test_packets_are_rewritten_as_full_nat_promises(world):
    to_servers, to_client = fetch_captured(world)
    assert {p.source for p in to_servers} <= world.local_addresses()
    assert {p.destination_port for p in to_servers} == {80}
    assert {p.ttl for p in to_servers} == {DEFAULT_TTL - 1}
    assert {p.destination for p in to_client} == {world.lab.client_address}
    assert {p.source_port for p in to_client} == {80}
    assert {p.ttl for p in to_client} == {DEFAULT_TTL - 1}


def test_checksums_are_valid_on_both_sides(world):
    for packets in fetch_captured(world):
        assert all(p.has_valid_ip_checksum for p in packets)
        assert all(p.has_valid_l4_checksum for p in packets)


def test_frames_carry_the_macs_of_the_director(world):
    to_servers, to_client = fetch_captured(world)
    director = world.lab.director
    assert {p.source_mac for p in to_servers} == {world.mac_of(director, world.lab.devices[-1])}
    assert {p.source_mac for p in to_client} == {world.mac_of(director, world.lab.devices[0])}
