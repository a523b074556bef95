#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Coverage of lib/, after the instrumented programs have run. Usage: coverage.py BUILD

What counts is what gcc makes of lib/*.c and lib/*.h without optimization: each line with code, and
each way out of each condition and switch. Ways that only an exception takes do not count (C has
none), nor do other people's headers or the inspector's page. An inline function in a header counts
once, whoever includes it: its counts are summed over all that do.

Each line that never ran needs a reason in test/checks/uncovered.txt:

    The reason, in a line that is not indented.
        lib/file.c function: exact text of the line
        ? lib/file.c function: of a line that runs in some runs and not in others

A line without a reason fails, and so does a reason whose line has run or is gone.
"""
import collections
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile

LINES_MIN, BRANCHES_MIN = 95.0, 90.0
REASONS = "test/checks/uncovered.txt"


def read_reports(build):
    """Yield gcov's report on each object of the library."""
    notes = [os.path.abspath(path) for path in sorted(glob.glob(f"{build}/obj/lib/*.gcno"))]
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["gcov", "--json-format", "--branch-probabilities", *notes], cwd=place,
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for path in glob.glob(f"{place}/*.gcov.json.gz"):
            with gzip.open(path) as file:
                yield json.load(file)


def merge(reports):
    """Return {file: {line number: [function, count, branch counts]}} for lib/."""
    files = collections.defaultdict(dict)
    for report in reports:
        for file in report["files"]:
            name = os.path.relpath(os.path.join(report["current_working_directory"], file["file"]))
            if not name.startswith("lib/"):
                continue
            for line in file["lines"]:
                branches = [way["count"] for way in line["branches"] if not way["throw"]]
                function = line.get("function_name", "")
                known = files[name].setdefault(line["line_number"], [function, 0, []])
                known[1] += line["count"]
                if len(known[2]) == len(branches):
                    known[2] = [a + b for a, b in zip(known[2], branches)]
                else:
                    known[2] += branches
    return files


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def read_reasons():
    """Return {(file, function, text): whether the line may have run}."""
    reasons, has_reason = {}, False
    with open(REASONS) as file:
        for line in file:
            entry = line.strip()
            if not entry or entry.startswith("#"):
                continue
            if not line.startswith(" "):
                has_reason = True
                continue
            assert has_reason, f"{REASONS}: no reason for: {entry}"
            sometimes = entry.startswith("? ")
            place, text = entry.removeprefix("? ").split(": ", 1)
            reasons[(*place.split(" "), text)] = sometimes
    return reasons


def compare(files):
    """Print what is wrong between the report and the reasons; return how many lines of each."""
    reasons = read_reasons()
    explained, unexplained, known, missed = 0, 0, set(), set()
    for name, lines in sorted(files.items()):
        with open(name) as file:
            source = [line.strip() for line in file]
        for number, (function, count, _) in sorted(lines.items()):
            key = (name, function, source[number - 1])
            known.add(key)
            if count > 0:
                continue
            missed.add(key)
            if key in reasons:
                explained += 1
            else:
                unexplained += 1
                print(f"never run, and no reason: {name}:{number} {function}: {source[number - 1]}")
    stale = [key for key, sometimes in reasons.items()
             if key not in (known if sometimes else missed)]
    for name, function, text in stale:
        print(f"a reason, but the line has run or is gone: {name} {function}: {text}")
    return explained, unexplained, len(stale)


def main(build):
    files = merge(read_reports(build))
    lines, run, ways, gone = 0, 0, 0, 0
    with open(f"{build}/branches.txt", "w") as list_of_branches:
        for name, known in sorted(files.items()):
            counts = [count for _, count, _ in known.values()]
            branches = [way for _, _, ways_out in known.values() for way in ways_out]
            ran, went = sum(c > 0 for c in counts), sum(b > 0 for b in branches)
            print(f"{name:28} lines {percent(ran, len(counts)):6.1f} % of {len(counts):4}"
                  f"   branches {percent(went, len(branches)):6.1f} % of {len(branches):4}")
            lines, run = lines + len(counts), run + ran
            ways, gone = ways + len(branches), gone + went
            for number, (function, count, ways_out) in sorted(known.items()):
                if 0 in ways_out:
                    print(f"{name}:{number} {function}: {count} times, {ways_out}",
                          file=list_of_branches)
    explained, unexplained, stale = compare(files)
    of_lines, of_branches = percent(run, lines), percent(gone, ways)
    is_good = (of_lines >= LINES_MIN and of_branches >= BRANCHES_MIN and lines > 0
               and unexplained == 0 and stale == 0)
    print(f"branches that were not taken: {build}/branches.txt; needed are {LINES_MIN} % of lines, "
          f"{BRANCHES_MIN} % of branches, and a reason for each line that never ran")
    print(f"coverage: {of_lines:.1f} % of {lines} lines, {of_branches:.1f} % of {ways} branches, "
          f"{explained} lines never run for a reason, {unexplained} without, "
          f"{stale} reasons out of date")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
