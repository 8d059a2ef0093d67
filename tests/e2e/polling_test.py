# SPDX-License-Identifier: BSD-3-Clause
"""How much processor an idle director takes, by what the kernel accounts."""

import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.worlds("two-arm-1")

SECONDS = 2.0


def scheduled_seconds(pid):
    """Time all threads ran, and time they were ready to run but waited for a core."""
    ran = waited = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "schedstat").read_text(encoding="ascii").split()
        ran += int(fields[0])
        waited += int(fields[1])
    return ran / 1e9, waited / 1e9


def load_of(pid):
    """Cores used and cores wanted over two seconds; a busy machine gives less than wanted."""
    begin = scheduled_seconds(pid)
    time.sleep(SECONDS)
    end = scheduled_seconds(pid)
    used, waited = ((e - b) / SECONDS for b, e in zip(begin, end))
    return used, used + waited


def test_an_idle_adaptive_director_sleeps(world):
    assert world.config["director"]["poll"]["mode"] == "adaptive"
    time.sleep(0.5)
    used, _ = load_of(world.director.pid)
    assert used < 0.30


def test_a_busy_polling_director_takes_its_core(world):
    """The measurement can tell the two apart."""
    world.director.stop()
    world.config["director"]["poll"] = {"mode": "busy"}
    world.write_config()
    world.director.start()
    _, wanted = load_of(world.director.pid)
    assert wanted > 0.90


def test_a_sleeping_director_answers_at_once(world):
    """A nap is bounded: a request after silence waits no longer than a few of them."""
    time.sleep(0.5)
    times = [float(world.curl("-o", "/dev/null", "-w", "%{time_total}").stdout) for _ in range(10)]
    assert sorted(times)[len(times) // 2] < 0.05, times
