# SPDX-License-Identifier: BSD-3-Clause
"""802.1Q subinterfaces in network namespaces: the kernel's, or tagger.py where it has none."""

import subprocess
import time
from pathlib import Path

import netns

TAGGER = Path(__file__).with_name("tagger.py")


def add(namespace, parent, device, number):
    """A subinterface, up; `ip link del` takes it away."""
    ip = ["ip", "-n", namespace, "link"]
    made = netns.run(*ip, "add", "link", parent, "name", device, "type", "vlan", "id", number,
                     check=False)
    if made.returncode != 0:
        _stand_in(namespace, parent, device, number)
    netns.run(*ip, "set", device, "up")


def _stand_in(namespace, parent, device, number, seconds=5):
    tagger = subprocess.Popen(
        [*netns.inside(namespace), str(TAGGER), device, parent, str(number)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + seconds
    while tagger.poll() is None and time.monotonic() < deadline:
        if netns.run("ip", "-n", namespace, "link", "show", device, check=False).returncode == 0:
            return
        time.sleep(0.02)
    raise netns.CommandFailed(f"{namespace}: no 802.1Q in the kernel and no {device} of tagger.py")
