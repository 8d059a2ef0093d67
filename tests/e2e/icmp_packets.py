# SPDX-License-Identifier: BSD-3-Clause
"""ICMP messages as bytes, right ones and wrong ones, for raw sockets."""

import random
import socket
import struct

from wire import TCP, UDP, ones_complement_sum

UNREACHABLE, SOURCE_QUENCH, TIME_EXCEEDED, PARAMETER_PROBLEM = 3, 4, 11, 12
ERRORS = (UNREACHABLE, SOURCE_QUENCH, TIME_EXCEEDED, PARAMETER_PROBLEM)
PORT_UNREACHABLE = 3


def checksum(data):
    return ~ones_complement_sum(data) & 0xFFFF


def with_checksum(data, offset):
    return data[:offset] + struct.pack("!H", checksum(data)) + data[offset + 2:]


def ipv4(source, destination, protocol, payload):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 61, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
    return with_checksum(header, 10) + payload


def quoted(protocol, source, destination, l4_bytes=8):
    """The start of a packet between two (address, port), as a router quotes it."""
    l4 = struct.pack("!HHI", source[1], destination[1], 100 if protocol == TCP else 100 << 16)
    return ipv4(source[0], destination[0], protocol, l4 + bytes(l4_bytes - 8))


def error(kind, code, about, parameter=0):
    return with_checksum(struct.pack("!BBHI", kind, code, 0, parameter) + about, 2)


def random_error(generator: random.Random, addresses):
    """About a packet that nobody sent; a third cut off, a third with a wrong checksum."""
    ends = [(generator.choice(addresses), generator.choice((7, 80, generator.randrange(65536))))
            for _ in range(2)]
    about = quoted(generator.choice((TCP, UDP, 1, 132)), *ends,
                   l4_bytes=generator.randrange(8, 64))
    kind, code = generator.choice(ERRORS), generator.randrange(16)
    harm = generator.randrange(3)
    if harm == 1:
        about = about[:generator.randrange(len(about))]
    message = error(kind, code, about, generator.getrandbits(32))
    if harm == 2:
        message = message[:2] + bytes([message[2] ^ 0x55]) + message[3:]
    return message
