#!/usr/bin/env python3
"""Side-by-side measurement of backup programs, one adapter file each: adapters/NAME.toml.

  compare.py run [--sets source,blob,many] [--peers NAME,...] [--rounds N] [--steps first,...] [-o FILE]
  compare.py table FILE... [--ref NAME]

Before each timed command everything that it reads is read once. Wall time is from a monotonic clock; user and system
seconds and the peak from time(1), which sees the finished command and the children it waited for. A server that the
adapter names runs beside the command; its CPU is added and its peak stands apart.
Needs root, rsync, time, the data sets (datasets.sh) and the peers (install-peers.sh).
"""

import argparse
import os

from measure import rounds, table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run")
    run.add_argument("--sets", default="source,blob,many")
    run.add_argument("--peers", default="restic,bupstash,cp")
    run.add_argument("--rounds", type=int, default=3)
    run.add_argument("--steps", default="")
    run.add_argument("-o", "--out", default="measured.jsonl")
    tables = verbs.add_parser("table")
    tables.add_argument("files", nargs="+")
    tables.add_argument("--ref", default="bupstash")
    options = parser.parse_args()
    if options.verb == "table":
        table.print_tables(options.files, options.ref)
        return
    if os.geteuid() != 0:
        parser.error("the file systems of a round are made by root")
    names = ["holdfast"] + [name for name in options.peers.split(",") if name != "holdfast"]
    steps = [step for step in options.steps.split(",") if step]
    with open(options.out, "a") as out:
        rounds.measure(options.sets.split(","), names, options.rounds, steps, out)


main()
