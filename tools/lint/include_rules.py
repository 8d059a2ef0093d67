# SPDX-License-Identifier: BSD-3-Clause
"""Who may include whom: the table of the architecture, and who alone may use a library."""

import re

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# A layer may include itself and the layers named here. The longest matching path counts.
LAYERS = {
    "lib/base": [],
    "lib/net": ["lib/base"],
    "lib/table": ["lib/base", "lib/net"],
    "lib/sched": ["lib/base", "lib/net"],
    "lib/snapshot": ["lib"],
    "dataplane": ["lib"],
    "control": ["lib", "dataplane"],
    # The command line speaks the control protocol and may share its types with the server.
    "tools": ["lib/base", "control/server"],
    "tests": ["lib", "dataplane", "control", "tools"],
    "bench": ["lib", "dataplane", "control", "tests"],
}

# Only these may include a header: (pattern of the header, pattern of files, why).
OWNERS = [
    (r"yaml-cpp/.*", r"control/config/yaml_.*|tests/.*", "only the YAML reader and writer"),
    (r"boost/program_options.*", r".*options[^/]*|tests/.*", "only option files"),
    (r"rte_ethdev\.h", r"dataplane/(port|rss|worker|eal)[^/]*|dataplane/(stages/)?transmit[^/]*"
     r"|(tests|bench)/.*", "only port, rss, worker, transmit and eal"),
    (r"rte_eal\.h", r"dataplane/eal[^/]*|(tests|bench)/.*", "only eal"),
    (r"libmnl/.*|nftables/.*", r"control/kernel/.*|tests/.*", "only control/kernel"),
    (r"systemd/.*", r"control/[^/]*", "only the daemon's main"),
]


def includes(tree):
    """(file, line number, '<' or '\"', header) of every include."""
    for name in tree.cpp():
        for number, line in enumerate(tree.lines(name), start=1):
            found = INCLUDE.match(line)
            if found:
                yield name, number, found.group(1), found.group(2)


def _layer(path):
    matching = [layer for layer in LAYERS if path.startswith(layer + "/")]
    return max(matching, key=len, default=None)


def layers(tree):
    problems = []
    for name, number, kind, header in includes(tree):
        layer = _layer(name)
        if kind != '"' or layer is None:
            continue
        allowed = [layer, *LAYERS[layer]]
        if not any(header.startswith(prefix + "/") for prefix in allowed):
            problems.append(f"{name}:{number}: {layer} may not include {header};"
                            f" allowed: {', '.join(allowed)}")
    return problems


def owners(tree):
    problems = []
    for name, number, _, header in includes(tree):
        for pattern, files, why in OWNERS:
            if re.fullmatch(pattern, header) and not re.fullmatch(files, name):
                problems.append(f"{name}:{number}: {header}: {why} may include it")
    return problems


def from_root(tree):
    """Quoted includes name a file of the project from its root."""
    known = set(tree.files)
    return [f"{name}:{number}: \"{header}\" is no file counted from the root"
            for name, number, kind, header in includes(tree)
            if kind == '"' and header not in known]
