# SPDX-License-Identifier: BSD-3-Clause
"""Configures and builds with meson; an existing build folder is used again."""

import os
import shutil

from steps import ROOT

# Line numbers are all a sanitizer's report needs of -g, whose rest is a quarter of the build's time.
SANITIZER_OPTIONS = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Db_ndebug=false",
                     "-Doptimization=1", "-Ddebug=false", "-Dcpp_args=-g1"]


def compiler_env(cc="gcc", cxx="g++"):
    ccache = "ccache " if shutil.which("ccache") else ""
    return {**os.environ, "CC": ccache + cc, "CXX": ccache + cxx}


def configure(steps, folder, options=(), cc="gcc", cxx="g++"):
    """`meson setup` the first time, later only what changed in the build files."""
    folder = ROOT / folder
    if (folder / "build.ninja").exists():
        steps.run(["ninja", "-C", folder, "build.ninja"])
        return
    steps.run(["meson", "setup", *options, folder, ROOT], env=compiler_env(cc, cxx))


def compile_targets(steps, folder, targets=()):
    """Builds the targets, or everything."""
    steps.run(["ninja", "-C", ROOT / folder, *targets])
