# SPDX-License-Identifier: BSD-3-Clause
"""One-packet scheduling: every datagram of one client socket may go to another server."""

import pytest
from forwarding import in_mode
from udp_echo import UdpEcho
from world import ECHO_PORT


@pytest.mark.worlds("one-arm-1")
def test_each_datagram_is_scheduled_for_itself(world):
    for service in world.config["services"]:
        if service["protocol"] == "udp":
            service["schedule_by"] = "packet"
    with in_mode(world, "dr"), UdpEcho(world.lab, ECHO_PORT, answer_from=world.vip) as echo:
        with world.udp_client() as client:
            client.settimeout(2)
            client.connect((world.vip, ECHO_PORT))
            name = f"{world.lab.client_address}:{client.getsockname()[1]}"
            for number in range(30):
                client.send(str(number).encode())
                assert client.recv(100) == str(number).encode()
        assert all(echo.peers.values()), "one socket's datagrams reach every server"
        assert not [session for session in world.sessions() if session["client"] == name]
