# SPDX-License-Identifier: BSD-3-Clause
"""Enough of SCTP (RFC 9260) in user space for an association, over raw sockets.

Kernels without SCTP are common, and this one shows each packet that arrives: a checksum that is not
right is an error here, where a kernel would drop the packet silently.
"""

import contextlib
import socket
import struct
import threading

import netns

SCTP = 132
DATA, INIT, INIT_ACK, SHUTDOWN, SHUTDOWN_ACK = 0, 1, 2, 7, 8
COOKIE_ECHO, COOKIE_ACK, SHUTDOWN_COMPLETE = 10, 11, 14
ANSWERS = {INIT: INIT_ACK, COOKIE_ECHO: COOKIE_ACK, DATA: DATA, SHUTDOWN: SHUTDOWN_ACK}
COMMON_HEADER_BYTES, CHUNK_HEADER_BYTES = 12, 4


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def packet(ports, tag, chunk, value):
    """One chunk in a packet with its checksum, which alone has its lowest byte first."""
    body = struct.pack("!BBH", chunk, 3, CHUNK_HEADER_BYTES + len(value)) + value
    body += b"\0" * (-len(body) % 4)
    header = struct.pack("!HHI", *ports, tag)
    return header + struct.pack("<I", crc32c(header + b"\0" * 4 + body)) + body


def read(data):
    """((source port, destination port), tag, chunk type, its value).  Asserts the checksum."""
    header = data[:8]
    checksum, = struct.unpack_from("<I", data, 8)
    assert checksum == crc32c(header + b"\0" * 4 + data[COMMON_HEADER_BYTES:]), "wrong checksum"
    source, destination, tag = struct.unpack("!HHI", header)
    chunk, _, length = struct.unpack_from("!BBH", data, COMMON_HEADER_BYTES)
    start = COMMON_HEADER_BYTES + CHUNK_HEADER_BYTES
    return (source, destination), tag, chunk, data[start:COMMON_HEADER_BYTES + length]


def raw_socket(namespace, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = netns.open_socket(namespace, family, socket.SOCK_RAW, SCTP)
    raw.bind((address, 0))
    return raw


def receive(raw):
    """The SCTP packet of the next IP packet, and its sender.  Raises OSError when shut down."""
    data, peer = raw.recvfrom(65535)
    if not data:
        raise ConnectionAbortedError
    if raw.family == socket.AF_INET:
        data = data[(data[0] & 0x0F) * 4:]
    return data, peer[0]


class SctpServers:
    """Answers associations at `addresses`, one for each real server, until the test ends."""

    def __init__(self, lab, addresses, port):
        self.port = port
        self.seen = {server.name: [] for server in lab.servers}  # chunk types
        self.wrong = []
        self._sockets = []
        for server, address in zip(lab.servers, addresses):
            raw = raw_socket(server.namespace, address)
            self._sockets.append(raw)
            threading.Thread(target=self._serve, args=(raw, self.seen[server.name]),
                             daemon=True).start()

    def _serve(self, raw, seen):
        with contextlib.suppress(OSError):  # the test is over
            while True:
                data, peer = receive(raw)
                try:
                    ports, tag, chunk, value = read(data)
                    assert ports[1] == self.port, f"a packet to port {ports[1]}"
                except AssertionError as error:
                    self.wrong.append(str(error))
                    continue
                seen.append(chunk)
                if chunk in ANSWERS:
                    answer = packet(ports[::-1], tag or 1, ANSWERS[chunk], value)
                    raw.sendto(answer, (peer, 0))

    def count(self, chunk):
        """How many of these have come to all servers together."""
        return sum(seen.count(chunk) for seen in self.seen.values())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for raw in self._sockets:
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
            raw.close()


class SctpClient:
    """One association of `port` with `vip`."""

    def __init__(self, namespace, address, port, vip, vip_port):
        self.peer = (vip, 0)
        self.ports = (port, vip_port)
        self.raw = raw_socket(namespace, address)
        self.raw.settimeout(3)

    def ask(self, chunk, value=b""):
        """Sends a chunk and returns type and value of the answer."""
        self.tell(chunk, value)
        while True:
            data, sender = receive(self.raw)
            ports, _, answer, answer_value = read(data)
            if ports == self.ports[::-1]:
                assert sender == self.peer[0]
                return answer, answer_value

    def tell(self, chunk, value=b""):
        self.raw.sendto(packet(self.ports, 0 if chunk == INIT else 1, chunk, value), self.peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.raw.close()
