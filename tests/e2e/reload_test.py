# SPDX-License-Identifier: BSD-3-Clause
"""A reload is all or nothing: a good file changes everything it says, a bad one changes nothing."""

import contextlib
import signal

import pytest
import yaml
from http_client import WebClient
from world import eventually

pytestmark = pytest.mark.worlds("two-arm-1", "two-arm-3")


def weights(world):
    return [server["weight"] for server in world.service(world.web)["servers"]]


def set_file_weights(world, *new):
    for server, weight in zip(world.service_config(world.web)["servers"], new):
        server["weight"] = weight
    world.write_config()


def break_file(world):
    """Makes a weight impossible and returns "file:line" of it."""
    set_file_weights(world, 4711, 1, 1)
    text = world.config_path.read_text(encoding="utf-8")
    line = text[:text.index("4711")].count("\n") + 1
    world.config_path.write_text(text.replace("4711", "-3"), encoding="utf-8")
    return f"{world.config_path}:{line}:"


def test_sighup_applies_the_file(world):
    set_file_weights(world, 5, 1, 0)
    world.director.process.send_signal(signal.SIGHUP)
    eventually(lambda: weights(world) == [5, 1, 0])
    # Each worker has a rotation of 6 of its own: of 24 connections one worker gets a whole one.
    assert set(world.who_answers(24)) == {"rs1", "rs2"}


def test_reload_by_verb_tells_what_changed(world):
    set_file_weights(world, 2, 1, 1)
    before = world.generation()
    said = world.director.ctl("reload").stdout
    assert "weight" in said and "10.0.0.11:80" in said
    assert weights(world) == [2, 1, 1]
    assert world.generation() == before + 1


def test_a_bad_file_changes_nothing_and_names_the_line(world):
    before = (world.generation(), weights(world))
    place = break_file(world)
    done = world.director.ctl("reload", check=False)
    assert done.returncode != 0
    assert place in done.stderr and "weight" in done.stderr, done.stderr
    assert (world.generation(), weights(world)) == before
    assert set(world.who_answers(12)) == {"rs1", "rs2", "rs3"}


def test_sighup_with_a_bad_file_logs_the_line_and_serves_on(world):
    before = (world.generation(), weights(world))
    place = break_file(world)
    world.director.process.send_signal(signal.SIGHUP)
    eventually(lambda: place in world.director.log_tail())
    assert (world.generation(), weights(world)) == before
    assert set(world.who_answers(12)) == {"rs1", "rs2", "rs3"}


def test_every_mistake_is_reported_at_once_with_a_suggestion(world):
    world.config["directer"] = world.config.pop("director")
    world.service_config(world.web)["scheduler"] = "wrrr"
    world.write_config()
    said = world.director.ctl("reload", check=False).stderr
    assert "directer" in said and "director" in said
    assert "wrrr" in said and "wrr" in said
    assert said.count(f"{world.config_path}:") >= 2, said


def everything(world):
    """What a refused change must leave as it was."""
    shown = [world.lab.in_director("ip", "-o", *what).stdout for what in
             (("-4", "address", "show"), ("route", "show"), ("route", "show", "table", "local"))]
    return shown, world.generation(), world.director.ctl("save").stdout


def add_service_on_a_new_vip(world):
    world.config["services"].append(
        {"name": "late", "protocol": "tcp", "vip": "198.51.100.77", "port": 80, "servers": []})


def test_a_reload_that_the_kernel_refuses_half_way_changes_nothing(world):
    world.server_port["routes"] = [{"to": "203.0.113.0/24", "via": "10.0.0.11"}]
    world.write_config()
    world.director.ctl("reload")
    world.lab.in_director("ip", "route", "add", "192.0.2.0/24", "via", "10.0.0.12")
    before = everything(world)
    add_service_on_a_new_vip(world)
    world.server_port["routes"] = [{"to": "203.0.113.0/24", "via": "10.0.0.13"},
                                   {"to": "192.0.2.0/24", "via": "10.0.0.11"}]
    world.write_config()
    done = world.director.ctl("reload", check=False)
    assert done.returncode != 0 and "192.0.2.0/24" in done.stderr, done.stderr
    assert everything(world) == before
    world.lab.in_director("ip", "route", "del", "192.0.2.0/24")
    world.director.ctl("reload")
    assert "198.51.100.77" in world.lab.in_director("ip", "-o", "address").stdout


def test_a_reload_that_meets_a_limit_half_way_changes_nothing(world):
    servers = [server for service in world.config["services"] for server in service["servers"]]
    world.director.stop()
    world.config["limits"] = {**world.config.get("limits", {}), "servers": len(servers)}
    world.write_config()
    world.director.start()
    before = everything(world)
    add_service_on_a_new_vip(world)
    servers[0]["address"] = "10.0.0.77"  # the former one is in use until the change is in force
    world.write_config()
    done = world.director.ctl("reload", check=False)
    assert done.returncode != 0 and "limits.servers" in done.stderr, done.stderr
    assert everything(world) == before
    assert set(world.who_answers(12)) == {"rs1", "rs2", "rs3"}


