# SPDX-License-Identifier: BSD-3-Clause
"""The lab turned round for source NAT: the first two servers are inside hosts behind the director,
the client is an outside host with a web server."""

import contextlib

import netns
from lab import RealServer, ipv6_of

PUBLIC = ["198.51.100.90", "198.51.100.91"]
POOL = "public"
INSIDE = ["10.0.0.0/24", "2001:db8:2::/64"]


def public_addresses(version):
    return PUBLIC if version == 4 else [ipv6_of(address) for address in PUBLIC]


def add_rule(config, name="inside", **more):
    """Inside hosts of either IP version share two public addresses of it."""
    if not any(pool["name"] == POOL for pool in config["local_pools"]):
        config["local_pools"].append({"name": POOL, "port": config["ports"][0]["name"],
                                      "addresses": public_addresses(4) + public_addresses(6)})
    config.setdefault("snat", []).append(
        {"name": name, "inside": list(INSIDE), "local_pool": POOL, **more})


def inside_hosts(lab):
    return lab.servers[:2]


def gateway_commands(config):
    """What makes a host on the director's last port an inside host, one command a version."""
    own = [str(prefix).split("/", maxsplit=1)[0] for prefix in config["ports"][-1]["addresses"]]
    return [f"ip {'-6 ' if ':' in address else ''}route replace default via {address}"
            for address in own]


def use_gateway(host, config):
    for command in gateway_commands(config):
        netns.run(*netns.inside(host.namespace), *command.split())


def leave_gateway(host, config):
    for command in gateway_commands(config):
        netns.run(*netns.inside(host.namespace), *command.replace("replace", "del").split(),
                  check=False)


def start_outside_web(lab):
    """A web server on the client, as a RealServer; it ends with the lab."""
    folder = lab.state / "outside"
    folder.mkdir(exist_ok=True)
    outside = RealServer("outside", lab.client, lab.client_address, lab.client_address6, folder)
    outside.start_nginx()
    return outside


@contextlib.contextmanager
def outside_web(lab):
    """The same while the body runs."""
    outside = start_outside_web(lab)
    try:
        yield outside
    finally:
        outside.process.terminate()
        outside.process.wait(timeout=10)
