"""File systems of a round, made anew each time, and the page cache before a timed command."""

import os
import shutil
import subprocess
from pathlib import Path


def fresh(path, gib):
    """A new ext4 at `path`, on a sparse file. In a file system that was long in use, ext4 searches past inodes that
    were deleted lately, which would distort what comes later."""
    drop(path)
    path.mkdir(parents=True, exist_ok=True)
    image = image_of(path)
    with open(image, "wb") as file:
        file.truncate(gib << 30)
    run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", image)
    found = subprocess.run(["losetup", "-f", "--show", "--direct-io=on", image], check=True, capture_output=True, text=True)
    device = found.stdout.strip()
    run("mount", "-o", "noinit_itable", device, path)
    # It goes away with the mount.
    run("losetup", "-d", device)
    (path / "lost+found").rmdir()


def drop(path):
    while os.path.ismount(path):
        run("umount", path)
    image_of(path).unlink(missing_ok=True)


def wipe(path):
    if os.path.lexists(path):
        shutil.rmtree(path)
    path.mkdir(parents=True)


def warm(path):
    """Reads everything once, so that each program finds the same page cache."""
    subprocess.run(f"find {path} -type f -print0 | xargs -0 -r -n 2000 cat > /dev/null 2>&1", shell=True)
    os.sync()


def copy(source, target):
    """Makes `target` equal to `source` in place, so that what is unchanged keeps its inode."""
    run("rsync", "-aHAX", "--delete", f"{source}/", f"{target}/")


def differences(source, target):
    """What rsync would change to make `target` equal to `source`, by content."""
    compared = subprocess.run(
        ["rsync", "-aHAXn", "--checksum", "--delete", "--itemize-changes", f"{source}/", f"{target}/"],
        capture_output=True, text=True, errors="replace")
    lines = [line for line in (compared.stdout + compared.stderr).splitlines() if line.strip()]
    # Not every program restores the times of the folder into which it restores.
    return [line for line in lines if not line.endswith(" ./")]


def image_of(path):
    return path.with_name(path.name + ".img")


def run(*command):
    subprocess.run(command, check=True)
