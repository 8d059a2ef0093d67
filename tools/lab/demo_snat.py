# SPDX-License-Identifier: BSD-3-Clause
"""tools/demo --mode snat: two inside hosts fetch from an outside web server."""

import time

import inside_hosts
import netns
from lab import on_port
from steps import StepFailed, dim

REQUESTS = 3


def set_up(lab, config):
    """The inside hosts' gateway is the director. Returns what the show says about it."""
    for host in inside_hosts.inside_hosts(lab):
        inside_hosts.use_gateway(host, config)
    return [f"  {host.name}: {command}" for host in inside_hosts.inside_hosts(lab)
            for command in inside_hosts.gateway_commands(config)]


def _fetch(host, url):
    return netns.run(*netns.inside(host.namespace), "curl", "-sS", "--max-time", "5", "-w",
                     "%{local_port}", url, check=False)


def wait_for(lab, url, patience_seconds=10):
    """nginx of the outside host needs a moment to listen."""
    deadline = time.monotonic() + patience_seconds
    while _fetch(inside_hosts.inside_hosts(lab)[0], url).returncode != 0:
        if time.monotonic() > deadline:
            raise StepFailed(f"{url} does not answer inside hosts")
        time.sleep(0.1)


def fetch(lab, version):
    """What the outside web server saw: (host, its endpoint, the endpoint seen), in turn."""
    address = lab.client_address if version == 4 else lab.client_address6
    url = f"http://{on_port(address, 80)}/whoami"
    wait_for(lab, url)
    seen = []
    for _ in range(REQUESTS):
        for host in inside_hosts.inside_hosts(lab):
            done = _fetch(host, url)
            if done.returncode != 0:
                raise StepFailed(f"{host.name}: {url} failed: {done.stderr.strip()}")
            endpoint, port = done.stdout.split()
            own = host.address if version == 4 else host.address6
            seen.append((host.name, f"{own}:{port}", endpoint))
    if not all(endpoint.rsplit(":", 1)[0] in inside_hosts.public_addresses(version)
               for _, _, endpoint in seen):
        raise StepFailed(f"an inside address was seen outside: {seen}")
    return seen


def show(seen, told):
    print("\nsource NAT; set up on the inside hosts:")
    print("\n".join(told))
    print("\nwhat the outside web server saw:")
    for name, own, endpoint in seen:
        print(f"  {name}  {own:28} {dim('as')} {endpoint}")
