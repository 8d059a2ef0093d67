# SPDX-License-Identifier: BSD-3-Clause
"""Real servers die, are drained, added and removed while clients keep coming."""

import signal

import pytest
from http_client import WebClient

ONE_WORKER = pytest.mark.worlds("two-arm-1", "one-arm-1")


def set_weight(world, server, weight):
    world.director.ctl("server", "set", world.web, f"{server.address}:80", "--weight", str(weight))


def test_a_killed_server_with_weight_0_is_missed_by_nobody(world):
    dead = world.lab.servers[1]
    dead.stop_nginx(signal.SIGKILL)
    set_weight(world, dead, 0)
    assert set(world.who_answers(20)) == {"rs1", "rs3"}
    dead.start_nginx()
    world.wait_for_nginx(dead)
    set_weight(world, dead, 1)
    assert set(world.who_answers(20)) == {"rs1", "rs2", "rs3"}


def test_weight_0_keeps_open_connections(world):
    with WebClient(world) as client:
        name = client.ask()
        server = next(s for s in world.lab.servers if s.name == name)
        set_weight(world, server, 0)
        assert name not in world.who_answers(20)
        assert client.ask() == name


def test_without_any_server_clients_are_turned_away_and_counted(world):
    before = world.counters()["drop_no_server"]
    for server in world.lab.servers:
        set_weight(world, server, 0)
    assert world.curl("--max-time", "1", check=False).returncode != 0
    assert world.counters()["drop_no_server"] > before
    set_weight(world, world.lab.servers[0], 1)
    assert set(world.who_answers(3)) == {"rs1"}


@ONE_WORKER
def test_weights_share_out_as_wrr_promises(world):
    for server, weight in zip(world.lab.servers, (3, 2, 1)):
        set_weight(world, server, weight)
    answers = world.who_answers(12)
    assert [answers.count(name) for name in ("rs1", "rs2", "rs3")] == [6, 4, 2]


@ONE_WORKER
def test_servers_come_and_go_by_verb(world):
    last = f"{world.lab.servers[2].address}:80"
    world.director.ctl("server", "delete", world.web, last)
    assert set(world.who_answers(9)) == {"rs1", "rs2"}
    world.director.ctl("server", "add", world.web, last, "--weight", "2")
    assert set(world.who_answers(12)) == {"rs1", "rs2", "rs3"}
    listed = {s["address"]: s["weight"] for s in world.service(world.web)["servers"]}
    assert listed[last] == 2


@pytest.mark.worlds("two-arm-1")
def test_a_service_added_by_verb_serves_at_once(world):
    world.director.ctl("service", "add", "other", "--vip", f"{world.vip}:8080",
                       "--scheduler", "rr")
    world.director.ctl("server", "add", "other", f"{world.lab.servers[0].address}:80")
    url = f"http://{world.vip}:8080/"
    assert world.curl(url=url).stdout.strip() == "rs1"
    world.director.ctl("service", "delete", "other")
    assert world.curl("--max-time", "1", url=url, check=False).returncode != 0
