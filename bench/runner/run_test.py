# SPDX-License-Identifier: BSD-3-Clause
"""Smoke test of bench/run: its JSON has its shape and packets were forwarded. Asserts no time."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

RUN = Path(__file__).resolve().parents[1] / "run"
REPLAY = Path(sys.argv.pop())


class QuickRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "result.json"
            done = subprocess.run(
                ["/usr/bin/python3", "-B", RUN, "--quick", "--replay", REPLAY, "--json", result],
                capture_output=True, text=True, check=False, timeout=100)
            assert done.returncode == 0, done.stderr
            cls.table = done.stdout
            cls.result = json.loads(result.read_text(encoding="utf-8"))

    def test_names_machine_versions_and_method(self):
        self.assertTrue(self.result["quick"])
        self.assertGreaterEqual(self.result["machine"]["cpus"], 1)
        self.assertEqual({"sluice", "dpdk", "compiler"}, set(self.result["versions"]))
        self.assertEqual(1, self.result["method"]["turns"])

    def test_measures_live_and_new_sessions_of_both_protocols(self):
        rows = [(row["protocol"], row["sessions"], row["load"])
                for row in self.result["measurements"]]
        self.assertEqual([(protocol, sessions, "both directions")
                          for protocol in ("udp", "tcp") for sessions in (1, 1024)] +
                         [(protocol, 65536, "new sessions") for protocol in ("udp", "tcp")], rows)

    def test_forwarded_packets_in_every_row(self):
        for row in self.result["measurements"]:
            self.assertGreaterEqual(row["packets"], row["sessions"])

    def test_puts_testpmd_beside_every_row(self):
        for row in self.result["measurements"]:
            for program in ("sluice", "testpmd_io"):
                self.assertEqual({"ns", "ns_lowest", "ns_highest", "mpps"}, set(row[program]))
                self.assertGreater(row[program]["ns"], 0)
            self.assertAlmostEqual(row["ratio"], row["sluice"]["ns"] / row["testpmd_io"]["ns"])

    def test_prints_a_markdown_row_for_every_measurement(self):
        rows = [line for line in self.table.splitlines() if line.startswith("|")]
        self.assertEqual(2 + len(self.result["measurements"]), len(rows))


if __name__ == "__main__":
    unittest.main()
