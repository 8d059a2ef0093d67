# SPDX-License-Identifier: BSD-3-Clause
"""Checks that only read text."""

import ast
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tree import in_parallel

SPDX = "SPDX-License-Identifier: BSD-3-Clause"
MAX_FILE_LINES = 400
# Spelled apart so that this file does not find itself.
# A word of exactly three X is a note to self; more of them are a template of mkdtemp(3).
LEFTOVER = re.compile("|".join(["TO" + "DO", "FIX" + "ME", r"\b" + "X" * 3 + r"\b",
                                "<" * 7 + " "]))
NO_README = {".ci", "conf/examples"}


def spdx(tree):
    """The licence is on line 1, or on line 2 below a #! line."""
    problems = []
    for name in {*tree.cpp(), *tree.scripts("bash"), *tree.scripts("python3")}:
        if not any(SPDX in line for line in tree.lines(name)[:2]):
            problems.append(f"{name}:1: must start with {SPDX}")
    return sorted(problems)


def purpose(tree):
    """Line 2 of a C++ file says what the file is for."""
    return [f"{name}:2: must say in one sentence what the file is for"
            for name in tree.cpp() if not (tree.lines(name) + ["", ""])[1].startswith("// ")]


def leftovers(tree):
    return [f"{name}:{number}: unfinished: {line.strip()[:80]}"
            for name in tree.files if not name.startswith("tests/fuzz/corpus")
            for number, line in enumerate(tree.lines(name), start=1) if LEFTOVER.search(line)]


def file_length(tree):
    names = [*tree.cpp(), *tree.scripts("python3"), *tree.scripts("bash")]
    counted = [(name, len(tree.lines(name))) for name in names]
    return [f"{name}: {count} lines; split it, the limit is {MAX_FILE_LINES}"
            for name, count in counted if count > MAX_FILE_LINES]


def readme_in_folders(tree):
    """Every top folder has a README.md; it names each folder below, or that has its own."""
    def is_described(folder):
        if f"{folder}/README.md" in tree.files or folder in NO_README:
            return True
        top, _, below = folder.partition("/")
        readme = f"{top}/README.md"
        return bool(below) and readme in tree.files and f"`{below}/" in tree.text(readme)

    folders = {"/".join(name.split("/")[:depth]) for name in tree.files
               for depth in (1, 2) if len(name.split("/")) > depth}
    return [f"{folder}: has no README.md and is not in that of the folder above"
            for folder in sorted(folders) if not is_described(folder)]


def links(tree):
    """Relative links of Markdown files lead to files of the project."""
    problems = []
    for name in tree.named(".md"):
        folder = (tree.root / name).parent
        for number, line in enumerate(tree.lines(name), start=1):
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                path = target.split("#")[0]
                if path and "://" not in target and not (folder / path).exists():
                    problems.append(f"{name}:{number}: {target}: no such file")
    return problems


def shell(tree):
    def check(name):
        command = ["shellcheck", "-x", "-P", str(tree.root), "-s", "bash", name]
        done = subprocess.run(command, cwd=tree.root, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).splitlines() if done.returncode != 0 else []
    return in_parallel(check, tree.scripts("bash"))


def python(tree):
    problems = []
    for name in tree.scripts("python3"):
        try:
            ast.parse(tree.text(name), name)
        except SyntaxError as error:
            problems.append(f"{name}:{error.lineno}: {error.msg}")
    return problems


def systemd_units(tree):
    """Units as systemd reads them, where it is installed: unknown keys and bad values."""
    if not shutil.which("systemd-analyze"):
        return []
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for name in tree.named(".service"):
            # The programs named need not be installed where this runs.
            unit = Path(folder, Path(name).name)
            unit.write_text(re.sub(r"^(Exec\w+=)\S+", r"\1/bin/true", tree.text(name), flags=re.M),
                            encoding="utf-8")
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                                  capture_output=True, text=True, check=False)
            problems += [f"{name}: {line.removeprefix(f'{unit}:')}" for line in
                         done.stderr.splitlines() if unit.name in line]
    return problems
