# SPDX-License-Identifier: BSD-3-Clause
"""Installs what is missing of tools/packages.txt; asks apt nothing when nothing is missing."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from steps import ROOT, StepFailed

PACKAGE_LIST = ROOT / "tools" / "packages.txt"
POLICY = Path("/usr/sbin/policy-rc.d")
# With its marker the file is known as ours, also when a killed run left it.
POLICY_MARKER = "# of sluice's tools/lab/packages.py; safe to remove"


def wanted():
    lines = PACKAGE_LIST.read_text(encoding="utf-8").splitlines()
    return [name for name in (line.split("#")[0].strip() for line in lines) if name]


def missing():
    names = wanted()
    query = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
                           capture_output=True, text=True, check=False)
    installed = {line.split()[0] for line in query.stdout.splitlines()
                 if line.endswith(" installed")}
    return [name for name in names if name not in installed]


def remove_our_policy():
    """Removes the policy file if it is ours.  Returns whether somebody else's is there."""
    if not POLICY.exists():
        return False
    if POLICY_MARKER not in POLICY.read_text(encoding="utf-8", errors="replace"):
        return True
    POLICY.unlink()
    return False


@contextlib.contextmanager
def no_services_started():
    """Debian starts a service (nginx) when its package is installed; the lab runs its own."""
    if remove_our_policy():
        yield
        return
    POLICY.write_text(f"#!/bin/sh\n{POLICY_MARKER}\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        remove_our_policy()


def install(steps):
    """Installs what is missing.  Raises StepFailed."""
    remove_our_policy()
    names = missing()
    if not names:
        steps.note("nothing to install")
        return
    if not shutil.which("apt-get"):
        raise StepFailed(f"no apt-get here; install these yourself: {' '.join(names)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", *names]
    with no_services_started():
        has_lists = any(Path("/var/lib/apt/lists").glob("*_Packages*"))
        if not has_lists or steps.try_run(command, env=env) != 0:
            steps.run(["apt-get", "update"], env=env)
            steps.run(command, env=env)
    if "nginx" in names and shutil.which("systemctl"):
        steps.try_run(["systemctl", "disable", "--now", "nginx"])
    steps.note(f"{len(names)} installed")
