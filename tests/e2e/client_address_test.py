# SPDX-License-Identifier: BSD-3-Clause
"""Servers learn the client's address: PROXY protocol, TOA and UOA; new sequence numbers."""

import contextlib
import ipaddress
import os
import re
import socket
import struct
import threading
import time

import netns
import pytest
from transfers import assert_download, assert_upload
from wire import ETH_IPV4, Capture, mac_bytes, ones_complement_sum
from world import ECHO_PORT, eventually

pytestmark = pytest.mark.worlds("two-arm-3")

PROXY_PORT = 8081   # where the lab's web servers expect the PROXY protocol
BANNER_PORT = 8082  # of the server that speaks first
ENDS_PORT = 8083    # of the server that ends connections, so that it remembers them
PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n"
TOA, MSS = 254, 2
SYN, ACK = 0x02, 0x10
UOA_PROTOCOL = 248
SPOOFED = socket.inet_aton("203.0.113.99")
FEW_PORTS = 64


def tell(world, service, how, **more):
    """The service's servers learn their clients that way, from now on."""
    world.service_config(service).update(client_address=how, **more)
    world.write_config()
    world.director.ctl("reload")


def tell_web(world, how, server_port=80, **more):
    for server in world.service_config(world.web)["servers"]:
        server["port"] = server_port
    tell(world, world.web, how, **more)


def keep_one_server(world, service, port=None):
    """The first server alone, on that port."""
    only = world.service_config(service)["servers"][0]
    only["port"] = port or only.get("port", world.service_config(service)["port"])
    world.service_config(service)["servers"] = [only]
    return world.lab.servers[0]


# --- PROXY protocol

@pytest.mark.parametrize("how", ["proxy-v1", "proxy-v2"])
@pytest.mark.parametrize("versions", [(4, 4), (6, 6), (6, 4), (4, 6)],
                         ids=lambda v: f"{v[0]}-to-{v[1]}")
def test_nginx_sees_the_client(world, how, versions):
    world.speak(*versions)
    tell_web(world, how, PROXY_PORT)
    for _ in range(6):
        seen, port = world.curl("-w", "%{local_port}",
                                url=f"{world.url}whoami").stdout.split()
        assert seen == f"{world.client_address}:{port}"


@contextlib.contextmanager
def banner_server(server):
    """Says who it is before it reads anything; then returns the first line and what follows."""
    listener = netns.open_socket(server.namespace)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((server.address, BANNER_PORT))
    listener.listen()
    heads = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(5)
                    connection.sendall(b"220 ready\r\n")
                    head = connection.recv(4096)
                    heads.append(head)
                    connection.sendall(connection.recv(4096))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield heads
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("how", ["proxy-v1", "proxy-v2"])
def test_a_server_that_speaks_first_has_the_client_before_a_byte_of_it(world, how):
    server = keep_one_server(world, world.web, BANNER_PORT)
    tell(world, world.web, how)
    with banner_server(server) as heads, world.client_socket() as client:
        client.settimeout(5)
        client.connect((world.vip, 80))
        assert client.recv(100) == b"220 ready\r\n"
        eventually(lambda: heads)
        address, port = client.getsockname()
        vip, client_address = map(socket.inet_aton, (world.vip, address))
        assert heads == [
            f"PROXY TCP4 {address} {world.vip} {port} 80\r\n".encode() if how == "proxy-v1" else
            PROXY_V2 + struct.pack("!BBH", 0x21, 0x11, 12) + client_address + vip
            + struct.pack("!HH", port, 80)]
        client.sendall(b"EHLO client\r\n")
        assert client.recv(100) == b"EHLO client\r\n"


def test_datagrams_carry_the_client(world):
    """The server echoes what it got: the header in front of each datagram, fresh sizes."""
    server = keep_one_server(world, "echo")
    tell(world, "echo", "proxy-v2")
    with netns.open_socket(server.namespace, kind=socket.SOCK_DGRAM) as listener, \
            world.udp_client() as client:
        listener.bind((server.address, ECHO_PORT))
        listener.settimeout(3)
        client.settimeout(3)
        client.connect((world.vip, ECHO_PORT))
        address, port = client.getsockname()
        header = PROXY_V2 + struct.pack("!BBH", 0x21, 0x12, 12) + socket.inet_aton(address) \
            + socket.inet_aton(world.vip) + struct.pack("!HH", port, ECHO_PORT)
        for size in (1, 2, 999, 1400, 1444):
            data = os.urandom(size)
            client.send(data)
            got, peer = listener.recvfrom(2000)
            assert got == header + data, f"{size} bytes"
            listener.sendto(data, peer)
            assert client.recv(2000) == data


