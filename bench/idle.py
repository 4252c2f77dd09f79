#!/usr/bin/env python3
"""What a scheduled backup costs when nothing happened: with what the system tells of folders, and walking everything.

  idle.py [--tree DIR] [--rounds 5] [--touch N]

One service backs the tree up in turns: asked for by `holdfast backup`, which walks everything, and by its schedule, which
walks only folders in which something happened. Time from the first step of a run to its end is that of the service's own
history, processor time that of its process, server apart. With --touch so many files are written to before each run.
The time until a backup is due is passed by the clock of the test hooks, which programs in use do not have (see
generations.py for the build).
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import time
from datetime import datetime
from pathlib import Path

from generations import BENCH, DATA, PROGRAMS, Site, run

UNTIL_DUE = 5 * 3600
TICKS = os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=DATA / "source")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--touch", type=int, default=0)
    options = parser.parse_args()
    work = BENCH / "idle"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    site = Site(work / "site", 47912)
    if options.touch:
        # The data set itself stays as it is.
        run(["cp", "-a", options.tree, work / "tree"], os.environ)
        options.tree = work / "tree"
    with site.serving():
        site.backup(options.tree)
        files = [path for path in options.tree.rglob("*") if path.is_file() and not path.is_symlink()]
        service = subprocess.Popen([PROGRAMS / "holdfast", "agent", "run"], env=site.env, stderr=subprocess.DEVNULL)
        try:
            measure(site, service.pid, options, files)
        finally:
            service.terminate()
            service.wait()


def measure(site, pid, options, files):
    rng = random.Random(1)
    rows = {"asked": [], "scheduled": []}
    # The run that it begins with gives all folders their watches.
    while newest(site) is None:
        time.sleep(0.2)
    for _ in range(options.rounds):
        for name, begin in (("asked", asked), ("scheduled", scheduled)):
            for path in rng.sample(files, options.touch):
                path.write_bytes(path.read_bytes())
            time.sleep(3)
            before = cpu(pid)
            begin(site, options.tree)
            rows[name].append((last_seconds(site), cpu(pid) - before))
    for name, of_name in rows.items():
        walls, cpus = zip(*of_name)
        print(f"{name:10} wall {statistics.median(walls):.2f} s ({min(walls):.2f}-{max(walls):.2f}), "
              f"processor {statistics.median(cpus):.2f} s ({min(cpus):.2f}-{max(cpus):.2f})")


def asked(site, tree):
    site.backup(tree)


def scheduled(site, _):
    last = newest(site)
    site.pass_time(UNTIL_DUE)
    while newest(site) in (last, None):
        time.sleep(0.2)


def newest(site):
    """The newest snapshot, as the service knows it, when no run is under way."""
    status = json.loads(run([PROGRAMS / "holdfast", "status", "--json"], site.env, range(20)))
    return None if status["step"] != "idle" else (status["last_backup"] or {}).get("snapshot")


def last_seconds(site):
    """From the first step of the last run to its end, in seconds."""
    history = json.loads(run([PROGRAMS / "holdfast", "history", "--json", "--limit", "40"], site.env))
    end = next(row for row in history if row["code"].startswith("backup_"))
    begin = next(row for row in history if row["change"] == "raised" and row["code"] == "backup_initializing")
    return (datetime.fromisoformat(end["time"]) - datetime.fromisoformat(begin["time"])).total_seconds()


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    main()
