# SPDX-License-Identifier: BSD-3-Clause
"""Sets real servers up with the very commands of `sluicectl server howto`, and takes them back."""

import contextlib
import os
import re
import subprocess
import time
from pathlib import Path

import netns

# These make a tunnel's end, in the kernel where it has one.
TUNNEL_COMMANDS = ("modprobe ", "ip fou ", "ip link add ")
MAY_FAIL = "modprobe "  # a kernel may have it built in
GRE_KINDS = ("gre", "ip6gre")


def howto(director, *service):
    """What the director says that each real server needs: address -> entry of the answer."""
    answer = director.ctl_json("server", "howto", *service)
    return {entry["address"]: entry for entry in answer["servers"]}


def set_up(server, commands, undo):
    """Runs the commands on the server; `undo` (an ExitStack) takes each back.

    Returns what ran, which is more or less than these where tunnels are among them.
    """
    tunnels = [command for command in commands if command.startswith(TUNNEL_COMMANDS)]
    others = [command for command in commands if command not in tunnels]
    ran = _make_tunnels(server, tunnels, undo)
    for command in others:
        _run(server, command, undo)
    return [*ran, *others]


def _run(server, command, undo):
    undo.callback(_restoring(server, command))
    _inside(server, *command.split(), check=not command.startswith(MAY_FAIL))


def _inside(server, *words, check=True):
    return netns.run(*netns.inside(server.namespace), *words, check=check)


def _restoring(server, command):
    """A function that restores what the command is about to change."""
    if command.startswith("sysctl "):
        names = re.findall(r"(\S+)=", command)
        values = _inside(server, "sysctl", "-n", *names).stdout.split()
        back = ["sysctl", "-w", *map("=".join, zip(names, values))]
    elif command.startswith("ip link set "):
        back = re.sub(r" up$", " down", command).split()
    elif command.startswith("ip link add "):
        back = ["ip", "link", "del", command.split()[3]]
    elif command.startswith(MAY_FAIL):
        back = ["true"]
    else:
        back = re.sub(r" (add|replace) ", " del ", command).split()
    return lambda: _inside(server, *back, check=False)


def _make_tunnels(server, commands, undo):
    """In the kernel all of them, or none: two ends of one tunnel would take packets twice.

    Returns what ran.
    """
    with contextlib.ExitStack() as made:
        try:
            for command in commands:
                _run(server, command, made)
            undo.push(made.pop_all())
            return commands
        except netns.CommandFailed:
            made.close()
    devices = [command.split() for command in commands if command.startswith("ip link add ")]
    gue_ports = [command.split()[4] for command in commands if command.startswith("ip fou ")]
    return [_stand_in(server, words[3], words[5], gue_ports, undo) for words in devices]


def _stand_in(server, device, kind, gue_ports, undo):
    """Starts decapsulate.py in the place of a kernel's tunnel device."""
    command = [os.path.relpath(Path(__file__).with_name("decapsulate.py")), device, kind]
    command += [] if kind in GRE_KINDS else gue_ports
    end = subprocess.Popen([*netns.inside(server.namespace), *command], start_new_session=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    undo.callback(_end, end)
    _wait_for_device(server, device, end)
    return f"{' '.join(command)}   # this kernel has no {kind} device"


def _end(process):
    process.terminate()
    process.wait(timeout=5)


def _wait_for_device(server, device, process, seconds=5):
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        if _inside(server, "ip", "link", "show", device, check=False).returncode == 0:
            return
        time.sleep(0.02)
    raise netns.CommandFailed(f"{server.name}: decapsulate.py made no {device}")
