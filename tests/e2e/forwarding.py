# SPDX-License-Identifier: BSD-3-Clause
"""A world's services and servers in a forwarding mode."""

import contextlib

import real_server

TUNNELS = ("ipip", "gre", "gue")
TRANSLATED = ("full-nat", "nat")


def mode_word(mode):
    """As the configuration has it."""
    return "tunnel" if mode in TUNNELS else mode


@contextlib.contextmanager
def in_mode(world, mode):
    """Every service of the world in that mode, its servers prepared for it."""
    for service in world.config["services"]:
        service["mode"] = mode_word(mode)
        if service["mode"] == "tunnel":
            service["tunnel"] = mode
    world.write_config()
    world.director.ctl("reload")
    howto = real_server.howto(world.director)
    with contextlib.ExitStack() as undo:
        for server in world.lab.servers:
            real_server.set_up(server, howto[world.address_of(server)]["commands"], undo)
        yield
