# SPDX-License-Identifier: BSD-3-Clause
"""A list of timed steps on the terminal, their full output in one log file."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TAIL_LINES = 25


class StepFailed(Exception):
    """A step could not do its work; the message is for the person at the terminal."""


def colour(text, code, stream=sys.stdout):
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{code}m{text}\033[0m"


def good(text):
    return colour(text, "32")


def bad(text):
    return colour(text, "31")


def dim(text):
    return colour(text, "2")


class Steps:
    """Prints "[ 1/6] packages ... ok (3.2 s)" and keeps what commands say in `log_path`."""

    def __init__(self, total, log_path):
        self.total = total
        self.log_path = Path(log_path)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self.log = open(self.log_path, "w", encoding="utf-8", errors="replace")
        self._number = 0
        self._note = ""

    @contextlib.contextmanager
    def step(self, title):
        """Runs the body as the next step; StepFailed inside is reported with the log's end."""
        self._number += 1
        self._note = ""
        self.log.write(f"\n=== {title}\n")
        self.log.flush()
        print(f"[{self._number:2}/{self.total}] {title} ... ", end="", flush=True)
        begin = time.monotonic()
        try:
            yield
        except StepFailed as failure:
            print(f"{bad('FAILED')} ({time.monotonic() - begin:.1f} s)")
            self._report(failure)
            raise
        except BaseException:
            print(bad("interrupted"))
            raise
        note = dim(f"  {self._note}") if self._note else ""
        print(f"{good('ok')} ({time.monotonic() - begin:.1f} s){note}", flush=True)

    def note(self, text):
        """A few words behind the current step's "ok"."""
        self._note = text

    def run(self, command, **kwargs):
        """Runs a command, output to the log.  Raises StepFailed when it fails."""
        if self.try_run(command, **kwargs) != 0:
            raise StepFailed(f"`{' '.join(map(str, command))}` failed")

    def try_run(self, command, **kwargs):
        """Runs a command, output to the log.  Returns its exit status."""
        command = [str(word) for word in command]
        self.log.write(f"$ {' '.join(command)}\n")
        self.log.flush()
        try:
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                  stderr=subprocess.STDOUT, check=False, **kwargs).returncode
        except FileNotFoundError as error:
            raise StepFailed(f"{error.filename}: not installed") from error

    def _report(self, failure):
        self.log.flush()
        print(f"\n{failure}\n")
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines[-TAIL_LINES:]:
            print(f"    {line}")
        print(f"\nfull log: {self.log_path}", flush=True)
