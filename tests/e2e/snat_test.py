# SPDX-License-Identifier: BSD-3-Clause
"""Source NAT: inside hosts behind the director reach outside hosts by shared public addresses."""

import contextlib
import os
import socket
import threading

import inside_hosts
import netns
import pytest
from lab import on_port
from narrow_path import FAR, FAR_NETWORK, HOP_MTU, forget_paths, narrow_path, path_mtu, run_in
from transfers import sha256
from world import eventually

pytestmark = pytest.mark.worlds("two-arm-3")

MIRROR_PORT = 4000
OTHER_OUTSIDE = "198.51.100.11"
SIZES = (1, 1400, 1472, 1473, 2953, 9000, 20_000, 60_000)


def reload(world):
    world.write_config()
    world.director.ctl("reload")


@pytest.fixture
def rule(request, world):
    """The rule, perhaps with keys of the test's own, and the hosts that use it."""
    inside_hosts.add_rule(world.config, **getattr(request, "param", {}))
    reload(world)
    hosts = inside_hosts.inside_hosts(world.lab)
    for host in hosts:
        inside_hosts.use_gateway(host, world.config)
    yield world.config["snat"][0]
    for host in hosts:
        inside_hosts.leave_gateway(host, world.config)


@pytest.fixture
def hosts(world, rule):
    return inside_hosts.inside_hosts(world.lab)


@pytest.fixture
def outside(world, rule):
    """The client with a web server that answers inside hosts."""
    with inside_hosts.outside_web(world.lab) as host:
        first = inside_hosts.inside_hosts(world.lab)[0]
        probe = ["curl", "-s", "-o", "/dev/null", "--max-time", "1", f"http://{host.address}/"]
        eventually(lambda: run_in(first.namespace, *probe, check=False).returncode == 0, seconds=10)
        yield host


def counted(world, name="inside"):
    return next(r for r in world.director.ctl_json("snat", "list")["rules"] if r["name"] == name)


def fetch(host, url, *options, timeout=70):
    return run_in(host.namespace, "curl", "-sS", "--max-time", "60", *options, url,
                  timeout=timeout).stdout.strip()


def public_of(host, outside, version=4):
    """The address that the outside web server sees."""
    address = outside.address if version == 4 else outside.address6
    return fetch(host, f"http://{on_port(address, 80)}/whoami").rsplit(":", 1)[0]


