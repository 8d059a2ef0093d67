# SPDX-License-Identifier: BSD-3-Clause
"""tools/demo: real clients reach real web servers through the director, in one command."""

import argparse
import collections
import contextlib
import os
import signal
import subprocess
import sys
import time

import build
import demo_snat
import inside_hosts
import lab as labs
import netns
import packages
import real_server
from director import Director, NotReady
from steps import ROOT, StepFailed, Steps, bad, dim, good

PREFIX = "sluice"
MODES = {"full-nat": "full-nat", "nat": "nat", "dr": "dr", "tun": "tunnel",  # in the configuration
         "snat": None}
MIN_REQUESTS = 12
MAX_REQUESTS = 60
BUILD = ROOT / "build"

HELP = """\
Lays out a lab of network namespaces (a client, a director, three real servers with nginx),
starts sluiced in it, sets the real servers up for the forwarding mode, fetches the virtual
address until each server has answered, shows what the director says about it, and cleans up.
Needs root and Debian 12; installs what is missing.

forwarding modes:
  full-nat  the director translates both ends; real servers need no set-up (default)
  nat       the director translates the server's end and is the servers' gateway
  dr        direct routing: only the MAC changes; servers hold the VIP and answer clients themselves
  tun       packets travel in IPIP; servers unwrap them, hold the VIP and answer clients themselves
  snat      the other way round: inside hosts reach an outside web server by public addresses
"""

EXAMPLES = """\
examples:
  sudo ./tools/demo             the whole show, nothing left behind
  sudo ./tools/demo --keep      leave the lab running and print what to try
  sudo ./tools/demo --mode dr   direct routing, with the set-up that each real server gets
  sudo ./tools/demo --ipv6      an IPv6 client, virtual address and servers, in any mode
  sudo ./tools/demo down        remove the lab, also after a crash

exit status: 0 each server answered, 1 something failed (the log is named), 77 not root
"""


def parse_arguments():
    parser = argparse.ArgumentParser(prog="tools/demo", description=HELP, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", choices=["up", "down"], default="up",
                        help="up: run the demo (default); down: remove the lab")
    parser.add_argument("--keep", action="store_true",
                        help="leave the lab running and print commands to play with")
    parser.add_argument("--one-arm", action="store_true",
                        help="one network for clients and servers (conf/lab-one-arm.yaml);"
                        " dr and tun always have it")
    parser.add_argument("--mode", choices=MODES, default="full-nat",
                        help="how packets reach the real servers")
    parser.add_argument("--ipv6", action="store_true",
                        help="client, virtual addresses and real servers speak IPv6")
    options = parser.parse_args()
    if options.one_arm and options.mode == "snat":
        parser.error("--mode snat needs two networks: inside and outside")
    if options.one_arm and options.mode == "nat":
        parser.error("--mode nat needs two networks: on one, servers would answer clients past"
                     " the director")
    # Servers that answer clients themselves need a way to them.
    options.one_arm = options.one_arm or options.mode in ("dr", "tun")
    return options


def read_config(path, mode, version):
    """The lab's configuration with every service in that mode and of that IP version."""
    import yaml  # a package this program installs, so not importable before it ran
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    if mode == "snat":
        inside_hosts.add_rule(config)
    elif mode != "full-nat":
        for service in config["services"]:
            service["mode"] = MODES[mode]
    labs.speak(config, version, version)
    return config


def write_config(config, path):
    import yaml
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def vip_url(config):
    """The first TCP service as a URL."""
    service = next(s for s in config["services"] if s["protocol"] == "tcp")
    return f"http://{labs.on_port(service['vip'], service['port'])}/"


def make_director(lab, config, config_path):
    return Director(lab.director, BUILD, config_path, config["director"]["control_socket"]["path"],
                    lab.state / "sluiced.log")


def fetch_until_all_answered(lab, url):
    """Counts who answered.  Raises StepFailed when a request fails or a server stays silent."""
    answers = collections.Counter()
    names = {server.name for server in lab.servers}
    for number in range(1, MAX_REQUESTS + 1):
        done = lab.in_client("curl", "-sS", "--max-time", "5", url, check=False)
        if done.returncode != 0:
            raise StepFailed(f"request {number} to {url} failed: {done.stderr.strip()}")
        answers[done.stdout.strip()] += 1
        if number >= MIN_REQUESTS and set(answers) >= names:
            return answers
    raise StepFailed(f"after {MAX_REQUESTS} requests only {sorted(answers)} of"
                     f" {sorted(names)} had answered")


def start_director(director):
    try:
        director.start()
    except NotReady as error:
        raise StepFailed(str(error)) from error


def lay_out(lab):
    try:
        lab.up()
    except (netns.CommandFailed, OSError) as error:
        raise StepFailed(f"cannot lay out the lab: {error}") from error


