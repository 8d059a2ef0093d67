#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Puts 802.1Q tags on what a tap device sends and takes them off what comes for it.

What the kernel's VLAN subinterfaces do, for kernels without them. Runs in the network namespace of
the device until the tap is deleted:

  tagger.py DEVICE PARENT VLAN
"""

import fcntl
import os
import selectors
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SO_RCVBUFFORCE = 33  # Linux; beyond net.core.rmem_max
RECEIVE_BYTES = 8 << 20
ETH_ALL, ETH_VLAN = 0x0003, 0x8100
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC, PACKET_AUXDATA = 263, 1, 1, 8
PACKET_OUTGOING = 4
AUXDATA = struct.Struct("=IIIHHHH")  # tpacket_auxdata: status, lengths, offsets, VLAN tag and type
TAG_IS_VALID, ID_BITS = 0x10, 0x0FFF
ADDRESS_BYTES = 12  # of the Ethernet header, before the tag


def open_tap(device):
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def open_wire(parent):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    membership = struct.pack("iHH8s", socket.if_nametoindex(parent), PACKET_MR_PROMISC, 0, b"")
    wire.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
    wire.bind((parent, ETH_ALL))
    return wire


def take_off(wire, vlan):
    """The next frame without its tag, which the kernel hands over beside it; nothing for others."""
    frame, about, _, address = wire.recvmsg(65535, 64)
    status, _, _, _, _, tag, _ = AUXDATA.unpack_from(about[0][2])
    is_ours = status & TAG_IS_VALID and tag & ID_BITS == vlan and address[2] != PACKET_OUTGOING
    return frame if is_ours else None


def main():
    device, parent, vlan = sys.argv[1], sys.argv[2], int(sys.argv[3])
    tap, wire = open_tap(device), open_wire(parent)
    tag = struct.pack("!HH", ETH_VLAN, vlan)
    selector = selectors.DefaultSelector()
    selector.register(tap, selectors.EVENT_READ)
    selector.register(wire, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            try:
                if key.fileobj is wire:
                    frame = take_off(wire, vlan)
                    if frame:
                        os.write(tap, frame)
                else:
                    frame = os.read(tap, 65535)
                    wire.send(frame[:ADDRESS_BYTES] + tag + frame[ADDRESS_BYTES:])
            except OSError:
                if not os.path.exists(f"/sys/class/net/{device}"):
                    return  # deleted; else down, or too large


if __name__ == "__main__":
    main()
