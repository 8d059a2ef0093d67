# SPDX-License-Identifier: BSD-3-Clause
"""The rows of the table and how one is measured."""

import json
import subprocess
from dataclasses import dataclass

from steps import StepFailed
from testpmd import Testpmd

SESSIONS = ["1", "1k", "64k", "1M"]
TIMEOUT_S = 600


@dataclass(frozen=True)
class Method:
    repeats: int   # turns: a process each of sluice-replay and testpmd
    rounds: int    # timed rounds of each process
    round_ms: int
    cpu: int       # of the forwarding thread
    main_cpu: int


@dataclass(frozen=True)
class Row:
    protocol: str
    sessions: str
    is_new: bool = False  # every packet opens a session

    def title(self):
        what = "new sessions" if self.is_new else "sessions, both directions"
        return f"{self.protocol} {self.sessions} {what}"


def plan(protocols, sessions, new_sessions):
    return [Row(protocol, count) for protocol in protocols for count in sessions] + \
        [Row(protocol, new_sessions, is_new=True) for protocol in protocols]


def full_plan(sessions, only):
    return plan([only] if only else ["udp", "tcp"], sessions or SESSIONS, "1M")


def quick_plan(sessions, only):
    return plan([only] if only else ["udp", "tcp"], sessions or ["1", "1k"], "64k")


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def run_replay(replay, row, method, pcap):
    """One process of sluice-replay; leaves its packets in `pcap`."""
    command = [replay, "--protocol", row.protocol, "--sessions", row.sessions, "--pcap", pcap,
               "--cpu", method.cpu, "--rounds", method.rounds, "--round-ms", method.round_ms,
               *(["--new-sessions"] if row.is_new else [])]
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, check=False,
                          capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode != 0:
        raise StepFailed(done.stderr.strip() or f"sluice-replay ended with {done.returncode}")
    return json.loads(done.stdout)


def run_testpmd(said, method, pcap):
    with Testpmd(pcap, said["file_packets"], said["memory_pages"], method) as testpmd:
        testpmd.measure(method.round_ms / 1e3)  # warms up
        return [testpmd.measure(method.round_ms / 1e3) for _ in range(method.rounds)]


def figures(medians, lowest, highest):
    ns = median(medians)
    return {"ns": ns, "ns_lowest": lowest, "ns_highest": highest, "mpps": 1e3 / ns}


def measure(row, method, replay, folder):
    """One row of the result: both programs in turns."""
    pcap = folder / "packets.pcap"
    workers, devices = [], []
    for _ in range(method.repeats):
        said = run_replay(replay, row, method, pcap)
        workers.append(said["worker"])
        devices.append(run_testpmd(said, method, pcap))
    pcap.unlink()
    worker = figures([w["ns"] for w in workers], min(w["ns_lowest"] for w in workers),
                     max(w["ns_highest"] for w in workers))
    device = figures([median(d) for d in devices], min(map(min, devices)), max(map(max, devices)))
    pairs = [w["ns"] / median(d) for w, d in zip(workers, devices)]
    return {"protocol": row.protocol, "sessions": said["sessions"], "load": said["load"],
            "packets": said["packets"], "memory_pages": said["memory_pages"],
            "sluice": worker, "testpmd_io": device, "ratios": pairs, "ratio": median(pairs)}