def wait_for_servers(lab):
    """nginx needs a moment to listen."""
    deadline = time.monotonic() + 10
    for server in lab.servers:
        probe = [*netns.inside(server.namespace), "curl", "-s", "-o", "/dev/null",
                 "--max-time", "1", f"http://{server.address}/", f"http://[{server.address6}]/"]
        while netns.run(*probe, check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise StepFailed(f"nginx of {server.name} does not answer; see"
                                 f" {server.folder / 'error.log'}")
            time.sleep(0.05)


def set_up_servers(lab, director, version):
    """Runs on each real server what the howto says. The lab's end takes it back.

    Returns what the show says about it.
    """
    told = []
    howto = real_server.howto(director)
    for server in lab.servers:
        commands = howto[server.address if version == 4 else server.address6]["commands"]
        try:
            ran = real_server.set_up(server, commands, contextlib.ExitStack())
        except netns.CommandFailed as error:
            raise StepFailed(f"cannot set up {server.name}: {error}") from error
        told += [f"  {server.name}: {command}" for command in ran]
    return told


def show_set_up(mode, told):
    print(f"\nforwarding mode {mode}; set up on the real servers, as `sluicectl server howto` says:")
    print("\n".join(told) or "  nothing: none is needed")


def show(director, *words):
    shown = " ".join(words)
    print(f"\n{dim('$ sluicectl ' + shown)}", flush=True)
    if subprocess.run(director.ctl_command(*words), check=False).returncode != 0:
        raise StepFailed(f"`sluicectl {shown}` failed")


def show_answers(answers, url):
    print(f"\n{sum(answers.values())} requests to {url} were answered by")
    for name, count in sorted(answers.items()):
        print(f"  {name}  {count:3}  {good('#' * count)}")


def print_playground(lab, director, config_path, url):
    ctl = " ".join(map(os.path.relpath, director.ctl_command()[:1])) + \
        f" --socket {director.control_socket}"
    config_name = os.path.relpath(config_path) if config_path.is_relative_to(ROOT) else config_path
    servers = ", ".join(server.namespace for server in lab.servers)
    print(f"""
The lab stays up. Things to try (as root):
  ip netns exec {lab.client} curl {url}           ask the virtual address
  ip netns exec {lab.director} ip address                     the director's taps, like any interface
  ip netns exec {lab.client} bash                             enter a namespace: {lab.director}, {servers}
  {ctl} service list
  {ctl} session list
  {ctl} server howto
  {ctl} --help
  {config_name}  is what it runs; edit it, then:
  {ctl} reload
  tail -f {director.log_path}
When you have seen enough:
  ./tools/demo down""")


def run_service(lab, director, mode, version, url, steps):
    """The last two steps where clients reach real servers."""
    with steps.step(f"real servers: set up for {mode}"):
        told = set_up_servers(lab, director, version)
    with steps.step(f"requests: curl {url}"):
        answers = fetch_until_all_answered(lab, url)
    show_set_up(mode, told)
    show_answers(answers, url)


def run_snat(lab, config, version, steps):
    """The last two steps where inside hosts reach an outside one; its web server stays."""
    with steps.step("inside hosts: the director is their gateway"):
        told = demo_snat.set_up(lab, config)
        inside_hosts.start_outside_web(lab)
    with steps.step("requests: curl from inside"):
        seen = demo_snat.fetch(lab, version)
    demo_snat.show(seen, told)


def run_demo(options, steps):
    """The numbered steps and the show.  Raises StepFailed; the caller cleans up."""
    config_path = ROOT / "conf" / ("lab-one-arm.yaml" if options.one_arm else "lab.yaml")
    with steps.step("packages"):
        packages.install(steps)
    with steps.step("configure"):
        build.configure(steps, BUILD)
    with steps.step("build (minutes the first time)"):
        build.compile_targets(steps, BUILD, ["control/sluiced", "tools/sluicectl/sluicectl"])
    version = 6 if options.ipv6 else 4
    config = read_config(config_path, options.mode, version)
    lab = labs.Lab(PREFIX, config)
    url = vip_url(config)
    if labs.is_up(PREFIX):
        print("a lab is still up: taking it down first")
    with steps.step(f"lab: client, director, {len(lab.servers)} real servers, {lab.topology}"):
        lay_out(lab)
        wait_for_servers(lab)
    if options.mode != "full-nat" or options.ipv6:
        config_path = lab.state / "sluice.yaml"
        write_config(config, config_path)
    director = make_director(lab, config, config_path)
    with steps.step("director: sluiced"):
        start_director(director)
    if options.mode == "snat":
        run_snat(lab, config, version, steps)
    else:
        run_service(lab, director, options.mode, version, url, steps)
    for words in (["snat" if options.mode == "snat" else "service", "list"], ["session", "list"],
                  ["counters"]):
        show(director, *words)
    if options.keep:
        print_playground(lab, director, config_path, url)
    elif director.stop() != 0:
        raise StepFailed(f"sluiced did not end cleanly:\n{director.log_tail()}")


def take_down():
    """Removes the lab whatever state it is in; interrupting that would leave half of it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    labs.remove(PREFIX)


def keep_log_of_failure():
    """The director's log outlives the lab's folder when the demo fails."""
    log = labs.STATE_ROOT / PREFIX / "sluiced.log"
    if log.exists():
        kept = BUILD / "demo-sluiced.log"
        kept.write_bytes(log.read_bytes())
        print(f"log of sluiced: {kept}")


def stop_on_signal(number, _frame):
    sys.exit(128 + number)


def main():
    options = parse_arguments()
    if options.action == "down":
        take_down()
        print("the lab is down")
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_on_signal)
    is_kept = False
    try:
        run_demo(options, Steps(7, BUILD / "demo.log"))
        is_kept = options.keep
        return 0
    except StepFailed as failure:
        print(bad(f"demo failed: {str(failure).splitlines()[0]}"), file=sys.stderr)
        keep_log_of_failure()
        return 1
    finally:
        if not is_kept:
            take_down()
            with contextlib.suppress(OSError):
                print("\ncleaned up: no namespaces, taps or processes left", flush=True)


if __name__ == "__main__":
    sys.exit(main())
