# SPDX-License-Identifier: BSD-3-Clause
"""Counts the single test cases of JUnit reports, whoever wrote them (meson, pytest, lint)."""

from dataclasses import dataclass, field
from xml.etree import ElementTree


@dataclass
class Tally:
    passed: int = 0
    failed: list = field(default_factory=list)   # (name, log)
    skipped: list = field(default_factory=list)  # (name, reason)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def total(self):
        return self.passed + len(self.failed) + len(self.skipped)

    def summary(self):
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"


def read_report(path, label):
    """The cases of one report; `label` goes before the names of those that failed."""
    tally = Tally()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{label}: {case.get('classname') or ''} {case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            tally.failed.append((name, str(path)))
        elif skipped is not None:
            tally.skipped.append((name, skipped.get("message") or ""))
        elif case.get("status") == "notrun":
            tally.skipped.append((name, "disabled"))
        else:
            tally.passed += 1
    return tally
