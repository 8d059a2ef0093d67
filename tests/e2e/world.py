# SPDX-License-Identifier: BSD-3-Clause
"""One lab with its director, and what tests ask of it again and again."""

import contextlib
import copy
import ipaddress
import itertools
import json
import os
import socket
import subprocess
import time
from pathlib import Path

import netns
import yaml
from director import Director
from lab import Lab, on_port, speak

ROOT = Path(__file__).resolve().parents[2]
PREFIX = os.environ.get("SLUICE_E2E_PREFIX", "sluice-e2e")

SOCKET_GROUP = "nogroup"  # whose members may use the control socket beside root

CORE_WORLDS = ("two-arm-1", "two-arm-3", "one-arm-1")
CONFIGS = {"two-arm": "lab.yaml", "one-arm": "lab-one-arm.yaml", "vlan": "lab.yaml",
           "jumbo": "lab.yaml"}
CLIENT_VLAN, SERVER_VLAN = 100, 200
TRUNK_ADDRESS = "10.9.0.1/24"  # of the director where it speaks without tags
JUMBO_MTU = 9000
ECHO_PORT = 7
SHORT_LIVED_PORT = 9
SHORT_TIMEOUT_SECONDS = 2


def eventually(condition, seconds=5.0, pause=0.05):
    """Asks until `condition()` is true, or fails; returns what it said."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition.__doc__ or condition}"
        time.sleep(pause)


def udp_service(name, vip, port, servers, **more):
    return {"name": name, "protocol": "udp", "vip": vip, "port": port, "scheduler": "rr",
            "servers": [{"address": server, "port": port} for server in servers], **more}


def on_trunk(config):
    """Both ports as VLANs of one device."""
    wan, lan = config["ports"]
    trunk = {"name": "trunk0", "device": lan.pop("device"), "addresses": [TRUNK_ADDRESS]}
    del wan["device"]
    config["ports"] = [trunk, {**wan, "parent": "trunk0", "vlan": CLIENT_VLAN},
                       {**lan, "parent": "trunk0", "vlan": SERVER_VLAN}]


def with_jumbo_frames(config):
    for port in config["ports"]:
        port["mtu"] = JUMBO_MTU
    config["limits"]["packet_buffers"] = 4096


SHAPES = {"vlan": on_trunk, "jumbo": with_jumbo_frames}


def own_address(port):
    """The director's first address on a port of its configuration."""
    return str(port["addresses"][0]).split("/", maxsplit=1)[0]


