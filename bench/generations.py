#!/usr/bin/env python3
"""Many generations of one tree under retention and cleanup: does the store stay near what the newest state needs?

  generations.py [--tree DIR] [--generations 60] [--percent 3] [--keep 10] [--seed N] [-o FILE]

Each generation edits some of the files, backs the tree up, lets more time pass than cleanup's grace and the time for
bringing snapshots back, and cleans up. In the end the newest state is backed up into a vault of its own, whose size is
what the store is compared with. Time is passed by the clock of the test hooks, which programs in use do not have:

  cargo build --release -p holdfast -p holdfast-server --features holdfast/test-hooks,holdfast-server/test-hooks
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(os.environ.get("HOLDFAST_PROGRAMS", HERE.parent / "target/release"))
BENCH = Path(os.environ.get("BENCH", "/opt/bench"))
DATA = Path(os.environ.get("DATA", "/opt/data"))
HOUR = 3600
# Longer than the grace, and short enough that the certificate of the server lasts for 60 generations.
STEP = 26 * HOUR


class Site:
    """A server and this machine as its device, under a clock that moves when it is told to."""

    def __init__(self, folder, port):
        self.folder, self.port, self.clock, self.passed = folder, port, folder / "clock", 0
        folder.mkdir(parents=True)
        self.pass_time(0)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")} | {
            "HOLDFAST_STATE": str(folder / "agent"),
            "HOLDFAST_DATA": str(folder / "server"),
            "HOLDFAST_TEST_CLOCK": str(self.clock),
        }
        run([HERE / "holdfast-init", PROGRAMS, folder / "server", str(port)], self.env)

    def pass_time(self, seconds):
        self.passed += seconds
        new = self.clock.with_suffix(".new")
        new.write_text(str(self.passed))
        new.rename(self.clock)

    @contextmanager
    def serving(self):
        process = subprocess.Popen([PROGRAMS / "holdfast-server", "serve"], env=self.env, stderr=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE)
        process.stdout.readline()
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    def server(self, *words):
        # 10 is for another try, which is told in the document of a cleanup.
        good = (0, 10) if words == ("cleanup",) else (0,)
        return json.loads(run([PROGRAMS / "holdfast-server", "--json", *words], self.env, good))

    def clean_up(self):
        """The scheduled cleanup may be at work: it begins when the clock jumps."""
        while True:
            cleaned = self.server("cleanup")
            if not any(failed["code"] == "server_busy" for failed in cleaned["failed"]):
                return cleaned
            time.sleep(0.2)

    def backup(self, tree):
        # 3 are findings.
        lines = run([PROGRAMS / "holdfast", "backup", "--json", tree], self.env, (0, 3)).splitlines()
        return json.loads(lines[-1])

    def stored(self):
        store = self.folder / "server/store"
        return sum(file.stat().st_size for file in store.rglob("*") if file.is_file())


def run(command, env, good=(0,)):
    """What the command prints, when it ends with one of these statuses."""
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode not in good:
        raise SystemExit(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def edit(path, rng):
    """Puts, removes or replaces a few hundred bytes somewhere in the file."""
    content = bytearray(path.read_bytes())
    at, length = rng.randrange(len(content) + 1), rng.randrange(1, 400)
    new = bytes(rng.choice(b"abcdefghijklmnopqrstuvwxyz _;(){}\n") for _ in range(length))
    kind = rng.randrange(3)
    if kind == 0:
        content[at:at] = new
    elif kind == 1:
        content[at:at + length] = new
    else:
        del content[at:at + length]
    path.write_bytes(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, default=DATA / "source")
    parser.add_argument("--generations", type=int, default=60)
    parser.add_argument("--percent", type=float, default=3)
    parser.add_argument("--keep", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("-o", "--out", default="generations.jsonl")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    rng = random.Random(options.seed)
    work = BENCH / "generations"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    tree = work / "tree"
    run(["cp", "-a", options.tree, tree], os.environ)
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    site = Site(work / "site", 47911)
    site.server("settings", "set", "--grace", "24h", "--undo", "1h")
    zero = [word for name in ("hourly", "daily", "weekly", "monthly") for word in (f"--{name}", "0")]
    site.server("retention", "set", "--keep-last", str(options.keep), *zero)
    with open(options.out, "a") as out, site.serving():
        for number in range(options.generations):
            if number:
                for path in rng.sample(files, int(len(files) * options.percent / 100)):
                    edit(path, rng)
            summary = site.backup(tree)
            site.pass_time(STEP)
            cleaned = site.clean_up()
            row = {"generation": number, "seed": options.seed, "stored_bytes": site.stored(),
                   "added_bytes": summary["stored_bytes"], "seconds": summary["seconds"],
                   "freed_bytes": sum(vault["freed_bytes"] for vault in cleaned["vaults"])}
            out.write(json.dumps(row) + "\n")
            out.flush()
            print(f"{number:3} stored {row['stored_bytes'] / 1e6:8.1f} MB  added {row['added_bytes'] / 1e6:7.1f} MB  "
                  f"freed {row['freed_bytes'] / 1e6:7.1f} MB", flush=True)
        stored = site.stored()
    site.server("verify")
    alone = Site(work / "alone", 47912)
    with alone.serving():
        alone.backup(tree)
    print(f"stored {stored / 1e6:.1f} MB, the newest state alone {alone.stored() / 1e6:.1f} MB: "
          f"{stored / alone.stored():.2f} x")
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
