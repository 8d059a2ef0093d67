# SPDX-License-Identifier: BSD-3-Clause
"""Frames as bytes: capture on a device of a namespace, take apart, check sums, ask by ARP."""

import select
import socket
import struct
import time
from dataclasses import dataclass

import netns

ETH_ALL = 0x0003
ETH_IPV4 = 0x0800
ETH_ARP = 0x0806
PACKET_OUTGOING = 4
TCP, UDP = 6, 17
SOL_PACKET, PACKET_AUXDATA = 263, 8  # Linux
AUXDATA = struct.Struct("=IIIHHHH")  # tpacket_auxdata: status, lengths, offsets, VLAN tag and type
VLAN_ID_BITS = 0x0FFF


def ones_complement_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def is_sum_valid(data):
    """Data that carries its own checksum sums up to all ones (RFC 1071)."""
    return ones_complement_sum(data) == 0xFFFF


@dataclass
class Packet:
    """An IPv4 packet with TCP or UDP as it was on the wire."""
    source_mac: str
    source: str
    destination: str
    ttl: int
    protocol: int
    source_port: int
    destination_port: int
    l4_checksum: int
    payload: bytes
    has_valid_ip_checksum: bool
    has_valid_l4_checksum: bool


def parse_ipv4(frame):
    """The frame as a Packet; nothing when it is not TCP or UDP over IPv4."""
    if len(frame) < 34 or struct.unpack_from("!H", frame, 12)[0] != ETH_IPV4:
        return None
    header_bytes = (frame[14] & 0x0F) * 4
    total_bytes = struct.unpack_from("!H", frame, 16)[0]
    header, l4 = frame[14:14 + header_bytes], frame[14 + header_bytes:14 + total_bytes]
    protocol = header[9]
    if protocol not in (TCP, UDP):
        return None
    pseudo = header[12:20] + struct.pack("!BBH", 0, protocol, len(l4))
    checksum = struct.unpack_from("!H", l4, 16 if protocol == TCP else 6)[0]
    ports = struct.unpack_from("!HH", l4)
    l4_header_bytes = (l4[12] >> 4) * 4 if protocol == TCP else 8
    return Packet(
        source_mac=frame[6:12].hex(":"), source=socket.inet_ntoa(header[12:16]),
        destination=socket.inet_ntoa(header[16:20]), ttl=header[8], protocol=protocol,
        source_port=ports[0], destination_port=ports[1], l4_checksum=checksum,
        payload=l4[l4_header_bytes:], has_valid_ip_checksum=is_sum_valid(header),
        has_valid_l4_checksum=is_sum_valid(pseudo + l4))


class Capture:
    """Receives what arrives at a device from now on (never what it sends)."""

    def __init__(self, namespace, device="eth0"):
        self.socket = netns.open_socket(namespace, socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind((device, ETH_ALL))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def frames(self, seconds):
        """Every frame that arrives within so many seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.socket], [], [], left)[0]:
                frame, address = self.socket.recvfrom(65535)
                if address[2] != PACKET_OUTGOING:
                    yield frame

    def vlans(self, seconds):
        """The VLAN of every frame, 0 without a tag: the kernel hands it over beside the frame."""
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        found = set()
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.socket], [], [], left)[0]:
                _, about, _, address = self.socket.recvmsg(65535, 64)
                if address[2] != PACKET_OUTGOING and about:
                    found.add(AUXDATA.unpack_from(about[0][2])[5] & VLAN_ID_BITS)
        return found

    def packets(self, seconds):
        """The TCP and UDP packets among the frames."""
        return [packet for packet in map(parse_ipv4, self.frames(seconds)) if packet]


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def ask_arp(namespace, own_mac, own_address, wanted, seconds=1.0):
    """Broadcasts "who has `wanted`?" and returns the MAC of every answer."""
    own = mac_bytes(own_mac)
    request = b"\xff" * 6 + own + struct.pack("!HHHBBH", ETH_ARP, 1, ETH_IPV4, 6, 4, 1) + own + \
        socket.inet_aton(own_address) + b"\0" * 6 + socket.inet_aton(wanted)
    with Capture(namespace) as capture:
        capture.socket.send(request)
        return [frame[22:28].hex(":") for frame in capture.frames(seconds)
                if struct.unpack_from("!H", frame, 12)[0] == ETH_ARP
                and struct.unpack_from("!H", frame, 20)[0] == 2
                and frame[28:32] == socket.inet_aton(wanted)]
