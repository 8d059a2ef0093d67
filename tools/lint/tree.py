# SPDX-License-Identifier: BSD-3-Clause
"""The files that belong to the project: what git knows or would add."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Tree:
    def __init__(self, build):
        self.root = ROOT
        self.build = (ROOT / build).resolve()
        listed = subprocess.run(
            ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others",
             "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True).stdout.decode()
        self.files = sorted(name for name in set(listed.split("\0"))
                            if name and (ROOT / name).is_file())

    def named(self, *endings):
        return [name for name in self.files if name.endswith(endings)]

    def cpp(self):
        return self.named(".h", ".cc")

    def text(self, name):
        return (ROOT / name).read_text(encoding="utf-8", errors="replace")

    def lines(self, name):
        return self.text(name).splitlines()

    def first_line(self, name):
        with open(ROOT / name, "rb") as file:
            return file.readline(200).decode("utf-8", errors="replace").rstrip("\n")

    def scripts(self, interpreter):
        """Files that are run by an interpreter, by name or by their first line."""
        ending = {"bash": ".sh", "python3": ".py"}[interpreter]
        return [name for name in self.files
                if name.endswith(ending)
                or ("." not in os.path.basename(name) or name.startswith(".ci/"))
                and self.first_line(name).startswith("#!")
                and interpreter in self.first_line(name)]


def in_parallel(work, items):
    """Problems of all items, in the items' order, using every core."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for problems in pool.map(work, items) for problem in problems]
