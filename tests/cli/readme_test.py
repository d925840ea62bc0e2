#!/usr/bin/env python3
"""Runs every `energy-lens ...` command that README.md and docs/ show, in an empty folder with a corpus of that name."""

import argparse
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cli_test import SMALL, write_corpus  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    binary = os.path.abspath(os.path.join(parser.parse_args().bin, "apps/cli/energy-lens"))
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


if __name__ == "__main__":
    main()