# --- transfers

WAYS = {"toa": {}, "proxy-v1": {}, "proxy-v2": {},
        "none": {"sequence_numbers": "new"}, "toa-new": {"sequence_numbers": "new"}}


@pytest.fixture
def way(request, world):
    how = request.param.removesuffix("-new")
    tell_web(world, how, PROXY_PORT if how.startswith("proxy") else 80, **WAYS[request.param])
    return request.param


@pytest.mark.parametrize("way", WAYS, indirect=True)
def test_50_mb_pass_unharmed(world, way, file_50_mb, tmp_path):
    assert_download(world, file_50_mb, tmp_path)
    assert_upload(world, file_50_mb)


@pytest.mark.parametrize("way", ["proxy-v1", "toa-new"], indirect=True)
def test_many_connections_see_no_errors(world, way):
    done = world.lab.in_client("wrk", "-t1", "-c50", "-d2s", "--timeout", "5s",
                               "-H", "Connection: close", world.url)
    assert "Socket errors" not in done.stdout, done.stdout
    assert "Non-2xx" not in done.stdout, done.stdout
    assert int(re.search(r"(\d+) requests in", done.stdout).group(1)) > 200, done.stdout


def test_a_change_is_for_new_connections(world):
    server = keep_one_server(world, world.web, BANNER_PORT)
    tell(world, world.web, "none")
    with banner_server(server) as heads, world.client_socket() as client:
        client.settimeout(5)
        client.connect((world.vip, 80))
        assert client.recv(100) == b"220 ready\r\n"
        tell(world, world.web, "proxy-v1")
        client.sendall(b"old")
        eventually(lambda: heads)
        assert heads == [b"old"]


# --- TOA and UOA on the wire

def options_of(tcp):
    """Kind -> value of each option of a TCP header."""
    found, rest = {}, tcp[20:(tcp[12] >> 4) * 4]
    while rest and rest[0] != 0:
        if rest[0] == 1:
            rest = rest[1:]
            continue
        found[rest[0]] = rest[2:rest[1]]
        rest = rest[rest[1]:]
    return found


def segments(capture, seconds=0.5):
    """(flags, options, whole TCP segment) of what arrives over IPv4."""
    for frame in capture.frames(seconds):
        if struct.unpack_from("!H", frame, 12)[0] == ETH_IPV4 and frame[23] == socket.IPPROTO_TCP:
            tcp = frame[14 + (frame[14] & 0xF) * 4:]
            yield tcp[13], options_of(tcp), tcp


def test_the_handshake_tells_the_client_in_option_254(world):
    server = keep_one_server(world, world.web)
    tell(world, world.web, "toa")
    with Capture(server.namespace) as at_server, Capture(world.lab.client) as at_client:
        port = int(world.curl("-o", "/dev/null", "-w", "%{local_port}").stdout)
        arrived, answers = list(segments(at_server)), list(segments(at_client))
    told = struct.pack("!H", port) + socket.inet_aton(world.client_address)
    handshake = next(options for flags, options, _ in arrived if flags & (SYN | ACK) == ACK)
    assert handshake.get(TOA) == told
    offered = next(options[MSS] for flags, options, _ in answers if flags & SYN)
    assert struct.unpack("!H", offered)[0] <= 1460 - 8, "there must be room for the option"


def send_spoofed_syn(world, port):
    """A SYN whose option 254 claims another client."""
    options = struct.pack("!BBH", TOA, 8, 4711) + SPOOFED
    header = struct.pack("!HHIIBBHHH", port, 80, 1, 0, (20 + len(options)) // 4 << 4, SYN, 64_000,
                         0, 0) + options
    pseudo = socket.inet_aton(world.client_address) + socket.inet_aton(world.vip) \
        + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(header))
    checksum = 0xFFFF - ones_complement_sum(pseudo + header)
    with world.client_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.sendto(header[:16] + struct.pack("!H", checksum) + header[18:], (world.vip, 0))


def test_a_clients_own_option_254_does_not_pass(world):
    server = keep_one_server(world, world.web)
    tell(world, world.web, "toa")
    with Capture(server.namespace) as capture:
        send_spoofed_syn(world, 40_001)
        arrived = list(segments(capture))
    assert any(flags & SYN for flags, _, _ in arrived)
    assert not any(SPOOFED in tcp for _, _, tcp in arrived)


