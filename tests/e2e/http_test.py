# SPDX-License-Identifier: BSD-3-Clause
"""Web clients through the VIP: curl, wrk, and a thousand connections at once."""

import collections
import re
import socket

import pytest
from world import eventually

CONNECTIONS = 1000
REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"


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


def ask(connection):
    """One request on an open connection; the page."""
    connection.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer or not answer.endswith(b"\n"):
        part = connection.recv(4096)
        assert part, "the connection was closed"
        answer += part
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return answer.split(b"\r\n\r\n")[1].decode().strip()


def connect(world):
    connection = world.client_socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(10)
    connection.connect((world.vip, 80))
    return connection


def test_a_thousand_connections_stay_open_together(world):
    connections = [connect(world) for _ in range(CONNECTIONS)]
    try:
        first = [ask(connection) for connection in connections]
        established = eventually(lambda: world.counters()["sessions_created"])
        again = [ask(connection) for connection in connections]
    finally:
        for connection in connections:
            connection.close()
    assert set(first) == {"rs1", "rs2", "rs3"}
    assert again == first, "a connection changed its server"
    assert established >= CONNECTIONS
