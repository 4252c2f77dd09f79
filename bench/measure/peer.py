"""A backup program as its adapter file describes it, and the timed running of its commands."""

import os
import signal
import socket
import subprocess
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
PEERS = Path(os.environ.get("PEERS", "/opt/peers"))
PROGRAMS = Path(os.environ.get("HOLDFAST_PROGRAMS", HERE.parent / "target/release"))
BENCH = Path(os.environ.get("BENCH", "/opt/bench"))
LIMIT_SECONDS = int(os.environ.get("LIMIT", "900"))

# Settings of a peer in the caller's environment would change what is measured.
FOREIGN = ("RESTIC_", "BORG_", "RUSTIC_", "BUPSTASH_", "HOLDFAST_")


@dataclass
class Run:
    """What one command took. CPU in seconds, memory in MiB; a server's stand apart and are None without one."""

    wall: float
    status: int
    user: float | None = None
    system: float | None = None
    peak_mib: float | None = None
    server_cpu: float | None = None
    server_peak_mib: float | None = None

    @property
    def cpu(self):
        if self.user is None or self.system is None:
            return None
        return self.user + self.system + (self.server_cpu or 0)


class Peer:
    """One program with its repository and its state in the file system of the round."""

    def __init__(self, name):
        self.name = name
        with open(HERE / "adapters" / f"{name}.toml", "rb") as file:
            self.adapter = tomllib.load(file)
        self.commands = self.adapter["cmd"]
        self.repo = BENCH / "fs/repo" / name
        self.state = BENCH / "fs/state" / name
        self.last_tag = "a"
        self.dead = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        kept |= {
            "HOME": str(self.state),
            "P": str(PEERS),
            "PATH": f"{PEERS}/bin:{kept['PATH']}",
            "LC_ALL": "C.UTF-8",
            "XDG_CACHE_HOME": f"{self.state}/.cache",
            "XDG_CONFIG_HOME": f"{self.state}/.config",
        }
        return kept | {name: self.fill(value) for name, value in self.adapter.get("env", {}).items()}

    def fill(self, text, **values):
        """The text with its {names} replaced."""
        known = {
            "repo": self.repo, "state": self.state, "port": self.port, "here": HERE, "programs": PROGRAMS,
            "last": self.last_tag, "tag": "a", "src": "", "out": "",
        }
        for name, value in (known | values).items():
            text = text.replace("{" + name + "}", str(value))
        return text.replace("$P/", f"{PEERS}/")

    def version(self):
        found = subprocess.run(self.fill(self.adapter["version"]), shell=True, env=self.environment(),
                               capture_output=True, text=True)
        return " | ".join((found.stdout + found.stderr).split("\n")).strip(" |")[:120]

    def stored_bytes(self):
        """Apparent bytes of all files below the repository, as du counts them."""
        counted = subprocess.run(["du", "-sb", "--apparent-size", self.repo], capture_output=True, text=True)
        return int(counted.stdout.split()[0])

    def run(self, what, **values):
        """Runs a command of the adapter, with its server beside it when it has one."""
        server = self._start_server() if self._needs_server(what) else None
        before = cpu_seconds(server.pid) if server else 0
        times = BENCH / "time.txt"
        times.unlink(missing_ok=True)
        timed = ["/usr/bin/time", "-q", "-o", times, "-f", "%U %S %M", "sh", "-c",
                 self.fill(self.commands[what], **values)]
        with open(BENCH / f"errors-{self.name}.txt", "ab") as errors:
            began = time.monotonic()
            process = subprocess.Popen(timed, env=self.environment(), cwd="/", stdin=subprocess.DEVNULL,
                                       stdout=errors, stderr=errors, process_group=0)
            try:
                status = process.wait(LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                status = 124
            run = Run(round(time.monotonic() - began, 3), status)
        if times.exists() and len(fields := times.read_text().split()) == 3:
            run.user, run.system, run.peak_mib = float(fields[0]), float(fields[1]), int(fields[2]) / 1024
        if server:
            run.server_cpu = round(cpu_seconds(server.pid) - before, 2)
            run.server_peak_mib = peak_mib(server.pid)
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
        return run

    def _needs_server(self, what):
        return "serve" in self.commands and not (what == "init" and self.adapter.get("init_without_server"))

    def _start_server(self):
        server = subprocess.Popen("exec " + self.fill(self.commands["serve"]), shell=True, env=self.environment(),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return server
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"the server of {self.name} does not answer")


def cpu_seconds(pid):
    """User and system time of a running process, proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid):
    """The largest resident size that a running process had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return round(int(line.split()[1]) / 1024, 1)
    return None
