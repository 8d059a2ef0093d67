# SPDX-License-Identifier: BSD-3-Clause
"""The lab: a client, a director and real servers in network namespaces, joined by veth links.

Two arms: the director's first port is wired to the client, its second to the servers' switch.
One arm:  the director's only port, the client and the servers share the switch.
VLANs:    all of them share the switch, the client in the first VLAN of the director's configuration
          and the servers in its last one; their eth0 are subinterfaces of the link, "trunk".
Which of them it is follows from the ports in the director's configuration, as do the links' MTUs.

The namespaces are the lab's whole state: whatever runs in one of them is ours, so cleaning up
works the same after a clean end, a crash and a kill -9.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import netns
import vlans

STATE_ROOT = Path("/run/sluice-lab")
SERVER_ADDRESSES = ["10.0.0.11", "10.0.0.12", "10.0.0.13"]
ROLES = ["client", "director", "switch", "rs1", "rs2", "rs3"]
CLIENT_ADDRESS = {"two-arm": "198.51.100.10", "one-arm": "10.0.0.200", "vlan": "198.51.100.10"}
# Each IPv4 network of the lab and the IPv6 network beside it.
IPV6_NETWORKS = {"198.51.100.": "2001:db8:1::", "10.0.0.": "2001:db8:2::"}

NGINX_CONF = """\
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  default_type text/plain;
  keepalive_requests 1000000;
  keepalive_timeout 300s;
  client_max_body_size 1g;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 80;
    listen 8080;
    listen [::]:80 ipv6only=on;
    listen [::]:8080 ipv6only=on;
    listen 8081 proxy_protocol;
    listen [::]:8081 proxy_protocol ipv6only=on;
    set_real_ip_from 10.0.0.0/24;
    set_real_ip_from 2001:db8:2::/64;
    real_ip_header proxy_protocol;
    root {folder}/www;
    location /port {{ return 200 "$server_port\n"; }}
    location /whoami {{ return 200 "$remote_addr:$remote_port\n"; }}
    location /upload/ {{ dav_methods PUT; client_body_in_file_only off; }}
  }}
}}
"""


@dataclass
class RealServer:
    name: str       # rs1, also its page
    namespace: str
    address: str
    address6: str
    folder: Path
    process: subprocess.Popen = None

    def start_nginx(self):
        """Starts nginx with a page that says who answers."""
        www = self.folder / "www"
        (www / "upload").mkdir(parents=True, exist_ok=True)
        (www / "index.html").write_text(f"{self.name}\n", encoding="ascii")
        conf = self.folder / "nginx.conf"
        conf.write_text(NGINX_CONF.format(folder=self.folder), encoding="ascii")
        self.process = subprocess.Popen(
            [*netns.inside(self.namespace), "nginx", "-e", str(self.folder / "error.log"),
             "-c", str(conf)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)

    def stop_nginx(self, number=signal.SIGTERM):
        """Ends nginx and its workers, with SIGKILL as suddenly as a power cut does."""
        for pid in netns.pids(self.namespace):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        self.process.wait(timeout=10)


def ipv6_of(address):
    """The IPv6 address of the host with this IPv4 address: 10.0.0.11 is 2001:db8:2::11 as well.

    A range, 10.0.0.100-10.0.0.103, becomes one, too.
    """
    if "-" in address:
        return "-".join(map(ipv6_of, address.split("-")))
    network, host = re.fullmatch(r"(.*\.)(\d+)", address).groups()
    return IPV6_NETWORKS[network] + host


def speak(config, client_version, server_version):
    """Gives the VIPs and servers of a configuration addresses of these IP versions."""
    for service in config["services"]:
        if client_version == 6:
            service["vip"] = ipv6_of(service["vip"])
        for server in service["servers"]:
            if server_version == 6:
                server["address"] = ipv6_of(server["address"])


def on_port(address, port):
    """As URLs and the director write it: 10.0.0.11:80, [2001:db8:2::11]:80."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def packet_devices(config):
    """The network devices of the director's ports: "veth-wan" of net_af_packet0,iface=veth-wan."""
    devices = []
    for port in config["ports"]:
        if "parent" in port:
            continue
        found = re.search(r"iface=([^,]+)", port["device"])
        if not found:
            raise ValueError(f"port {port['name']}: {port['device']}: the lab can only wire"
                             " net_af_packet devices with iface=NAME")
        devices.append(found.group(1))
    return devices


