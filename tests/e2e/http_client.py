# SPDX-License-Identifier: BSD-3-Clause
"""A web client that keeps its connection, made of a plain socket in the client's namespace."""

import socket

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"


class WebClient:
    def __init__(self, world):
        self.socket = world.client_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect((world.vip, 80))

    def ask(self):
        """One request on the open connection; the page."""
        self.socket.sendall(REQUEST)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"\n"):
            part = self.socket.recv(4096)
            assert part, "the connection was closed"
            answer += part
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return answer.split(b"\r\n\r\n")[1].decode().strip()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