def draining(world):
    return {local["address"] for local in world.director.ctl_json("status")["draining"]}


def addresses_of_the_server_port(world):
    return world.lab.in_director("ip", "-o", "address", "show", world.server_port["name"]).stdout


def test_connections_outlive_their_local_address_which_leaves_after_them(world):
    world.service_config(world.web)["timeouts"] = {"fin_wait": 1, "time_wait": 1, "close_wait": 1,
                                                   "last_ack": 1, "close": 1}
    world.director.stop()  # sessions of other tests would hold the addresses
    world.write_config()
    world.director.start()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(WebClient(world)) for _ in range(12)]
        pages = [client.ask() for client in clients]
        used = {s["local"].split(":")[0] for s in world.sessions("--service", world.web)}
        assert len(used) > 1
        kept = max(used)
        world.config["local_pools"][0]["addresses"] = [kept]
        world.write_config()
        world.director.ctl("reload")
        generation = world.generation()
        assert [client.ask() for client in clients] == pages
        eventually(lambda: draining(world) == used - {kept})
        assert all(f" {address}/32" in addresses_of_the_server_port(world) for address in used)
        before = {s["client"] for s in world.sessions("--service", world.web)}
        world.who_answers(6)
        fresh = [s for s in world.sessions("--service", world.web) if s["client"] not in before]
        assert {s["local"].split(":")[0] for s in fresh} == {kept}
        assert draining(world) == used - {kept}
    eventually(lambda: not draining(world), seconds=10)
    shown = addresses_of_the_server_port(world)
    assert not any(f" {address}/32" in shown for address in used - {kept}), shown
    assert world.generation() == generation
    assert set(world.who_answers(12)) == {"rs1", "rs2", "rs3"}


def test_a_change_that_needs_a_restart_is_refused(world):
    world.config["director"]["workers"] = world.workers + 1
    world.config["dpdk"]["worker_cores"].append(0)
    world.write_config()
    done = world.director.ctl("reload", check=False)
    assert done.returncode != 0
    assert "restart" in done.stderr and "workers" in done.stderr, done.stderr


def test_a_route_gets_another_gateway_by_reload(world):
    def reload_with(**route):
        world.server_port["routes"] = [route]
        world.write_config()
        world.director.ctl("reload")
        return world.lab.in_director("ip", "route", "show", route["to"]).stdout.split()[1:3]
    assert reload_with(to="203.0.113.0/24", via="10.0.0.11") == ["via", "10.0.0.11"]
    assert reload_with(to="203.0.113.0/24", via="10.0.0.12") == ["via", "10.0.0.12"]
    world.restore()
    assert world.lab.in_director("ip", "route", "show", "203.0.113.0/24").stdout == ""


def test_open_connections_outlive_reloads(world):
    with WebClient(world) as client:
        name = client.ask()
        for weight in range(1, 6):
            set_file_weights(world, weight, 6 - weight, 3)
            world.director.ctl("reload")
            assert client.ask() == name


def test_a_removed_servers_sessions_end_and_come_back_with_it(world):
    with WebClient(world) as client:
        client.ask()
        world.config["services"] = [s for s in world.config["services"] if s["name"] != world.web]
        world.write_config()
        world.director.ctl("reload")
        assert world.curl("--max-time", "1", check=False).returncode != 0
    world.restore()
    assert set(world.who_answers(12)) == {"rs1", "rs2", "rs3"}


def test_diff_tells_what_a_reload_would_change(world, tmp_path):
    world.service_config(world.web)["servers"][0]["weight"] = 9
    draft = tmp_path / "draft.yaml"
    world.write_config()
    draft.write_text(world.config_path.read_text(encoding="utf-8"), encoding="utf-8")
    changes = world.diff(draft)["changes"]
    assert len(changes) == 1
    assert weights(world) == [1, 1, 1], "diff must not change anything"


def test_saved_edits_survive_a_restart(world):
    world.director.ctl("server", "set", world.web, "10.0.0.12:80", "--weight", "7")
    world.director.ctl("server", "delete", world.web, "10.0.0.13:80")

    def table():
        return [(s["name"], s["vip"], s["scheduler"],
                 [(r["address"], r["weight"]) for r in s["servers"]])
                for s in world.director.ctl_json("service", "list")["services"]]
    before = table()
    world.director.ctl("save", "--write")
    assert world.director.stop() == 0
    world.director.start()
    assert table() == before
    assert yaml.safe_load(world.config_path.read_text(encoding="utf-8"))["services"]