def test_the_first_datagrams_tell_the_client_by_uoa(world):
    """This kernel takes no protocol 248: it sees only the datagrams behind the told ones."""
    server = keep_one_server(world, "echo")
    tell(world, "echo", "uoa")
    with netns.open_socket(server.namespace, kind=socket.SOCK_DGRAM) as listener, \
            Capture(server.namespace) as capture, world.udp_client() as client:
        listener.bind((server.address, ECHO_PORT))
        listener.settimeout(3)
        for number in range(5):
            client.sendto(bytes([number]), (world.vip, ECHO_PORT))
        port = client.getsockname()[1]
        told = [frame[34:] for frame in capture.frames(0.5) if frame[23] == UOA_PROTOCOL]
        assert listener.recv(100) == b"\x03"
    option = struct.pack("!BBH", 0x1F, 8, port) + socket.inet_aton(world.client_address)
    uoa = struct.pack("!BBH", 0x10, socket.IPPROTO_UDP, 4 + len(option)) + option
    assert [packet[:len(uoa)] for packet in told] == [uoa] * 3


# --- new sequence numbers

@contextlib.contextmanager
def ending_server(server):
    """Ends each connection first, so that its kernel is in TIME_WAIT."""
    listener = netns.open_socket(server.namespace)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((server.address, ENDS_PORT))
    listener.listen(256)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def connect_and_end(world):
    """Seconds until the connection stood; the server ends it first."""
    with world.client_socket() as client:
        client.settimeout(10)
        begun = time.monotonic()
        client.connect((world.vip, 80))
        taken = time.monotonic() - begun
        assert client.recv(1) == b""
    return taken


@pytest.mark.worlds("two-arm-1")
def test_ports_are_used_again_while_the_server_remembers_them(world):
    """64 local ports, all of them in TIME_WAIT at the server, then 64 connections more."""
    server = keep_one_server(world, world.web, ENDS_PORT)
    world.config["director"]["local_ports"] = f"2000-{2000 + FEW_PORTS - 1}"
    world.config["local_pools"][0]["addresses"] = ["10.0.0.100"]
    world.service_config(world.web).update(
        sequence_numbers="new", timeouts={"time_wait": 1, "fin_wait": 1, "close": 1, "last_ack": 1})
    world.write_config()
    world.director.stop()
    world.director.start()
    with ending_server(server):
        for _ in range(FEW_PORTS):
            connect_and_end(world)
        remembered = netns.run(*netns.inside(server.namespace), "ss", "-tnH", "state", "time-wait",
                               "sport", "=", f":{ENDS_PORT}").stdout.splitlines()
        assert len(remembered) == FEW_PORTS
        eventually(lambda: not world.sessions("--service", world.web), seconds=10)
        taken = [connect_and_end(world) for _ in range(FEW_PORTS)]
    assert max(taken) < 0.9, "a SYN had to be repeated"


def test_servers_see_numbers_of_the_directors(world):
    server = keep_one_server(world, world.web)
    tell(world, world.web, "none", sequence_numbers="new")
    wan = world.mac_of(world.lab.director, world.lab.devices[0])
    with Capture(server.namespace) as at_server, \
            Capture(world.lab.director, world.lab.devices[0]) as from_client:
        world.curl("-o", "/dev/null")
        sent = [tcp[4:8] for frame in from_client.frames(0.3)
                if frame[:6] == mac_bytes(wan) and frame[12:14] == b"\x08\0" and frame[23] == 6
                for tcp in [frame[14 + (frame[14] & 0xF) * 4:]] if tcp[13] & SYN]
        arrived = [tcp[4:8] for flags, _, tcp in segments(at_server, 0.3) if flags & SYN]
    assert len(sent) == len(arrived) == 1
    assert sent != arrived


def test_a_reader_of_ipv6_toa_is_told_16_bytes(world):
    """A NAT64 client: its IPv6 address in an IPv4 packet."""
    world.speak(6, 4)
    server = keep_one_server(world, world.web)
    tell(world, world.web, "toa")
    with Capture(server.namespace) as at_server:
        port = int(world.curl("-o", "/dev/null", "-w", "%{local_port}").stdout)
        arrived = list(segments(at_server))
    handshake = next(options for flags, options, _ in arrived if flags & (SYN | ACK) == ACK)
    assert handshake.get(TOA) == struct.pack("!H", port) \
        + ipaddress.ip_address(world.client_address).packed
