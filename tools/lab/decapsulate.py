#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Takes IPIP, GRE and GUE packets off the wire and gives what is in them to a tun device.

What a real server's ipip, gre and fou devices do, for kernels without them. Runs in the real
server's network namespace until it is ended:  decapsulate.py DEVICE
"""

import fcntl
import os
import selectors
import socket
import struct
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
GUE_PORT = 6080
GUE_IPV4 = bytes([0, socket.IPPROTO_IPIP, 0, 0])
GRE_IPV4 = bytes([0, 0, 0x08, 0x00])


def open_tun(device):
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def without_ip_header(packet):
    return packet[(packet[0] & 0x0F) * 4:]


def without_shim(packet, shim):
    """The rest behind exactly these bytes, or nothing: a packet we did not ask for."""
    return packet[len(shim):] if packet.startswith(shim) else b""


def main():
    tun = open_tun(sys.argv[1])
    ipip = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP)
    gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_GRE)
    gue = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    gue.bind(("", GUE_PORT))
    inner_of = {
        ipip: without_ip_header,
        gre: lambda packet: without_shim(without_ip_header(packet), GRE_IPV4),
        gue: lambda packet: without_shim(packet, GUE_IPV4),
    }
    selector = selectors.DefaultSelector()
    for listener in inner_of:
        selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            inner = inner_of[key.fileobj](key.fileobj.recv(65535))
            if inner:
                os.write(tun, inner)


if __name__ == "__main__":
    main()