def namespace(prefix, role):
    return f"{prefix}-{role}"


def is_up(prefix):
    """Whether anything of the lab is there, be it half of it."""
    return any(netns.exists(namespace(prefix, role)) for role in ROLES)


def remove(prefix):
    """Ends every process of the lab and removes all it made. Fine to call at any time."""
    for role in ROLES:
        if netns.exists(namespace(prefix, role)):
            netns.remove(namespace(prefix, role))
    shutil.rmtree(STATE_ROOT / prefix, ignore_errors=True)
    with contextlib.suppress(OSError):
        STATE_ROOT.rmdir()


class Lab:
    """One lab. Several with different prefixes can run side by side."""

    def __init__(self, prefix, config):
        self.prefix = prefix
        self.state = STATE_ROOT / prefix
        self.devices = packet_devices(config)
        self.vlans = [port["vlan"] for port in config["ports"] if "vlan" in port]
        self.mtu = max(port.get("mtu", 1500) for port in config["ports"])
        self.topology = "vlan" if self.vlans else "one-arm" if len(self.devices) == 1 else "two-arm"
        self.client_address = CLIENT_ADDRESS[self.topology]
        self.client_address6 = ipv6_of(self.client_address)
        self.client = namespace(prefix, "client")
        self.director = namespace(prefix, "director")
        self.switch = namespace(prefix, "switch")
        self.servers = [
            RealServer(f"rs{i}", namespace(prefix, f"rs{i}"), address, ipv6_of(address),
                       self.state / f"rs{i}")
            for i, address in enumerate(SERVER_ADDRESSES, start=1)]

    def up(self):
        """Lays out namespaces, links and web servers. The director is started by its owner."""
        self.down()
        self.state.mkdir(parents=True)
        for role in ROLES:
            netns.create(namespace(self.prefix, role))
        self._wire()
        for server in self.servers:
            server.folder.mkdir()
            server.start_nginx()

    def _wire(self):
        plugged = ["director"]
        self._link(self.director, self.devices[-1], self.switch, "director")
        if self.topology == "two-arm":
            self._link(self.director, self.devices[0], self.client, "eth0")
        else:
            self._plug_in(self.client, "client", self.vlans[:1])
            plugged.append("client")
        for server in self.servers:
            self._plug_in(server.namespace, server.name, self.vlans[-1:])
            self._give_address(server.namespace, server.address)
            netns.turn_ipv6_on(server.namespace, "default")  # for tunnel devices
            plugged.append(server.name)
        netns.bridge(self.switch, "br0", plugged)
        self._give_address(self.client, self.client_address)

    def _link(self, left, left_device, right, right_device):
        netns.link(left, left_device, right, right_device)
        netns.set_mtu(left, left_device, self.mtu)
        netns.set_mtu(right, right_device, self.mtu)

    def _plug_in(self, namespace, plug, vlan):
        """A host's eth0 to the switch, in a VLAN if there is one."""
        self._link(namespace, "trunk" if vlan else "eth0", self.switch, plug)
        for number in vlan:
            vlans.add(namespace, "trunk", "eth0", number)

    @staticmethod
    def _give_address(namespace, address):
        """The IPv4 address and the IPv6 address beside it."""
        change = ["ip", "-n", namespace, "address", "add"]
        netns.turn_ipv6_on(namespace, "lo")
        netns.turn_ipv6_on(namespace, "eth0")
        netns.run(*change, f"{address}/24", "dev", "eth0")
        netns.run(*change, f"{ipv6_of(address)}/64", "dev", "eth0", "nodad")

    def down(self):
        remove(self.prefix)

    def in_client(self, *command, check=True, timeout=60):
        return netns.run(*netns.inside(self.client), *command, check=check, timeout=timeout)

    def in_director(self, *command, check=True, timeout=60):
        return netns.run(*netns.inside(self.director), *command, check=check, timeout=timeout)
