"""Rounds of steps: in every round each step goes once through all programs, the order turned every second round."""

import json
import os
import sys
import time
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from . import disk
from .peer import BENCH, Peer

DATA = Path(os.environ.get("DATA", "/opt/data"))

# first: into an empty repository; same: again, nothing changed; restore: all of the first state, compared;
# next: after a real change, in place and at the same path.
STEPS = {
    "source": ["first", "same", "restore", "next"],
    "blob": ["first", "restore", "next"],
    "many": ["first", "same"],
}
TAGS = {"first": "a", "same": "b", "next": "c"}
REPOSITORY_GIB = 60
RESTORE_GIB = 20


def measure(sets, names, rounds, steps, out):
    """Appends a JSON line to `out` for each command, and prints it for people."""
    BENCH.mkdir(parents=True, exist_ok=True)
    for data_set in sets:
        peers = [Peer(name) for name in names]
        for peer in peers:
            note = peer.adapter.get("note", "")
            write(out, {"peer": peer.name, "version": peer.version(), "note": note})
        for number in range(rounds):
            order = peers if number % 2 == 0 else peers[::-1]
            one_round(data_set, order, number, steps or STEPS[data_set], out)


def one_round(data_set, peers, number, wanted, out):
    after = DATA / f"{data_set}-next"
    changes = after.is_dir() and "next" in STEPS[data_set]
    disk.fresh(BENCH / "fs", REPOSITORY_GIB)
    live = DATA / data_set
    if changes:
        live = BENCH / "fs/live" / data_set
        live.mkdir(parents=True)
        disk.copy(DATA / data_set, live)
    for peer in peers:
        disk.wipe(peer.repo)
        disk.wipe(peer.state)
        peer.dead, peer.last_tag = None, "a"
        run = peer.run("init")
        if run.status:
            peer.dead = "init"
            report(out, data_set, number, "init", peer, run)
            if peer.name == "holdfast":
                disk.drop(BENCH / "fs")
                sys.exit("bench/holdfast-init failed, and without our programs nothing is compared; "
                         "HOLDFAST_PROGRAMS names the folder they are in")
    for step in [step for step in STEPS[data_set] if step in wanted or step == "first"]:
        if step == "next":
            disk.copy(after, live)
        for peer in [peer for peer in peers if not peer.dead]:
            one_step(data_set, step, peer, number, live, out)
    disk.drop(BENCH / "fs")


def one_step(data_set, step, peer, number, live, out):
    more = {}
    if step == "restore":
        disk.fresh(BENCH / "target", RESTORE_GIB)
        target = BENCH / "target/out"
        target.mkdir()
        disk.warm(peer.repo)
        run = peer.run("restore", src=live, out=target)
        found = disk.differences(live, target) if not run.status else ["not restored"]
        more["check"] = "equal" if not found else f"{len(found)} differences"
        more["differences"] = found[:5]
        disk.drop(BENCH / "target")
    else:
        disk.warm(live)
        run = peer.run("backup", src=live, tag=TAGS[step])
        if not run.status:
            peer.last_tag = TAGS[step]
        more["stored_bytes"] = peer.stored_bytes()
    if run.status == 124 or (step == "first" and run.status):
        peer.dead = step
    report(out, data_set, number, step, peer, run, **more)


def report(out, data_set, number, step, peer, run, **more):
    row = {"set": data_set, "round": number, "step": step, "peer": peer.name} | asdict(run) | more
    write(out, row)
    cpu = run.cpu if run.cpu is not None else float("nan")
    stored = more.get("stored_bytes", 0) / 1e6
    print(f"{data_set:7} r{number} {step:8} {peer.name:14} wall {run.wall:8.2f} s  cpu {cpu:8.2f} s  "
          f"peak {run.peak_mib or 0:6.0f} MiB  server {run.server_peak_mib or 0:6.0f} MiB  "
          f"stored {stored:9.1f} MB  status {run.status} {more.get('check', '')}", flush=True)


def write(out, row):
    row["run"] = RUN
    row["at"] = datetime.now(timezone.utc).isoformat(timespec="seconds")
    out.write(json.dumps(row) + "\n")
    out.flush()


RUN = f"{time.time():.0f}"
