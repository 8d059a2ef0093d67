# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd in io mode over a replayed pcap file, one timed round after another."""

import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

from steps import StepFailed

PROMPT = b"testpmd> "
TOTAL = re.compile(rb"Accumulated forward statistics.*?RX-packets: (\d+) .*?TX-packets: (\d+) .*?\+{70}",
                   re.DOTALL)
START_TIMEOUT_S = 120
# Fixed memory, as sluice-replay: a packet's buffer with its headers, and the rest of a small EAL.
BUFFER_BYTES, EAL_MB, IN_FLIGHT = 256, 128, 4096


class Testpmd:
    """Use as a context manager: the process lives that long."""

    def __init__(self, pcap, packets, pages, method):
        if not shutil.which("dpdk-testpmd"):
            raise StepFailed("dpdk-testpmd is not installed: apt install dpdk-dev")
        megabytes = EAL_MB + (packets + IN_FLIGHT) * 2 * BUFFER_BYTES // 2**20
        memory = ["--in-memory"] if pages == "2 MiB" else ["--no-huge", "--no-shconf"]
        self._command = [
            "stdbuf", "-oL", "dpdk-testpmd", "--no-pci", "--no-telemetry", *memory,
            "-m", str(megabytes), "--lcores", f"0@{method.main_cpu},1@{method.cpu}",
            "--vdev", f"net_pcap0,rx_pcap={pcap},infinite_rx=1", "--",
            "--interactive", "--forward-mode=io", "--burst=32", "--nb-cores=1", "--no-flush-rx",
            f"--total-num-mbufs={packets + IN_FLIGHT}", f"--mbuf-size={BUFFER_BYTES}"]
        self._process = None
        self._said = b""

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            self._read_until(lambda: PROMPT in self._said, START_TIMEOUT_S)
        except StepFailed:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.kill()  # nothing of an --in-memory EAL stays behind
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def measure(self, seconds):
        """Nanoseconds of CPU time a packet over about `seconds`.  Raises StepFailed."""
        before = self._forwarding_ns()
        self._send("start")
        time.sleep(seconds)
        self._said = b""
        self._send("stop")
        self._read_until(lambda: TOTAL.search(self._said), 10)
        # The statistics come after the forwarding thread has gone to sleep.
        used = self._forwarding_ns() - before
        received, sent = map(int, TOTAL.search(self._said).groups())
        if received == 0 or sent != received:
            raise StepFailed(f"dpdk-testpmd received {received} packets and sent {sent}")
        return used / received

    def _forwarding_ns(self):
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            if "worker-1" in (task / "comm").read_text(encoding="utf-8"):
                return int((task / "schedstat").read_text(encoding="utf-8").split()[0])
        raise StepFailed("dpdk-testpmd has no forwarding thread")

    def _send(self, line):
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def _read_until(self, is_done, timeout_s):
        output = self._process.stdout.fileno()
        deadline = time.monotonic() + timeout_s
        while not is_done():
            ready, _, _ = select.select([output], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(output, 65536) if ready else b""
            if not chunk:
                last = self._said.decode(errors="replace").strip().splitlines()[-5:]
                raise StepFailed("dpdk-testpmd ended or hangs; it said: " + " / ".join(last))
            self._said += chunk
