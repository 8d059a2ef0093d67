# SPDX-License-Identifier: BSD-3-Clause
"""Checks that run clang or the compiler of the configured build."""

import hashlib
import json
import os
import shlex
import subprocess

from tree import in_parallel


def clang_format(tree):
    """Every C++ file is as clang-format 14 would write it."""
    def check(name):
        done = subprocess.run(["clang-format-14", "--dry-run", "--Werror", name], cwd=tree.root,
                              capture_output=True, text=True, check=False)
        first = done.stderr.splitlines()[:1]
        return [f"{first[0]} (clang-format-14 -i {name})"] if done.returncode != 0 else []
    return in_parallel(check, tree.cpp())


def _compile_commands(tree):
    path = tree.build / "compile_commands.json"
    if not path.exists():
        return None
    return json.loads(path.read_text(encoding="utf-8"))


def _flags(entry):
    """Include paths, defines and language options of one compile command."""
    words = shlex.split(entry["command"])
    kept, skip = [], False
    for word, following in zip(words, words[1:] + [""]):
        if skip:
            skip = False
        elif word in ("-include", "-isystem", "-I"):
            kept += [word, following]
            skip = True
        elif word.startswith(("-I", "-isystem", "-D", "-std", "-m", "-W", "-f", "-pthread")):
            kept.append(word)
    return kept


def _flags_by_folder(tree, commands):
    """The flags of the source nearest to a folder serve the headers there."""
    flags = {}
    for entry in commands:
        source = os.path.relpath(os.path.join(entry["directory"], entry["file"]), tree.root)
        flags.setdefault(os.path.dirname(source), _flags(entry))
    return flags


def _nearest(flags, name):
    folder = os.path.dirname(name)
    while folder not in flags and folder:
        folder = os.path.dirname(folder)
    if folder in flags:
        return flags[folder]
    top = name.split("/")[0]
    return next((f for path, f in sorted(flags.items()) if path.startswith(top)),
                next(iter(flags.values())))


class _Cache:
    """Remembers which header compiled, by the text of every header and its flags."""

    def __init__(self, tree):
        self.path = tree.build / "lint-headers.json"
        everything = hashlib.sha256()
        for name in tree.named(".h"):
            everything.update(tree.text(name).encode())
        self.state = everything.hexdigest()
        self.good = set()
        if self.path.exists():
            saved = json.loads(self.path.read_text(encoding="utf-8"))
            if saved["state"] == self.state:
                self.good = set(saved["good"])

    def save(self):
        self.path.write_text(json.dumps({"state": self.state, "good": sorted(self.good)}),
                             encoding="utf-8")


def headers_alone(tree):
    """Every header compiles as the only include of a file."""
    commands = _compile_commands(tree)
    if not commands:
        return [f"{tree.build}: not configured; run meson setup {tree.build} first"]
    flags = _flags_by_folder(tree, commands)
    cache = _Cache(tree)

    def check(name):
        if name in cache.good:
            return []
        command = ["g++", "-fsyntax-only", "-x", "c++", *_nearest(flags, name),
                   "-fdiagnostics-color=never", "-I", str(tree.root), "-"]
        done = subprocess.run(command, cwd=tree.build, input=f'#include "{name}"\n',
                              capture_output=True, text=True, check=False)
        if done.returncode == 0:
            cache.good.add(name)
            return []
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        return [f"{name}: does not compile alone: {(errors or ['?'])[0]}"]
    problems = in_parallel(check, tree.named(".h"))
    cache.save()
    return problems


def clang_tidy(tree):
    """bugprone, analyzer and performance checks of .clang-tidy over every source."""
    commands = _compile_commands(tree)
    if not commands:
        return [f"{tree.build}: not configured; run meson setup {tree.build} first"]
    sources = sorted({os.path.join(entry["directory"], entry["file"]) for entry in commands})

    def check(source):
        done = subprocess.run(["clang-tidy-14", "--quiet", "-p", str(tree.build), source],
                              cwd=tree.root, capture_output=True, text=True, check=False)
        return [line.replace(f"{tree.root}/", "") for line in done.stdout.splitlines()
                if "warning:" in line or "error:" in line]
    return sorted(set(in_parallel(check, sources)))
