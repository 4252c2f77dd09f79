"""Tables in Markdown from the rows of one or more runs."""

import json
from statistics import median

from .rounds import STEPS

HEAD = "| program | n | wall s (min-max) | CPU s | peak MiB | server peak MiB | stored MB | wall × | CPU × | stored × | |"


def read(paths):
    """Rows of steps, and the versions of programs."""
    rows, versions = [], {}
    for path in paths:
        with open(path) as lines:
            for line in lines:
                row = json.loads(line)
                if "set" in row:
                    row["key"] = (path, row["run"], row["round"])
                    rows.append(row)
                else:
                    versions[row["peer"]] = row
    return rows, versions


def print_tables(paths, reference):
    rows, versions = read(paths)
    print(f"Ratios are medians over rounds of (program / {reference}) in the same round: above 1, it needs more.\n")
    for data_set, steps in STEPS.items():
        for step in steps:
            found = [row for row in rows if (row["set"], row["step"]) == (data_set, step)]
            if found:
                print_step(data_set, step, found, rows, reference)
    print("| program | version | settings |\n|---|---|---|")
    for name, row in sorted(versions.items()):
        print(f"| {name} | {row['version']} | {row['note']} |")


def print_step(data_set, step, found, rows, reference):
    print(f"### {data_set}: {step}\n\n{HEAD}\n" + "|---" * (HEAD.count("|") - 1) + "|")
    by_peer = {}
    for row in found:
        by_peer.setdefault(row["peer"], {})[row["key"]] = row
    added = stored_by(data_set, step, rows)
    for name in sorted(by_peer, key=lambda name: median(row["wall"] for row in by_peer[name].values())):
        print_row(name, step, by_peer, by_peer.get(reference, {}), added)
    print()


def stored_by(data_set, step, rows):
    """For a row its stored bytes; for `next` what it added to the step before."""
    before = {}
    if step == "next":
        for row in rows:
            if row["set"] == data_set and row["step"] in ("first", "same"):
                before[(row["peer"], row["key"])] = row.get("stored_bytes", 0)

    def stored(row):
        now = row.get("stored_bytes")
        return now - before.get((row["peer"], row["key"]), 0) if now else None

    return stored


def cpu(row):
    if row["user"] is None:
        return None
    return row["user"] + row["system"] + (row["server_cpu"] or 0)


def print_row(name, step, by_peer, references, stored):
    mine = by_peer[name]

    def ratio(value):
        pairs = [(value(row), value(references[key])) for key, row in mine.items() if key in references]
        found = [left / right for left, right in pairs if left and right]
        return f"{median(found):.2f}" if found else "-"

    def middle(value, digits):
        found = [value(row) for row in mine.values() if value(row) is not None]
        return f"{median(found):.{digits}f}" if found else "-"

    walls = [row["wall"] for row in mine.values()]
    checks = {row["check"] for row in mine.values() if row.get("check")}
    failed = {row["status"] for row in mine.values()} - {0}
    remarks = " ".join(sorted(checks) + [f"status {status}" for status in sorted(failed)])
    megabytes = middle(lambda row: stored(row) / 1e6 if stored(row) is not None else None, 1)
    print(f"| {name} | {len(mine)} | {median(walls):.2f} ({min(walls):.2f}-{max(walls):.2f}) | {middle(cpu, 2)} "
          f"| {middle(lambda row: row['peak_mib'], 0)} | {middle(lambda row: row['server_peak_mib'], 0)} "
          f"| {'+' if step == 'next' else ''}{megabytes} | {ratio(lambda row: row['wall'])} | {ratio(cpu)} "
          f"| {ratio(stored)} | {remarks} |")