class Mirror:
    """Tells each UDP sender which endpoint it has out here: "198.51.100.90:4711 DATA"."""

    def __init__(self, world, *addresses):
        self.sockets = []
        for address in addresses:
            listener = netns.open_socket(world.lab.client, kind=socket.SOCK_DGRAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            listener.bind((address, MIRROR_PORT))
            self.sockets.append(listener)
            threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    @staticmethod
    def _serve(listener):
        with contextlib.suppress(OSError):
            while True:
                data, peer = listener.recvfrom(65535)
                if not peer:
                    return
                listener.sendto(f"{peer[0]}:{peer[1]} ".encode() + data, peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for listener in self.sockets:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@contextlib.contextmanager
def udp_socket(host, port=0):
    with netns.open_socket(host.namespace, kind=socket.SOCK_DGRAM) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        opened.settimeout(3)
        opened.bind((host.address, port))
        yield opened


def public_endpoint(sock, mirror_address):
    """What the mirror says; the first datagrams may find no neighbour yet."""
    for _ in range(3):
        sock.sendto(b"?", (mirror_address, MIRROR_PORT))
        with contextlib.suppress(socket.timeout):
            address, port = sock.recvfrom(100)[0].split()[0].decode().rsplit(":", 1)
            return address, int(port)
    raise AssertionError("the mirror is silent")


@pytest.fixture
def mirror(world, rule):
    change = ["ip", "-n", world.lab.client, "address"]
    netns.run(*change, "add", f"{OTHER_OUTSIDE}/24", "dev", "eth0")
    with Mirror(world, world.lab.client_address, OTHER_OUTSIDE) as service:
        yield service
    netns.run(*change, "del", f"{OTHER_OUTSIDE}/24", "dev", "eth0")


# --- web and transfers

@pytest.mark.parametrize("version", [4, 6])
def test_inside_hosts_are_seen_by_a_public_address_of_their_own(world, hosts, outside, version):
    before = counted(world)
    for host in hosts:
        seen = {public_of(host, outside, version) for _ in range(8)}
        assert len(seen) == 1, "a host keeps its public address"
        assert seen <= set(inside_hosts.public_addresses(version))
    after = counted(world)
    assert after["sessions_created"] - before["sessions_created"] >= 16
    assert after["packets_in"] > before["packets_in"]
    assert after["packets_out"] > before["packets_out"]
    assert after["ports_in_use"] >= 16
    host = hosts[0].address if version == 4 else hosts[0].address6
    sessions = [s for s in world.sessions("--client", host) if s["mode"] == "snat"]
    assert sessions
    for session in sessions:
        assert session["local"].rsplit(":", 1)[0].strip("[]") \
            in inside_hosts.public_addresses(version)
        assert session["server"] == session["vip"]
    assert "inside" in world.director.ctl("snat", "list").stdout


def test_50_mb_pass_unharmed(world, hosts, outside, file_50_mb, tmp_path):
    (outside.folder / "www" / "50mb.bin").unlink(missing_ok=True)
    (outside.folder / "www" / "50mb.bin").symlink_to(file_50_mb)
    for host in hosts:
        got = tmp_path / f"{host.name}.bin"
        fetch(host, f"http://{outside.address}/50mb.bin", "-o", got)
        assert sha256(got) == sha256(file_50_mb)
    fetch(hosts[0], f"http://{outside.address}/upload/up.bin", "-T", file_50_mb, "-H", "Expect:")
    assert sha256(outside.folder / "www" / "upload" / "up.bin") == sha256(file_50_mb)


def test_reloads_keep_connections(world, rule, hosts, outside, file_50_mb, tmp_path):
    (outside.folder / "www" / "slow.bin").unlink(missing_ok=True)
    (outside.folder / "www" / "slow.bin").symlink_to(file_50_mb)
    words = ["curl", "-sS", "--max-time", "60", "--limit-rate", "25M", "-o", tmp_path / "slow.bin",
             f"http://{outside.address}/slow.bin"]
    with contextlib.ExitStack() as undo:
        thread_result = {}

        def download():
            thread_result["done"] = run_in(hosts[0].namespace, *words, check=False)

        thread = threading.Thread(target=download)
        thread.start()
        undo.callback(thread.join)
        for number in range(5):
            rule["timeouts"] = {"established": 1000 + number}
            world.config["snat"][1:] = []
            if number % 2 == 0:
                inside_hosts.add_rule(world.config, "more", to=["203.0.113.0/24"])
            reload(world)
    assert thread_result["done"].returncode == 0, thread_result["done"].stderr
    assert sha256(tmp_path / "slow.bin") == sha256(file_50_mb)


def test_a_rule_that_goes_takes_its_hosts_way_out(world, hosts, outside):
    world.config["snat"][0]["inside"] = ["10.77.0.0/16"]
    reload(world)
    ask = ["curl", "-s", "--max-time", "1", f"http://{outside.address}/"]
    assert run_in(hosts[0].namespace, *ask, check=False).returncode != 0
    world.config["snat"][0]["inside"] = list(inside_hosts.INSIDE)
    reload(world)
    assert run_in(hosts[0].namespace, *ask).stdout.strip() == "outside"


# --- ping

def test_pings_leave_and_come_back(world, hosts):
    for host in hosts:
        done = run_in(host.namespace, "ping", "-c", "3", "-i", "0.2", "-W", "2",
                      world.lab.client_address)
        assert " 0% packet loss" in done.stdout
        run_in(host.namespace, "ping", "-6", "-c", "2", "-i", "0.2", "-W", "2",
               world.lab.client_address6)
    assert world.sessions("--protocol", "icmp")


# --- UDP mappings (RFC 4787)

def test_a_mapping_does_not_depend_on_the_destination(world, hosts, mirror):
    with udp_socket(hosts[0]) as inside:
        seen = {public_endpoint(inside, address)
                for address in (world.lab.client_address, OTHER_OUTSIDE)}
    assert len(seen) == 1


def test_two_hosts_use_the_same_port_at_once(world, hosts, mirror):
    with udp_socket(hosts[0], 5000) as one, udp_socket(hosts[1], 5000) as other:
        seen = [public_endpoint(sock, world.lab.client_address) for sock in (one, other)]
        assert seen[0] != seen[1]
        for number in range(20):
            for name, sock in ((b"one", one), (b"other", other)):
                data = name + str(number).encode()
                sock.sendto(data, (world.lab.client_address, MIRROR_PORT))
                assert sock.recv(100).split()[1] == data


@pytest.mark.parametrize("rule", [{"filtering": "endpoint-independent"}], indirect=True)
def test_hairpins_reach_a_host_that_anybody_may_send_to(world, hosts, mirror):
    with udp_socket(hosts[0]) as one, udp_socket(hosts[1]) as other:
        public_one, public_other = (public_endpoint(sock, world.lab.client_address)
                                    for sock in (one, other))
        other.sendto(b"hello", public_one)
        assert one.recvfrom(100) == (b"hello", public_other)
        one.sendto(b"hi", public_other)
        assert other.recvfrom(100) == (b"hi", public_one)


def test_hairpins_need_a_packet_from_either_host_by_default(world, hosts, mirror):
    with udp_socket(hosts[0]) as one, udp_socket(hosts[1]) as other:
        public_one, public_other = (public_endpoint(sock, world.lab.client_address)
                                    for sock in (one, other))
        other.sendto(b"too early", public_one)
        one.settimeout(0.3)
        with pytest.raises(socket.timeout):
            one.recv(100)
        one.settimeout(3)
        one.sendto(b"open", public_other)
        assert other.recvfrom(100) == (b"open", public_one)
        other.sendto(b"hello", public_one)
        assert one.recvfrom(100) == (b"hello", public_other)


@pytest.mark.worlds("two-arm-1")
def test_datagrams_of_every_size_come_back_unharmed(world, hosts, mirror):
    """In fragments, with ports that hear them: net_af_packet reassembles IPv4 first."""
    for port in world.config["ports"]:
        port["device"] = port["device"].replace("net_af_packet", "net_af_xdp")
    world.director.stop()
    world.write_config()
    world.director.start()
    with udp_socket(hosts[0]) as inside:
        public_endpoint(inside, world.lab.client_address)
        for size in SIZES:
            data = os.urandom(size)
            inside.sendto(data, (world.lab.client_address, MIRROR_PORT))
            assert inside.recv(65535).split(b" ", 1)[1] == data, f"{size} bytes"
    for size in (100, 4000):
        assert run_in(hosts[0].namespace, "ping", "-c", "2", "-i", "0.2", "-W", "2", "-s", size,
                      world.lab.client_address)


# --- path MTU

def test_the_path_mtu_of_a_hop_outside_is_found(world, hosts, file_50_mb, tmp_path):
    world.client_port["routes"] = [{"to": FAR_NETWORK, "via": world.lab.client_address}]
    reload(world)
    forget_paths(world.lab)
    with narrow_path(world.lab, world.lab.client) as far:
        far.start_nginx()
        (far.folder / "www" / "50mb.bin").symlink_to(file_50_mb)
        ask = ["curl", "-s", "--max-time", "1", f"http://{FAR}/"]
        eventually(lambda: run_in(hosts[0].namespace, *ask, check=False).returncode == 0,
                   seconds=10)
        # Up first: once the far host knows the path, it asks for segments that fit.
        fetch(hosts[0], f"http://{FAR}/upload/far.bin", "-T", file_50_mb, "-H", "Expect:")
        assert sha256(far.folder / "www" / "upload" / "far.bin") == sha256(file_50_mb)
        assert path_mtu(hosts[0].namespace, FAR) == HOP_MTU
        fetch(hosts[0], f"http://{FAR}/50mb.bin", "-o", tmp_path / "far.bin")
        assert sha256(tmp_path / "far.bin") == sha256(file_50_mb)
        (far.folder / "www" / "50mb.bin").unlink()
        (far.folder / "www" / "upload" / "far.bin").unlink()
    forget_paths(world.lab)
