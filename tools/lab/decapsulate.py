#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Takes tunnel packets off the wire and gives what is in them to a tun device.

What a real server's ipip, gre and fou devices do, for kernels without them. Runs in the real
server's network namespace until it is ended:

  decapsulate.py DEVICE ipip|gre [GUE_PORT ...]
"""

import errno
import fcntl
import os
import selectors
import socket
import struct
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SO_RCVBUFFORCE = 33  # Linux; beyond net.core.rmem_max
RECEIVE_BYTES = 8 << 20
GUE_IPV4 = bytes([0, socket.IPPROTO_IPIP, 0, 0])
GRE_IPV4 = bytes([0, 0, 0x08, 0x00])


def open_tun(device):
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def give(tun, packet):
    try:
        os.write(tun, packet)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EIO):  # no IP packet; the device is down
            raise


def without_ip_header(packet):
    return packet[(packet[0] & 0x0F) * 4:]


def without_shim(packet, shim):
    """The rest behind exactly these bytes, or nothing: a packet we did not ask for."""
    return packet[len(shim):] if packet.startswith(shim) else b""


def gre_inner(packet):
    return without_shim(without_ip_header(packet), GRE_IPV4)


def gue_inner(packet):
    return without_shim(packet, GUE_IPV4)


def listen(kind, protocol, address=None):
    listener = socket.socket(socket.AF_INET, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
    if address:
        listener.bind(address)
    return listener


def main():
    device, kind, *gue_ports = sys.argv[1:]
    tun = open_tun(device)
    if kind == "gre":
        inner_of = {listen(socket.SOCK_RAW, socket.IPPROTO_GRE): gre_inner}
    else:
        inner_of = {listen(socket.SOCK_RAW, socket.IPPROTO_IPIP): without_ip_header}
    for port in gue_ports:
        inner_of[listen(socket.SOCK_DGRAM, socket.IPPROTO_UDP, ("", int(port)))] = gue_inner
    selector = selectors.DefaultSelector()
    for listener in inner_of:
        selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            inner = inner_of[key.fileobj](key.fileobj.recv(65535))
            if inner:
                give(tun, inner)


if __name__ == "__main__":
    main()
