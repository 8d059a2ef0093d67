# SPDX-License-Identifier: BSD-3-Clause
"""Web clients through the VIP: curl, wrk, and a thousand connections at once."""

import collections
import re

import pytest
from http_client import WebClient

CONNECTIONS = 1000


def test_each_real_server_answers(world):
    answers = collections.Counter(world.who_answers(30))
    assert set(answers) == {"rs1", "rs2", "rs3"}


@pytest.mark.worlds("two-arm-1", "one-arm-1")
def test_one_worker_shares_requests_out_evenly(world):
    answers = collections.Counter(world.who_answers(12))
    assert answers == {"rs1": 4, "rs2": 4, "rs3": 4}


def test_wrk_sees_no_errors(world):
    done = world.lab.in_client("wrk", "-t1", "-c50", "-d3s", "--timeout", "5s", world.url)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1))
    assert "Socket errors" not in done.stdout, done.stdout
    assert "Non-2xx" not in done.stdout, done.stdout
    assert rate > 200, done.stdout


def test_wrk_with_a_connection_per_request_sees_no_errors(world):
    done = world.lab.in_client("wrk", "-t1", "-c20", "-d2s", "--timeout", "5s",
                               "-H", "Connection: close", world.url)
    assert "Socket errors" not in done.stdout, done.stdout
    assert int(re.search(r"(\d+) requests in", done.stdout).group(1)) > 200, done.stdout


def test_a_thousand_connections_stay_open_together(world):
    clients = [WebClient(world) for _ in range(CONNECTIONS)]
    try:
        first = [client.ask() for client in clients]
        established = [s for s in world.sessions("--service", world.web)
                       if s["state"] == "ESTABLISHED"]
        again = [client.ask() for client in clients]
    finally:
        for client in clients:
            client.close()
    assert set(first) == {"rs1", "rs2", "rs3"}
    assert again == first, "a connection changed its server"
    assert len(established) >= CONNECTIONS
