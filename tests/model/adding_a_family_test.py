#!/usr/bin/env python3
"""Every piece of code that docs/adding-a-family.md shows stands in the source it speaks of."""

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ("energy_lens/model/families/olmo2.cpp", "tests/support/family_configs.h", "tests/model/reference_models.py")
BLOCK = re.compile(r"^```(?:cpp|python)\n(.*?)\n```", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"`((?:energy_lens|tests|tools)/[\w./-]+)`")


def lines_without_indent(text):
    return "\n".join(line.strip() for line in text.splitlines())


def main():
    argparse.ArgumentParser().parse_known_args()
    page = (ROOT / "docs" / "adding-a-family.md").read_text(encoding="utf-8")
    sources = [lines_without_indent((ROOT / source).read_text(encoding="utf-8")) for source in SOURCES]
    blocks = BLOCK.findall(page)
    for block in blocks:
        if not any(lines_without_indent(block) in source for source in sources):
            sys.exit(f"FAILED: the page shows code that no longer stands in the tree:\n{block}")
    for path in PATH.findall(page):
        if not (ROOT / path).exists():
            sys.exit(f"FAILED: the page speaks of {path}, which is not there")
    if len(blocks) < 6:
        sys.exit("FAILED: fewer pieces of code than the page had, so the page or this test has changed")
    print(f"{len(blocks)} pieces of code stand in the tree")


if __name__ == "__main__":
    main()