class World:
    """`name` is topology and number of workers: "two-arm-3"."""

    def __init__(self, name, build, folder):
        self.name = name
        topology, workers = name.rsplit("-", 1)
        self.workers = int(workers)
        self.folder = Path(folder)
        self.config_path = self.folder / "director.yaml"
        self._fresh_ports = itertools.count(10_000)
        base = yaml.safe_load((ROOT / "conf" / CONFIGS[topology]).read_text(encoding="utf-8"))
        SHAPES.get(topology, lambda config: None)(base)
        self.lab = Lab(PREFIX, base)
        self.base = self._adjusted(base)
        self.config = copy.deepcopy(self.base)
        self._look_up_vip(4, 4)
        self.director = Director(self.lab.director, build, self.config_path,
                                 self.lab.state / "control.sock", self.folder / "sluiced.log")
        self.director.log_path.touch()

    def _adjusted(self, config):
        """The lab's configuration with this world's workers, socket and UDP services."""
        director = config.setdefault("director", {})
        director["workers"] = self.workers
        director["control_socket"] = {"path": str(self.lab.state / "control.sock"),
                                      "group": SOCKET_GROUP}
        last_core = (os.cpu_count() or 1) - 1
        config.setdefault("dpdk", {})["worker_cores"] = [last_core] * self.workers
        web = next(s for s in config["services"] if s["protocol"] == "tcp")
        self.web = web["name"]
        addresses = [server.address for server in self.lab.servers]
        config["services"] = [web, udp_service("echo", web["vip"], ECHO_PORT, addresses),
                              udp_service("short", web["vip"], SHORT_LIVED_PORT, addresses,
                                          timeouts={"udp": SHORT_TIMEOUT_SECONDS})]
        return config

    def up(self):
        self.lab.up()
        self.write_config()
        self.director.start()
        for server in self.lab.servers:
            self.wait_for_nginx(server)

    def down(self):
        if self.director.is_running():
            self.director.stop()
        self.lab.down()

    def restore(self):
        """Running director, original configuration, all web servers up: cheap when they are."""
        for server in self.lab.servers:
            if server.process.poll() is not None:
                server.start_nginx()
                self.wait_for_nginx(server)
        self.config = copy.deepcopy(self.base)
        self._look_up_vip(4, 4)
        self.write_config()
        difference = self.diff(self.config_path) if self.director.is_running() else None
        if difference and difference["needs_restart"]:
            self.director.stop()
        if not self.director.is_running():
            self.director.start()
        elif difference["changes"]:
            self.director.ctl("reload")

    def write_config(self, config=None):
        self.config_path.write_text(yaml.safe_dump(config or self.config, sort_keys=False),
                                    encoding="utf-8")

    def speak(self, client_version, server_version):
        """Gives VIPs and servers addresses of these IP versions; write_config() is the caller's."""
        speak(self.config, client_version, server_version)
        self._look_up_vip(client_version, server_version)

    def _look_up_vip(self, client_version, server_version):
        self.client_version, self.server_version = client_version, server_version
        web = self.service_config(self.web)
        self.vip = web["vip"]
        self.url = f"http://{on_port(self.vip, web['port'])}/"

    @property
    def client_address(self):
        """The client's, as the web service sees it where nothing hides it."""
        return self.lab.client_address if self.client_version == 4 else self.lab.client_address6

    def address_of(self, server):
        """The real server's, of the version that the director uses."""
        return server.address if self.server_version == 4 else server.address6

    def service_config(self, name):
        return next(s for s in self.config["services"] if s["name"] == name)

    def wait_for_nginx(self, server):
        probe = [*netns.inside(server.namespace), "curl", "-s", "-o", "/dev/null", "--max-time",
                 "1", f"http://{server.address}/", f"http://[{server.address6}]/"]
        eventually(lambda: netns.run(*probe, check=False).returncode == 0, seconds=10)

    # --- asking through the VIP

    def curl(self, *options, url=None, check=True, timeout=60):
        return self.lab.in_client("curl", "-sS", "--max-time", "10", *options, url or self.url,
                                  check=check, timeout=timeout)

    def who_answers(self, requests):
        """The page of each of so many requests, each on a connection of its own."""
        done = self.lab.in_client(
            "bash", "-c", f"for i in $(seq {requests}); do curl -sS --max-time 5 {self.url}"
            " || exit 1; done", timeout=requests * 5 + 5)
        return done.stdout.split()

    def start_in_client(self, *command):
        return subprocess.Popen([*netns.inside(self.lab.client), *map(str, command)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def client_socket(self, *kind):
        return netns.open_socket(self.lab.client, *kind)

    def fresh_port(self):
        """A port of the client that no session has: an older one would take its datagrams where
        they went before. Below those that kernels choose."""
        return next(self._fresh_ports)

    def udp_client(self):
        """A UDP socket of the client that can speak with the VIP, on a port nobody had before."""
        client = self.client_socket(socket.AF_INET if self.client_version == 4 else socket.AF_INET6,
                                    socket.SOCK_DGRAM)
        client.bind(("", self.fresh_port()))
        return client

    # --- asking the director

    def counters(self):
        """Counter name -> sum over all workers."""
        return {c["name"]: c["total"] for c in self.director.ctl_json("counters")["counters"]}

    def sessions(self, *filters):
        lines = self.director.ctl("--json", "session", "list", *filters).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def service(self, name):
        return self.director.ctl_json("service", "show", name)

    def diff(self, path):
        """What a reload of the file would change, whatever exit status says so."""
        return json.loads(self.director.ctl("--json", "diff", path, check=False).stdout)

    def generation(self):
        return self.director.ctl_json("status")["generation"]

    def mac_of(self, namespace, device):
        path = f"/sys/class/net/{device}/address"
        return netns.run(*netns.inside(namespace), "cat", path).stdout.strip()

    @property
    def client_port(self):
        """The director's tap toward the client."""
        return self.config["ports"][0]

    @property
    def server_port(self):
        """The director's tap toward the servers; on one arm the same."""
        return self.config["ports"][-1]

    def local_addresses(self):
        """Every LIP toward the servers, ranges spelled out."""
        found = set()
        for pool in self.config["local_pools"]:
            for entry in pool["addresses"]:
                first, _, last = str(entry).partition("-")
                start, end = map(ipaddress.ip_address, (first, last or first))
                if start.version == self.server_version:
                    found |= {str(start + i) for i in range(int(end) - int(start) + 1)}
        return found

    def evidence(self):
        """What helps to understand a failure."""
        yield "sluiced log (end)", self.director.log_tail(60)
        for words in (("status",), ("counters",), ("service", "list")):
            with contextlib.suppress(subprocess.TimeoutExpired):
                done = self.director.ctl(*words, check=False, timeout=5)
                yield f"sluicectl {' '.join(words)}", done.stdout + done.stderr
