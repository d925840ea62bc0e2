#!/usr/bin/env python3
"""A study holds the logits of a few rows whatever the documents it edits: its peak is that of the weights, of the lens
(doctor's estimate) and of one more block of rows, for an edit is compared with the model as it was."""

import json
import pathlib
import random
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from peak_memory import llama, run_measured, write_config  # noqa: E402
from scripts import command_under_test, need_no_sanitizer  # noqa: E402

VOCABULARY, WINDOW, EDITED = 128256, 64, 12
ROWS = 64  # kLogitRows of energy_lens/model/unembed_rows.h
MODEL = llama(64, 2, 4, 4, 128, VOCABULARY) | dict(max_position_embeddings=WINDOW)
OPTIONS = ["--layers", 1, "--window", WINDOW, "--documents", 80, "--atoms", 8, "--active", 2, "--iterations", 1,
           "--permutations", 99, "--bootstrap", 100, "--edited-features", 1, "--edited-documents", EDITED, "--prompts", 4,
           "--cycle-window", 4, "--cycle-steps", 4, "--text", "a b c", "--random-weights", 1]


def write_corpus(path):
    words = "one two three list value name text file read write call type test line word number".split()
    draw = random.Random(1)
    path.write_text("".join(json.dumps({"text": " ".join(draw.choices(words, k=2 * WINDOW))}) + "\n" for _ in range(80)))


def main():
    program = command_under_test()
    need_no_sanitizer(program)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = ["--model", folder / "tall", "--tokenizer", ROOT / "models" / "demo"]
        write_config(folder / "tall", MODEL)
        write_corpus(folder / "corpus.jsonl")
        described, _ = run_measured([program, "doctor", "--model", folder / "tall", "--random-weights", 1, "--json", "-"])
        found = json.loads(described)["model"]
        _, peak = run_measured([program, "study", *model, "--corpus", folder / "corpus.jsonl", "--out", folder / "out",
                                "--quiet", *OPTIONS])
        edits = json.loads((folder / "out" / "results.json").read_text())["interventions"]["edits"]
    edited = max(edit["documents"] for edit in edits)
    whole = edited * WINDOW * VOCABULARY * 4
    bound = found["weight_bytes"] + found["working_bytes"] + ROWS * VOCABULARY * 4
    print(f"{edited} documents edited, whose logits are {whole / 1e6:.0f} MB; at most {peak / 1e6:.0f} MB held, "
          f"bound {bound / 1e6:.0f} MB")
    if edited != EDITED or peak > bound:
        sys.exit("FAILED")


if __name__ == "__main__":
    main()
