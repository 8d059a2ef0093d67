# SPDX-License-Identifier: BSD-3-Clause
"""The list of packages is installed without leaving anything behind on the machine."""

import packages
import pytest


@pytest.fixture
def policy(monkeypatch, tmp_path):
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    return packages.POLICY


def test_no_service_starts_while_packages_are_installed(policy):
    with packages.no_services_started():
        assert "exit 101" in policy.read_text(encoding="utf-8") and policy.stat().st_mode & 0o111
    assert not policy.exists()


def test_what_a_killed_installation_left_is_removed_by_the_next(policy):
    killed = packages.no_services_started()
    killed.__enter__()  # never left, as after SIGKILL
    assert policy.exists()
    with packages.no_services_started():
        assert policy.exists()
    assert not policy.exists()


def test_the_policy_of_somebody_else_is_kept(policy):
    policy.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    with packages.no_services_started():
        pass
    assert policy.read_text(encoding="utf-8") == "#!/bin/sh\nexit 0\n"
