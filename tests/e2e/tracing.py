# SPDX-License-Identifier: BSD-3-Clause
"""traceroute from the client."""

ATTEMPTS = 4


def hops(world, *options):
    """What stands behind each hop of a traceroute to the VIP, as words: the address, the time.

    On two CPUs an ICMP error may come while the one before is read; that leaves an error pending
    that nobody can fetch, and traceroute waits for it instead of reading the answers. Such a run,
    which begins with an answer and has no other, is repeated.
    """
    for _ in range(ATTEMPTS):
        said = world.lab.in_client("traceroute", "-n", "-q", "1", "-w", "2", "-m", "5", *options,
                                   world.vip).stdout
        found = [line.split()[1:] for line in said.splitlines()[1:]]
        if found[1:] != [["*"]] * 4:
            break
    return found


def addresses_of(found):
    assert all("ms" in hop[-1] for hop in found), f"an answer has a remark or is missing: {found}"
    return [hop[0] for hop in found]
