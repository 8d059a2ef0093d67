# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces: create, run commands and open sockets in them, and end what runs there."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

CLONE_NEWNET = 0x40000000
OFFLOADS = ["tx", "rx", "sg", "tso", "gso", "gro", "txvlan", "rxvlan"]

_libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(Exception):
    """A command did not end with status 0; carries what it said."""


def run(*command, check=True, timeout=60):
    """Runs a command and returns its CompletedProcess.  Raises CommandFailed."""
    command = [str(word) for word in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", check=False, timeout=timeout)
    if check and done.returncode != 0:
        said = (done.stderr + done.stdout).strip()
        raise CommandFailed(f"`{' '.join(command)}` ended with status {done.returncode}: {said}")
    return done


def exists(name):
    return Path("/run/netns", name).exists()


def create(name):
    """A namespace with loopback up, IPv6 off but where `turn_ipv6_on()` was called, and forwarding
    off whatever the host says."""
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")
    run(*inside(name), "sysctl", "-q", "-w", "net.ipv4.ip_forward=0",
        "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1",
        "net.ipv6.conf.all.forwarding=0")


def turn_ipv6_on(name, device):
    """IPv6 with a link-local address, but without router solicitations and waiting for DAD."""
    settings = {"accept_ra": 0, "router_solicitations": 0, "accept_dad": 0, "dad_transmits": 0,
                "disable_ipv6": 0}
    run(*inside(name), "sysctl", "-q", "-w",
        *[f"net.ipv6.conf.{device}.{key}={value}" for key, value in settings.items()])


def inside(name):
    """The words to put before a command so that it runs in the namespace."""
    return ["ip", "netns", "exec", name]


def link(left, left_device, right, right_device):
    """A veth pair between two namespaces, up, all offloads off on both ends."""
    run("ip", "-n", left, "link", "add", left_device, "type", "veth",
        "peer", "name", right_device, "netns", right)
    for name, device in ((left, left_device), (right, right_device)):
        switches = [word for feature in OFFLOADS for word in (feature, "off")]
        run(*inside(name), "ethtool", "-K", device, *switches)
        run("ip", "-n", name, "link", "set", device, "up")


def set_mtu(name, device, mtu):
    run("ip", "-n", name, "link", "set", device, "mtu", mtu)


def bridge(name, device, members):
    run("ip", "-n", name, "link", "add", device, "type", "bridge", "forward_delay", "0")
    for member in members:
        run("ip", "-n", name, "link", "set", member, "master", device)
    run("ip", "-n", name, "link", "set", device, "up")


def pids(name):
    """Processes whose network is this namespace, without ourselves."""
    listed = run("ip", "netns", "pids", name, check=False).stdout.split()
    return [int(pid) for pid in listed if int(pid) != os.getpid()]


def _signal_all(name, number):
    for pid in pids(name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def remove(name, patience_seconds=5):
    """Ends every process of the namespace, asking first, and deletes it with its devices."""
    _signal_all(name, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while pids(name) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal_all(name, signal.SIGKILL)
    run("ip", "netns", "delete", name)


@contextlib.contextmanager
def entered(name):
    """The calling thread is in the namespace while the body runs; sockets made there stay there."""
    with open("/proc/thread-self/ns/net", encoding="ascii") as home, \
            open(f"/run/netns/{name}", encoding="ascii") as there:
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def open_socket(name, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
    """A socket that lives in the namespace."""
    with entered(name):
        return socket.socket(family, kind, protocol)
