#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Takes tunnel packets off the wire and gives what is in them to a tun device.

What a real server's tunnel and fou devices do, for kernels without them. Runs in the real server's
network namespace until it is ended:

  decapsulate.py DEVICE ipip|sit|ip6tnl|gre|ip6gre [GUE_PORT ...]
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
UDP_NO_CHECK6_RX = 102  # GUE over IPv6 has no UDP checksum (RFC 6935)
RECEIVE_BYTES = 8 << 20

IPIP, IPV6, GRE = socket.IPPROTO_IPIP, socket.IPPROTO_IPV6, socket.IPPROTO_GRE
# Kind of device: the outer header's address family and the protocols that may follow it.
KINDS = {
    "ipip": (socket.AF_INET, [IPIP]),
    "sit": (socket.AF_INET, [IPV6]),
    "ip6tnl": (socket.AF_INET6, [IPIP, IPV6]),
    "gre": (socket.AF_INET, [GRE]),
    "ip6gre": (socket.AF_INET6, [GRE]),
}
GRE_SHIMS = (bytes([0, 0, 0x08, 0x00]), bytes([0, 0, 0x86, 0xDD]))


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


def without_ip_header(family, packet):
    """Raw sockets give IPv4 packets with their header and IPv6 packets without."""
    return packet[(packet[0] & 0x0F) * 4:] if family == socket.AF_INET else packet


def without_shim(packet, shims):
    """The rest behind one of these, or nothing: a packet we did not ask for."""
    return next((packet[len(shim):] for shim in shims if packet.startswith(shim)), b"")


def listen(family, kind, protocol):
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
    return listener


def listen_raw(family, protocol):
    """A socket, and the function that unwraps what it receives."""
    def inner_of(packet):
        inner = without_ip_header(family, packet)
        return without_shim(inner, GRE_SHIMS) if protocol == GRE else inner
    return listen(family, socket.SOCK_RAW, protocol), inner_of


def listen_gue(family, protocols, port):
    listener = listen(family, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setsockopt(socket.IPPROTO_UDP, UDP_NO_CHECK6_RX, 1)
    listener.bind(("", port))
    shims = [bytes([0, protocol, 0, 0]) for protocol in protocols]
    return listener, lambda packet: without_shim(packet, shims)


def main():
    device, kind, *gue_ports = sys.argv[1:]
    family, protocols = KINDS[kind]
    tun = open_tun(device)
    ends = [listen_raw(family, protocol) for protocol in protocols]
    ends += [listen_gue(family, protocols, int(port)) for port in gue_ports]
    selector = selectors.DefaultSelector()
    for listener, inner_of in ends:
        selector.register(listener, selectors.EVENT_READ, inner_of)
    while True:
        for key, _ in selector.select():
            inner = key.data(key.fileobj.recv(65535))
            if inner:
                give(tun, inner)


if __name__ == "__main__":
    main()
