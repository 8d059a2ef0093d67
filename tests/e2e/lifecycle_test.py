# SPDX-License-Identifier: BSD-3-Clause
"""Start, stop, crash and refusals of the daemon itself."""

import copy
import signal
import struct
import time

import netns
import pytest
import yaml
from world import eventually

pytestmark = pytest.mark.worlds("two-arm-1")

EXIT_BAD_CONFIG = 3


def taps(world):
    """Which of the director's taps the kernel has."""
    names = [port["name"] for port in world.config["ports"]]
    shown = world.lab.in_director("ip", "-o", "link").stdout
    return [name for name in names if f" {name}:" in shown]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(world, number):
    assert len(taps(world)) == 2
    begin = time.monotonic()
    assert world.director.stop(number) == 0
    assert time.monotonic() - begin < 3
    assert taps(world) == []
    assert not world.director.control_socket.exists()


@pytest.mark.worlds("two-arm-3")
def test_three_workers_end_cleanly(world):
    assert world.director.stop() == 0
    assert taps(world) == []


def test_it_ends_cleanly_under_load(world):
    load = world.start_in_client("wrk", "-t1", "-c20", "-d5s", world.url)
    time.sleep(1)
    assert world.director.stop() == 0
    load.kill()
    load.communicate()


def ruleset(world):
    return world.lab.in_director("nft", "list", "ruleset").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_ends_it_cleanly(world, number):
    world.director.stop()
    before = ruleset(world)
    with world.director.launch() as notify:
        eventually(lambda: ruleset(world) != before, pause=0.01)
        assert world.director.stop(number) == 0
        assert notify.recv(4096) == b"STOPPING=1"  # not ready, not even for a moment
    assert ruleset(world) == before
    assert taps(world) == []


def test_systemd_hears_of_start_reload_and_stop(world):
    world.director.stop()
    with world.director.launch() as notify:
        world.director.hear(notify, "READY=1")
        world.director.process.send_signal(signal.SIGHUP)
        world.director.hear(notify, "RELOADING=1", timeout=5)
        world.director.hear(notify, "READY=1", timeout=5)
        world.director.process.send_signal(signal.SIGTERM)
        world.director.hear(notify, "STOPPING=1", timeout=5)
        assert world.director.process.wait(timeout=10) == 0


def test_a_sighup_during_the_start_reloads_after_it(world):
    world.director.stop()
    before = ruleset(world)
    with world.director.launch() as notify:
        eventually(lambda: ruleset(world) != before, pause=0.01)
        world.director.process.send_signal(signal.SIGHUP)
        world.director.hear(notify, "RELOADING=1")
        world.director.hear(notify, "READY=1", timeout=5)


def test_after_kill_9_it_starts_again(world):
    world.director.stop(signal.SIGKILL)
    assert taps(world) == []
    world.director.start()
    assert set(world.who_answers(9)) == {"rs1", "rs2", "rs3"}


def test_starting_again_and_again_leaves_nothing_behind(world):
    def devices():
        return sorted(world.lab.in_director("ip", "-o", "link").stdout.count(w) for w in ("veth",))
    world.director.stop()
    before = devices(), world.lab.in_director("nft", "list", "ruleset").stdout
    for _ in range(3):
        world.director.start()
        assert world.director.stop() == 0
    assert (devices(), world.lab.in_director("nft", "list", "ruleset").stdout) == before


class Refusals:
    """Starts a second daemon that must refuse, while the first one is stopped or not."""

    def __init__(self, world, folder):
        self.world = world
        self.path = folder / "refused.yaml"
        self.config = copy.deepcopy(world.config)

    def run(self, *before, options=()):
        self.path.write_text(yaml.safe_dump(self.config, sort_keys=False), encoding="utf-8")
        return netns.run(*netns.inside(self.world.lab.director), *before, self.world.director.daemon,
                         "--config", self.path, *options, check=False, timeout=20)


@pytest.fixture
def refusals(world, tmp_path):
    return Refusals(world, tmp_path)


def assert_refused(done, *words):
    said = done.stdout + done.stderr
    assert done.returncode not in (0, EXIT_BAD_CONFIG) and done.returncode > 0, said
    for word in words:
        assert word in said, f"{word!r} is not in: {said}"


def test_refuses_a_missing_device(world, refusals):
    world.director.stop()
    refusals.config["ports"][0]["device"] = "net_af_packet0,iface=no-such-if"
    assert_refused(refusals.run(), "no-such-if")


def test_refuses_to_run_without_root(world, refusals):
    world.director.stop()
    refusals.path.parent.chmod(0o755)
    for folder in list(refusals.path.parents)[:3]:
        folder.chmod(folder.stat().st_mode | 0o055)
    assert_refused(refusals.run("setpriv", "--reuid", "65534", "--regid", "65534",
                                "--clear-groups"), "root")


def test_refuses_a_socket_in_use(world, refusals):
    assert_refused(refusals.run(), str(world.director.control_socket))
    assert set(world.who_answers(9)) == {"rs1", "rs2", "rs3"}, "the first one was disturbed"


def test_refuses_a_bad_configuration_with_its_own_exit_status(world, refusals):
    refusals.config["services"][0]["port"] = 70000
    done = refusals.run()
    assert done.returncode == EXIT_BAD_CONFIG
    assert f"{refusals.path}:" in done.stderr and "70000" in done.stderr


def test_refuses_huge_pages_that_are_not_there_and_names_the_cure(world, refusals):
    with open("/proc/sys/vm/nr_hugepages", encoding="ascii") as file:
        if int(file.read()):
            pytest.skip("this machine has huge pages")
    world.director.stop()
    refusals.config["dpdk"]["huge_pages"] = True
    assert_refused(refusals.run(), "nr_hugepages")


def test_refuses_more_workers_than_cores_given(world, refusals):
    refusals.config["director"]["workers"] = 4
    refusals.config["dpdk"]["worker_cores"] = [0]
    done = refusals.run()
    assert done.returncode != 0 and "worker_cores" in done.stderr


def test_refuses_more_workers_than_the_device_has_queues(world, refusals, tmp_path):
    world.director.stop()
    capture = tmp_path / "empty.pcap"  # one file is one queue
    capture.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    refusals.config["ports"][0]["device"] = f"net_pcap0,rx_pcap={capture}"
    refusals.config["director"]["workers"] = 2
    refusals.config["dpdk"]["worker_cores"] = [0, 0]
    assert_refused(refusals.run(), refusals.config["ports"][0]["name"], "director.workers")


def test_check_validates_without_starting(world, refusals):
    assert refusals.run(options=["--check"]).returncode == 0
    refusals.config["services"][0]["protocol"] = "tpc"
    done = refusals.run(options=["--check"])
    assert done.returncode == EXIT_BAD_CONFIG
    assert "tcp" in done.stderr, "no suggestion"


def test_help_and_version_need_neither_root_nor_configuration(world):
    for option, word in (("--help", "--config"), ("--version", ".")):
        done = netns.run(world.director.daemon, option)
        assert word in done.stdout


def restart_and_read_log(world, *options):
    world.director.stop()
    world.director.log_path.write_text("", encoding="utf-8")
    world.director.start(*options)
    return world.director.log_tail(1000)


def test_log_level_is_chosen(world):
    assert "[info]" in restart_and_read_log(world, "--log-level", "info")
    assert "[info]" not in restart_and_read_log(world, "--log-level", "warn")


def test_log_goes_to_a_file(world, tmp_path):
    log = tmp_path / "sluiced.log"
    assert "serves" not in restart_and_read_log(world, "--log-target", f"file:{log}")
    assert "serves" in log.read_text(encoding="utf-8")
