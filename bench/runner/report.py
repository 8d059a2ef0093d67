# SPDX-License-Identifier: BSD-3-Clause
"""Results as JSON and as a Markdown table."""

import datetime

import machine

HEADER = ["load", "protocol", "sessions", "testpmd io ns", "sluice ns", "lowest..highest", "Mpps",
          "ratio", "lowest..highest"]


def summary(measured):
    return f"{measured['sluice']['ns']:.1f} ns, testpmd io {measured['testpmd_io']['ns']:.1f} ns"


def document(measured, method, is_quick):
    return {"date": datetime.date.today().isoformat(), "quick": is_quick,
            "machine": machine.describe(), "versions": machine.versions(),
            "method": {"turns": method.repeats, "rounds_a_turn": method.rounds,
                       "round_ms": method.round_ms, "cpu": method.cpu, "frame_bytes": 64,
                       "figure": "ns of the forwarding thread's CPU time a packet, median of turns"},
            "measurements": measured}


def spread(low, high, digits):
    return f"{low:.{digits}f}..{high:.{digits}f}"


def cells(row):
    sluice = row["sluice"]
    return [row["load"], row["protocol"], f"{row['sessions']:,}".replace(",", " "),
            f"{row['testpmd_io']['ns']:.1f}", f"{sluice['ns']:.1f}",
            spread(sluice["ns_lowest"], sluice["ns_highest"], 1), f"{sluice['mpps']:.1f}",
            f"{row['ratio']:.2f}", spread(min(row["ratios"]), max(row["ratios"]), 2)]


def markdown(result):
    def line(words):
        return "| " + " | ".join(words) + " |"
    where, what = result["machine"], result["versions"]
    method = result["method"]
    pages = ", ".join(sorted({row["memory_pages"] for row in result["measurements"]}))
    return "\n".join([
        f"{result['date']}, {where['cpu']}, {where['cpus']} CPUs, Linux {where['kernel']}, pages "
        f"{pages}, DPDK {what['dpdk']}, sluice {what['sluice']}; {method['turns']} turns of "
        f"{method['rounds_a_turn']} x {method['round_ms']} ms.", "",
        line(HEADER), line(["---"] * len(HEADER)),
        *(line(cells(row)) for row in result["measurements"])])
