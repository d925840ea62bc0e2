#!/usr/bin/env python3
"""Runs every `energy-lens ...` command that README.md and docs/ show, in an empty folder with a corpus of that name.

A json block behind the block of an `energy-lens lens` command shows part of its first text: it must be what is printed,
numbers to the digits shown.
"""

import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cli_test import SMALL, command_under_test, write_corpus  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^```\n(energy-lens lens [^\n]*)\n```\n(?:(?!```).)*?^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(energy-lens [^`]+)`")


def commands():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.findall(text):
            for line in block.splitlines():
                if line.startswith("energy-lens "):
                    yield page.name, line.split("  #")[0]
        for inline in INLINE.findall(BLOCK.sub("", text)):
            if "--corpus" in inline and "DIR" not in inline:
                yield page.name, inline


def same(shown, printed):
    if isinstance(shown, list):
        return len(shown) == len(printed) and all(map(same, shown, printed))
    if isinstance(shown, float):
        return abs(shown - printed) < 6e-4  # three digits, rounded, and one more for the processor's rounding
    return shown == printed


def check_shown(binary):
    shown = SHOWN.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    for command, text in shown:
        result = subprocess.run([binary, *shlex.split(command)[1:]], capture_output=True, text=True, check=True)
        printed = json.loads(result.stdout)["texts"][0]
        for name, value in json.loads(text)["texts"][0].items():
            if not same(value, printed[name]):
                sys.exit(f"FAILED README.md: {command}\n{name} is {printed[name]}")
    return len(shown)


def main():
    binary = command_under_test()
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(pathlib.Path(folder) / "my.jsonl")
        for page, command in commands():
            arguments = shlex.split(command)[1:]
            if arguments[0] == "study":
                arguments += SMALL  # the same command on a corpus of a few documents
            result = subprocess.run([binary, *arguments], cwd=folder, capture_output=True, text=True)
            if result.returncode != 0:
                sys.exit(f"FAILED {page}: {command}\n{result.stderr}")
            count += 1
            print("ran", page, command)
    if count < 2:
        sys.exit("FAILED: found fewer than two commands, so the pages or this test have changed")
    if check_shown(binary) != 1:
        sys.exit("FAILED: README.md shows no output of the lens, so the page or this test has changed")


if __name__ == "__main__":
    main()
