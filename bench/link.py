#!/usr/bin/env python3
"""First and unchanged backups over slow links: how much of what the link carries does an upload reach?

  link.py [--tree DIR] [--mbit 100] [--delays 0,20,80,200]

A delay is the time of an answer in milliseconds, both ways together. The link is the one of the test kit:

  cargo build --release -p holdfast -p holdfast-server
  cargo build --release -p testkit --example link
"""

import argparse
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(os.environ.get("HOLDFAST_PROGRAMS", HERE.parent / "target/release"))
BENCH = Path(os.environ.get("BENCH", "/opt/bench"))
DATA = Path(os.environ.get("DATA", "/opt/data"))
SERVER, ENTRANCE = 47_991, 47_992


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tree", type=Path, default=DATA / "source")
    arguments.add_argument("--mbit", type=int, default=100)
    arguments.add_argument("--delays", default="0,20,80,200")
    given = arguments.parse_args()
    for delay in given.delays.split(","):
        measure(given.tree, int(delay), given.mbit)


def measure(tree, delay, mbit):
    folder = BENCH / "link"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
    environment |= {"HOLDFAST_STATE": str(folder / "agent")}
    init = [HERE / "holdfast-init", PROGRAMS, folder / "server", str(SERVER)]
    subprocess.run(init, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    serve = [PROGRAMS / "holdfast-server", "--data", folder / "server", "serve"]
    link = [PROGRAMS / "examples/link", f"127.0.0.1:{ENTRANCE}", f"127.0.0.1:{SERVER}", str(delay), str(mbit)]
    environment |= {"HOLDFAST_SERVER": f"https://127.0.0.1:{ENTRANCE}"}
    with process(serve, environment), process(link, environment):
        time.sleep(1)
        first = backup(tree, environment)
        same = min(backup(tree, environment)["seconds"] for _ in range(3))
    reached = first["stored_bytes"] * 8 / 1e6 / first["seconds"] / mbit
    print(f"{delay:4} ms, {mbit} Mbit/s: first {first['seconds']:.1f} s for {first['stored_bytes'] / 1e6:.1f} MB, "
          f"{reached:.0%} of the link; same {same:.2f} s", flush=True)
    shutil.rmtree(folder)


def backup(tree, environment):
    """The summary of a run."""
    run = subprocess.run([PROGRAMS / "holdfast", "--json", "backup", tree], env=environment, check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(run.stdout.splitlines()[-1])


@contextmanager
def process(command, environment):
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.terminate()
        running.wait()


if __name__ == "__main__":
    main()
