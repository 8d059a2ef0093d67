# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the e2e suite: a world is one lab with its director; tests share worlds."""

import os
import resource
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lab"))

from forwarding import in_mode  # noqa: E402  (needs the path above)
from world import CORE_WORLDS, World  # noqa: E402

OPEN_FILES = 16384
FILE_BYTES = 50 << 20


def pytest_configure():
    if os.geteuid() != 0:
        pytest.exit("e2e needs root: network namespaces and taps", returncode=77)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))


def pytest_generate_tests(metafunc):
    """A test that takes a world runs once in each core world, or in those its marker names."""
    if "world" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("worlds")
        names = marker.args if marker else CORE_WORLDS
        metafunc.parametrize("shared_world", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def build_folder():
    return Path(os.environ.get("SLUICE_BUILD", ROOT / "build")).resolve()


@pytest.fixture(scope="session")
def shared_world(request, build_folder, tmp_path_factory):
    world = World(request.param, build_folder, tmp_path_factory.mktemp(request.param))
    try:
        world.up()
        yield world
    finally:
        world.down()


@pytest.fixture
def world(shared_world):
    """The world as its configuration describes it, whatever the test before did to it."""
    shared_world.restore()
    return shared_world


@pytest.fixture
def mode(request, world):
    """The forwarding mode that the test's parameter names."""
    with in_mode(world, request.param):
        yield request.param


@pytest.fixture(scope="session")
def file_50_mb(tmp_path_factory):
    """50 MB that no compression or zero page can fake."""
    path = tmp_path_factory.mktemp("files") / "50mb.bin"
    path.write_bytes(os.urandom(FILE_BYTES))
    return path


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the director said and counted."""
    outcome = yield
    report = outcome.get_result()
    world = item.funcargs.get("world") if hasattr(item, "funcargs") else None
    if report.failed and world is not None:
        for title, text in world.evidence():
            report.sections.append((title, text))
