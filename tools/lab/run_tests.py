# SPDX-License-Identifier: BSD-3-Clause
"""tools/test: installs, builds and runs the suites, and counts single test cases."""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import build
import packages
from junit import Tally, read_report
from steps import ROOT, StepFailed, Steps, bad, good

REPORTS = ROOT / "build" / "test-reports"
MESON_SUITES = ["unit", "pipeline", "fuzz", "bench"]
OPTIONAL_SUITES = ["fuzz"]
SUITES = ["lint", *MESON_SUITES, "sanitize", "e2e"]
QUICK_SUITES = ["lint", "unit", "pipeline"]
# Folder, compilers, suites. gcc takes twice as long as clang for unit tests with sanitizers, a
# quarter of the time of all suites.
SANITIZER_BUILDS = (("build-asan", ("gcc", "g++"), ("pipeline", "fuzz")),
                    ("build-clang", ("clang-14", "clang++-14"), ("unit", "pipeline", "fuzz")))

HELP = """\
Installs missing packages, builds, and runs the test suites. The last line is
"N passed, N failed, N skipped", counted in single test cases. Needs root and Debian 12.

suites:
  lint      format, include rules, headers compile alone, links, scripts
  unit      lib, dataplane, configuration, protocol
  pipeline  packet tables through the real worker
  fuzz      replay of the fuzz corpus (tests/fuzz, when there is one)
  bench     bench/run --quick: that it measures, not how fast
  sanitize  address and undefined sanitizers: pipeline and fuzz by gcc, with unit by clang
  e2e       real kernel peers in network namespaces
"""

EXAMPLES = """\
examples:
  sudo ./tools/test                          everything
  sudo ./tools/test --quick                  lint, unit and pipeline
  sudo ./tools/test --suite e2e -k arp       only e2e tests with "arp" in their name
  sudo ./tools/test --sanitize               only the sanitizer builds

exit status: 0 all passed, 1 something failed, 77 not root
"""


def suite_list(text):
    names = text.split(",")
    for name in names:
        if name not in SUITES:
            raise argparse.ArgumentTypeError(f"no suite {name}; there are: {', '.join(SUITES)}")
    return names


