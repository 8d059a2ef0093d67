# SPDX-License-Identifier: BSD-3-Clause
"""How much processor an idle director takes, by what the kernel accounts."""

import os
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.worlds("two-arm-1")

SECONDS = 2.0


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load_of(pid):
    """Cores used, over two seconds."""
    begin = cpu_seconds(pid)
    time.sleep(SECONDS)
    return (cpu_seconds(pid) - begin) / SECONDS


def test_an_idle_adaptive_director_sleeps(world):
    assert world.config["director"]["poll"]["mode"] == "adaptive"
    time.sleep(0.5)
    assert load_of(world.director.pid) < 0.30


def test_a_busy_polling_director_takes_its_core(world):
    """The measurement can tell the two apart."""
    world.director.stop()
    world.config["director"]["poll"] = {"mode": "busy"}
    world.write_config()
    world.director.start()
    assert load_of(world.director.pid) > 0.60


def test_a_sleeping_director_answers_at_once(world):
    """A nap is bounded: a request after silence waits no longer than a few of them."""
    time.sleep(0.5)
    times = [float(world.curl("-o", "/dev/null", "-w", "%{time_total}").stdout) for _ in range(10)]
    assert sorted(times)[len(times) // 2] < 0.05, times
