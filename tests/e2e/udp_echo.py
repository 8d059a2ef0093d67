# SPDX-License-Identifier: BSD-3-Clause
"""A UDP echo service on every real server, in threads of the test."""

import contextlib
import socket
import threading

import netns


class UdpEcho:
    """Answers each datagram with itself and remembers who asked which server.

    It listens at the servers' own addresses, or at the VIP they hold in direct routing and tunnels.
    """

    def __init__(self, lab, port, answer_from=None, version=4):
        self.peers = {}  # server name -> set of (address, port)
        family = {4: socket.AF_INET, 6: socket.AF_INET6}[version]
        self._sockets = []
        for server in lab.servers:
            listener = netns.open_socket(server.namespace, family, socket.SOCK_DGRAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            own = server.address if version == 4 else server.address6
            listener.bind((answer_from or own, port))
            self.peers[server.name] = set()
            self._sockets.append(listener)
            threading.Thread(target=self._serve, args=(listener, self.peers[server.name]),
                             daemon=True).start()

    @staticmethod
    def _serve(listener, peers):
        with contextlib.suppress(OSError):  # closed
            while True:
                data, peer = listener.recvfrom(65535)
                if not peer:  # shut down: the test is over
                    return
                peers.add(peer[:2])
                listener.sendto(data, peer)

    def all_peers(self):
        """(server name, (address, port)): a local port may serve once toward each server."""
        return {(name, peer) for name, peers in self.peers.items() for peer in list(peers)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for listener in self._sockets:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
