# SPDX-License-Identifier: BSD-3-Clause
"""Files through the director, compared by SHA-256."""

import contextlib
import hashlib

import netns


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def served(servers, path):
    """Each of the servers has the file, by its name."""
    links = [server.folder / "www" / path.name for server in servers]
    for link in links:
        link.symlink_to(path)
    try:
        yield
    finally:
        for link in links:
            link.unlink()


def _curl(world, client, *options):
    netns.run(*netns.inside(client or world.lab.client), "curl", "-sS", "--max-time", "60", *options,
              timeout=70)


def assert_download(world, path, folder, client=None, servers=None):
    """A client, by default the world's, gets the file from the web service, which has these servers,
    by default the world's."""
    got = folder / "got.bin"
    with served(servers or world.lab.servers, path):
        _curl(world, client, "-o", got, f"{world.url}{path.name}")
    assert sha256(got) == sha256(path)
    got.unlink()


def assert_upload(world, path, client=None, servers=None):
    """As assert_download(), the other way: one of the servers then has the file."""
    _curl(world, client, "-T", path, "-H", "Expect:", f"{world.url}upload/{path.name}")
    landed = [server.folder / "www" / "upload" / path.name for server in servers or world.lab.servers]
    landed = [copy for copy in landed if copy.exists()]
    assert [sha256(copy) for copy in landed] == [sha256(path)]
    landed[0].unlink()
