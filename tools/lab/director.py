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

    def start(self, *options, timeout=30):
        """Starts the daemon and returns once it is ready.  Raises NotReady with its log's end."""
        self.control_socket.parent.mkdir(parents=True, exist_ok=True)
        notify_path = self.log_path.with_suffix(".notify")
        notify_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, \
                open(self.log_path, "ab") as log:
            notify.bind(str(notify_path))
            self.process = subprocess.Popen(
                self.command(*options), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "NOTIFY_SOCKET": str(notify_path)})
            self._wait_ready(notify, time.monotonic() + timeout)
        notify_path.unlink()

    def _wait_ready(self, notify, deadline):
        notify.settimeout(0.1)
        while time.monotonic() < deadline:
            try:
                if b"READY=1" in notify.recv(4096).split(b"\n"):
                    return
            except socket.timeout:
                pass
            if self.process.poll() is not None:
                raise NotReady(f"sluiced ended with status {self.process.returncode} at start:"
                               f"\n{self.log_tail()}")
        raise NotReady(f"sluiced was not ready in time:\n{self.log_tail()}")

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
