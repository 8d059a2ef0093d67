# SPDX-License-Identifier: BSD-3-Clause
"""A running sluiced in the lab, and sluicectl to speak with it."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import netns


class NotReady(Exception):
    """The director ended or stayed silent instead of reporting that it is ready."""


class Director:
    """Starts sluiced in a namespace, waits for its ready notification, and ends it."""

    def __init__(self, namespace, build, config_path, control_socket, log_path):
        self.namespace = namespace
        self.daemon = Path(build) / "control" / "sluiced"
        self.cli = Path(build) / "tools" / "sluicectl" / "sluicectl"
        self.config_path = Path(config_path)
        self.control_socket = Path(control_socket)
        self.log_path = Path(log_path)
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def command(self, *options):
        return [*netns.inside(self.namespace), str(self.daemon), "--config",
                str(self.config_path), *options]

    def launch(self, *options):
        """Starts the daemon and returns the socket that hears what it notifies systemd of."""
        self.control_socket.parent.mkdir(parents=True, exist_ok=True)
        self._notify_path.unlink(missing_ok=True)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(self._notify_path))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(*options), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "NOTIFY_SOCKET": str(self._notify_path)})
        return notify

    def start(self, *options):
        """Starts the daemon and returns once it is ready.  Raises NotReady with its log's end."""
        with self.launch(*options) as notify:
            self.hear(notify, "READY=1")
        self._notify_path.unlink()

    @property
    def _notify_path(self):
        return self.log_path.with_suffix(".notify")

    def hear(self, notify, state, timeout=30):
        """Waits until the daemon notifies of `state`.  Raises NotReady with its log's end."""
        deadline = time.monotonic() + timeout
        notify.settimeout(0.1)
        while time.monotonic() < deadline:
            try:
                if state.encode() in notify.recv(4096).split(b"\n"):
                    return
            except socket.timeout:
                if self.process.poll() is not None:
                    raise NotReady(f"sluiced ended with status {self.process.returncode} before"
                                   f" {state}:\n{self.log_tail()}") from None
        raise NotReady(f"no {state} of sluiced in {timeout} s:\n{self.log_tail()}")

    def log_tail(self, lines=25):
        text = self.log_path.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, number=signal.SIGTERM, timeout=10):
        """Sends the signal and returns the exit status (negative: ended by that signal)."""
        if self.is_running():
            self.process.send_signal(number)
        return self.process.wait(timeout=timeout)

    def ctl_command(self, *words):
        return [str(self.cli), "--socket", str(self.control_socket), *words]

    def ctl(self, *words, check=True, timeout=30):
        """Runs sluicectl.  Raises CommandFailed unless check is off."""
        return netns.run(*self.ctl_command(*words), check=check, timeout=timeout)

    def ctl_json(self, *words):
        """What `sluicectl --json` says, as Python values."""
        return json.loads(self.ctl("--json", *words).stdout)