def parse_arguments():
    parser = argparse.ArgumentParser(prog="tools/test", description=HELP, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--suite", type=suite_list, metavar="A,B", help="run only these suites")
    choice.add_argument("--sanitize", action="store_true", help="same as --suite sanitize")
    choice.add_argument("--quick", action="store_true",
                        help=f"same as --suite {','.join(QUICK_SUITES)}")
    parser.add_argument("-k", metavar="WORDS", help="only e2e tests whose names match (pytest -k)")
    parser.add_argument("--tidy", action="store_true", help="clang-tidy in the lint suite (minutes)")
    return parser.parse_args()


def chosen_suites(options):
    if options.sanitize:
        return ["sanitize"]
    if options.quick:
        return QUICK_SUITES
    return options.suite or SUITES


def introspect(folder, what):
    return json.loads(subprocess.run(["meson", "introspect", what, str(ROOT / folder)],
                                     capture_output=True, text=True, check=True).stdout)


def tests_of(folder, suite):
    """Meson's entries for the tests of one suite."""
    return [test for test in introspect(folder, "--tests")
            if any(name.split(":")[-1] == suite for name in test["suite"])]


def build_targets(folder, tests):
    """Ninja's names of what the tests need, so that a suite builds nothing else."""
    files = {target["id"]: target["filename"] for target in introspect(folder, "--targets")}
    prefix = f"{ROOT / folder}/"
    return sorted({file.removeprefix(prefix)
                   for test in tests for target in test["depends"] for file in files[target]})


def run_meson_suite(steps, folder, suite, tally, label):
    """Builds and runs one suite."""
    tests = tests_of(folder, suite)
    if not tests and suite in OPTIONAL_SUITES:
        steps.note("no such tests here")
        return
    if not tests:
        raise StepFailed(f"{folder} has no tests of the suite {suite}")
    steps.run(["ninja", "-C", ROOT / folder, *build_targets(folder, tests)])
    log_base = f"sluice-{suite}"
    env = {**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}
    status = steps.try_run(["meson", "test", "-C", ROOT / folder, "--no-rebuild", "--suite", suite,
                            "--logbase", log_base, "--print-errorlogs", "--num-processes", "2",
                            "--timeout-multiplier", "4"], env=env)
    logs = ROOT / folder / "meson-logs"
    take_report(steps, tally, logs / f"{log_base}.junit.xml", label, logs / f"{log_base}.txt",
                status)


def run_lint(steps, tally, wants_tidy):
    report = REPORTS / "lint.xml"
    report.unlink(missing_ok=True)
    status = steps.try_run([ROOT / "tools/lint/lint", "--build", "build", "--junit", report,
                            *(["--tidy"] if wants_tidy else [])])
    take_report(steps, tally, report, "lint", steps.log_path, status)


def run_e2e(steps, tally, words):
    report = REPORTS / "e2e.xml"
    report.unlink(missing_ok=True)
    status = steps.try_run(["/usr/bin/python3", "-B", "-m", "pytest", ROOT / "tests/e2e", "-v",
                            "--junitxml", report, "-p", "no:cacheprovider",
                            *(["-k", words] if words else [])], cwd=ROOT)
    take_report(steps, tally, report, "e2e", steps.log_path, status)


def take_report(steps, tally, report, label, log, status):
    """Adds a suite's results; a suite that failed without a failed case is a failure too."""
    counted = read_report(report, label) if report.exists() else Tally()
    if status != 0 and not counted.failed:
        counted.failed.append((f"{label}: ended with status {status}", str(log)))
    if not counted.total():
        counted.failed.append((f"{label}: ran no test", str(log)))
    tally.add(counted)
    steps.note(counted.summary())
    if counted.failed:
        raise SuiteFailed(label)


class SuiteFailed(StepFailed):
    """Failed cases are in the tally; the other suites still run."""


def sanitizer_steps(tally):
    for folder, (cc, cxx), suites in SANITIZER_BUILDS:
        yield f"configure {folder}", lambda steps, folder=folder, cc=cc, cxx=cxx: build.configure(
            steps, folder, build.SANITIZER_OPTIONS, cc, cxx)
        for suite in suites:
            yield f"{suite}, sanitizers, {cc}", \
                lambda steps, folder=folder, suite=suite, cc=cc: run_meson_suite(
                    steps, folder, suite, tally, f"{suite} ({cc}, sanitizers)")


def plan(suites, tally, options):
    """(title, work, whether a failure ends the run) of every step."""
    yield "packages", packages.install, True
    yield "configure", lambda steps: build.configure(steps, "build"), True
    if "lint" in suites:
        yield "lint", lambda steps: run_lint(steps, tally, options.tidy), False
    for suite in MESON_SUITES:
        if suite in suites:
            yield suite, lambda steps, suite=suite: run_meson_suite(
                steps, "build", suite, tally, suite), False
    if "e2e" in suites:
        yield "build the rest", lambda steps: build.compile_targets(steps, "build"), False
        yield "e2e", lambda steps: run_e2e(steps, tally, options.k), False
    if "sanitize" in suites:
        for title, work in sanitizer_steps(tally):
            yield title, work, False


def run_steps(planned, tally, log_path):
    steps = Steps(len(planned), log_path)
    for title, work, ends_run in planned:
        try:
            with steps.step(title):
                work(steps)
        except SuiteFailed:
            continue
        except StepFailed as failure:
            tally.failed.append((f"{title}: {failure}", str(steps.log_path)))
            if ends_run:
                return


def print_result(tally):
    if tally.failed:
        print(bad("\nfailed:"))
        for name, log in tally.failed:
            first_line = re.sub(r"\s+", " ", name)
            print(f"  {first_line}\n      log: {log}")
    for name, reason in tally.skipped:
        print(f"skipped: {name}: {reason}")
    print(good("\nall good") if not tally.failed else "")
    print(tally.summary(), flush=True)


def main():
    options = parse_arguments()
    os.chdir(ROOT)
    REPORTS.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    planned = list(plan(chosen_suites(options), tally, options))
    try:
        run_steps(planned, tally, Path("build/test.log").absolute())
    except KeyboardInterrupt:
        tally.failed.append(("interrupted", "build/test.log"))
    print_result(tally)
    return 1 if tally.failed or not tally.total() else 0


if __name__ == "__main__":
    sys.exit(main())
