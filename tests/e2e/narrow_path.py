# SPDX-License-Identifier: BSD-3-Clause
"""A host further away, behind a hop that takes 1400 bytes, and what hosts learn of a path's MTU.

    gateway, a namespace of the lab -- 1400 -- hop -- 1500 -- far
"""

import contextlib
import re

import netns
from lab import RealServer, namespace

HOP_MTU = 1400
NEAR, HOP = "203.0.113.1", "203.0.113.2"
HOP_FAR, FAR = "192.0.2.1", "192.0.2.10"
FAR_NETWORK = "192.0.2.0/24"
NEAR6, HOP6 = "2001:db8:3::1", "2001:db8:3::2"
HOP_FAR6, FAR6 = "2001:db8:4::1", "2001:db8:4::10"
FAR_NETWORK6 = "2001:db8:4::/64"


def run_in(name, *command, check=True, timeout=60):
    return netns.run(*netns.inside(name), *command, check=check, timeout=timeout)


def set_forwarding(name, value):
    run_in(name, "sysctl", "-q", "-w", f"net.ipv4.ip_forward={value}")


@contextlib.contextmanager
def narrow_path(lab, gateway):
    """The far host, as a real server without nginx, while the body runs."""
    hop, far = (namespace(lab.prefix, role) for role in ("hop", "far"))
    with contextlib.ExitStack() as undo:
        for name in (hop, far):
            if netns.exists(name):  # a killed run left it
                netns.remove(name)
            netns.create(name)
            undo.callback(netns.remove, name)
        netns.link(gateway, "narrow", hop, "narrow")
        netns.link(hop, "eth0", far, "eth0")
        for name, device, address in ((gateway, "narrow", f"{NEAR}/30"),
                                      (hop, "narrow", f"{HOP}/30"),
                                      (hop, "eth0", f"{HOP_FAR}/24"), (far, "eth0", f"{FAR}/24")):
            netns.run("ip", "-n", name, "address", "add", address, "dev", device)
        for name in (gateway, hop):
            netns.run("ip", "-n", name, "link", "set", "narrow", "mtu", HOP_MTU)
            set_forwarding(name, 1)
        undo.callback(set_forwarding, gateway, 0)
        netns.run("ip", "-n", gateway, "route", "add", FAR_NETWORK, "via", HOP)
        netns.run("ip", "-n", hop, "route", "add", "default", "via", NEAR)
        netns.run("ip", "-n", far, "route", "add", "default", "via", HOP_FAR)
        folder = lab.state / "far"
        folder.mkdir(exist_ok=True)
        yield RealServer("far", far, FAR, FAR6, folder)


@contextlib.contextmanager
def route_in(name, destination, via):
    netns.run("ip", "-n", name, "route", "replace", destination, "via", via)
    try:
        yield
    finally:
        netns.run("ip", "-n", name, "route", "del", destination, "via", via, check=False)


def path_mtu(name, destination):
    """What the namespace learned of the path; 1500 when it learned nothing."""
    said = netns.run("ip", "-n", name, "-o", "route", "get", destination).stdout
    found = re.search(r"\bmtu (\d+)", said)
    return int(found.group(1)) if found else 1500


def forget_paths(lab):
    """Every host of the lab forgets what it learned of paths."""
    for name in (lab.client, *(server.namespace for server in lab.servers)):
        netns.run("ip", "-n", name, "route", "flush", "cache")
        netns.run("ip", "-n", name, "-6", "route", "flush", "cache")


def speak_ipv6(lab, gateway):
    """The way to the far host has IPv6 addresses, too.  Precondition: inside narrow_path()."""
    hop, far = (namespace(lab.prefix, role) for role in ("hop", "far"))
    for name, device, address in ((gateway, "narrow", f"{NEAR6}/64"), (hop, "narrow", f"{HOP6}/64"),
                                  (hop, "eth0", f"{HOP_FAR6}/64"), (far, "eth0", f"{FAR6}/64")):
        netns.turn_ipv6_on(name, device)
        netns.run("ip", "-n", name, "address", "add", address, "dev", device, "nodad")
    for name in (gateway, hop):
        run_in(name, "sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")
    netns.run("ip", "-n", gateway, "-6", "route", "add", FAR_NETWORK6, "via", HOP6)
    netns.run("ip", "-n", hop, "-6", "route", "add", "default", "via", NEAR6)
    netns.run("ip", "-n", far, "-6", "route", "add", "default", "via", HOP_FAR6)
