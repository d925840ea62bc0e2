#!/usr/bin/env python3
"""Counts the instructions of three hot paths on their generic kernels under callgrind, against budgets.

Each path runs at two sizes; the difference leaves start-up out. Counts depend on the compiler, so a budget allows a
third more than what g++ 12 -O3 needs on x86-64: enough to catch a lost vectorised loop, a second pass or a copy, not a
compiler's taste. Where valgrind is missing the test skips and says so.
"""

import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from scripts import built, need_no_sanitizer, skip  # noqa: E402

# path: (smaller size, larger size, units of work in one step of size, instructions allowed a unit)
BUDGETS = {
    "lens": (32, 64, 2 * 96 * 512, 3.8),  # a row: two products of 96 x 512 multiply-adds
    "product": (48, 96, 96 * 288, 5.2),  # a row: 96 x 288 multiply-adds
    "permutations": (16, 32, 2000, 6.8),  # two documents: one look-up a permutation each
}


def instructions(program, path, size):
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", str(program), path, str(size)],
            capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", result.stderr).group(1))


def main():
    program = built("tests/hot_paths")
    need_no_sanitizer(program)
    if shutil.which("valgrind") is None:
        skip("valgrind is not installed")
    if platform.machine() != "x86_64":
        skip(f"the budgets are for x86_64, this is {platform.machine()}")
    failed = False
    for path, (small, large, units, allowed) in BUDGETS.items():
        count = instructions(program, path, large) - instructions(program, path, small)
        spent = count / ((large - small) * units)
        failed |= not spent <= allowed
        print(f"{path}: {spent:.3f} instructions a unit of work, at most {allowed}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
