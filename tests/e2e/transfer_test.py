# SPDX-License-Identifier: BSD-3-Clause
"""Large transfers arrive bit for bit, also while the configuration changes."""

import os
import signal
import time

import pytest
from transfers import served, sha256

MEGABYTE = 1 << 20
SIZE_MEGABYTES = 200


@pytest.fixture(scope="session")
def big_file(tmp_path_factory):
    """200 MB that no compression or zero page can fake."""
    path = tmp_path_factory.mktemp("transfer") / "big.bin"
    with open(path, "wb") as file:
        for _ in range(SIZE_MEGABYTES):
            file.write(os.urandom(MEGABYTE))
    return path


@pytest.fixture
def served_file(world, big_file):
    """The same file on every real server, so that it does not matter who answers."""
    with served(world.lab.servers, big_file):
        yield big_file


def test_download_of_200_mb_is_unharmed(world, served_file, tmp_path):
    world.curl("--max-time", "60", "-o", tmp_path / "got.bin", url=f"{world.url}big.bin")
    assert sha256(tmp_path / "got.bin") == sha256(served_file)


def test_upload_of_200_mb_is_unharmed(world, big_file):
    status = world.curl("--max-time", "60", "-T", big_file, "-w", "%{http_code}", "-H", "Expect:",
                        url=f"{world.url}upload/up.bin").stdout
    assert status == "201"
    landed = [server.folder / "www" / "upload" / "up.bin" for server in world.lab.servers]
    landed = [path for path in landed if path.exists()]
    assert len(landed) == 1
    assert sha256(landed[0]) == sha256(big_file)
    landed[0].unlink()


def test_reloads_do_not_harm_a_running_download(world, served_file, tmp_path):
    """Reloads come by verb and by SIGHUP, and change weights of all servers."""
    before = world.generation()
    download = world.start_in_client("curl", "-sS", "--max-time", "60", "--limit-rate", "40M",
                                     "-o", tmp_path / "got.bin", f"{world.url}big.bin")
    reloads = 0
    while download.poll() is None and reloads < 20:
        for number, server in enumerate(world.service_config(world.web)["servers"]):
            server["weight"] = 1 + (reloads + number) % 5
        world.write_config()
        if reloads % 2:
            world.director.process.send_signal(signal.SIGHUP)
        else:
            world.director.ctl("reload")
        reloads += 1
        time.sleep(0.1)
    _, errors = download.communicate(timeout=60)
    assert download.returncode == 0, errors
    assert reloads >= 5, "the download was over before the reloads could matter"
    assert world.generation() >= before + reloads - 1
    assert sha256(tmp_path / "got.bin") == sha256(served_file)
