# SPDX-License-Identifier: BSD-3-Clause
"""What a real server needs for each forwarding mode, and taking it back. FULL-NAT needs nothing."""

import contextlib
import subprocess
import time
from pathlib import Path

import netns

TUNNEL_DEVICE = "tunnel0"
QUIET_ARP = ["net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"]


def _ip(server, *words):
    netns.run("ip", "-n", server.namespace, *words)


def _sysctl(server, *settings):
    netns.run(*netns.inside(server.namespace), "sysctl", "-q", "-w", *settings)


@contextlib.contextmanager
def for_nat(server, gateway):
    """The director is the way to the clients."""
    _ip(server, "route", "add", "default", "via", gateway)
    try:
        yield
    finally:
        _ip(server, "route", "del", "default", "via", gateway)


@contextlib.contextmanager
def for_direct_routing(server, vip):
    """The VIP on lo, and no ARP answers for it."""
    _sysctl(server, *QUIET_ARP)
    _ip(server, "address", "add", f"{vip}/32", "dev", "lo")
    try:
        yield
    finally:
        _ip(server, "address", "del", f"{vip}/32", "dev", "lo")


@contextlib.contextmanager
def for_tunnel(server, vip):
    """A tunnel's end with the VIP on it; answers leave by the usual way."""
    _sysctl(server, *QUIET_ARP, "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
    end = subprocess.Popen([*netns.inside(server.namespace),
                            Path(__file__).with_name("decapsulate.py"), TUNNEL_DEVICE])
    try:
        _wait_for_device(server, end)
        _ip(server, "address", "add", f"{vip}/32", "dev", TUNNEL_DEVICE)
        _ip(server, "link", "set", TUNNEL_DEVICE, "up")
        yield
    finally:
        end.terminate()
        end.wait(timeout=5)


def _wait_for_device(server, end, seconds=5):
    deadline = time.monotonic() + seconds
    while end.poll() is None and time.monotonic() < deadline:
        if netns.run("ip", "-n", server.namespace, "link", "show", TUNNEL_DEVICE,
                     check=False).returncode == 0:
            return
        time.sleep(0.02)
    raise netns.CommandFailed(f"{server.name}: decapsulate.py made no {TUNNEL_DEVICE}")
