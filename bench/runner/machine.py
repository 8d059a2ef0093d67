# SPDX-License-Identifier: BSD-3-Clause
"""What the measurement runs on, and how it gets the CPU for itself."""

import os
import platform
import re
import subprocess
from pathlib import Path

from steps import ROOT

NICE = -15


def raise_priority():
    """Before other programs, where that is allowed (root)."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    except PermissionError:
        pass


def other_cpu(cpu):
    """A CPU for threads that only wait; the measured one when there is no other."""
    return min(os.sched_getaffinity(0) - {cpu}, default=cpu)


def first_line(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0] if done.returncode == 0 and done.stdout else "unknown"


def describe():
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {"cpu": cpu.group(1) if cpu else platform.machine(),
            "cpus": os.cpu_count(),
            "kernel": platform.release(),
            "load_average": round(os.getloadavg()[0], 2),
            "nice": os.getpriority(os.PRIO_PROCESS, 0)}


def versions():
    git = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT)]
    return {"sluice": first_line([*git, "describe", "--always", "--dirty"]),
            "dpdk": first_line(["dpkg-query", "-W", "-f", "${Version}\n", "dpdk-dev"]),
            "compiler": first_line(["g++", "--version"])}
