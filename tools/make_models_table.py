#!/usr/bin/env python3
"""Writes the tables of docs/models.md: `parity` compares every family with the reference implementation, `sizes` runs
`energy-lens lens` on models of known shapes with random weights and measures their memory."""

import argparse
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "models.md"
sys.path.insert(0, str(ROOT / "tests" / "support"))
from peak_memory import gpt2, llama, run_measured, write_config  # noqa: E402

LLAMA3 = dict(rope_type="llama3", factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=8192)
SHAPES = {
    "GPT-2 Medium": gpt2(1024, 24, 16),
    "GPT-2 Large": gpt2(1280, 36, 20),
    "GPT-2 XL": gpt2(1600, 48, 25),
    "Llama 3.2 1B": llama(2048, 16, 32, 8, 8192, 128256, rope_scaling=LLAMA3),
}
SENTENCE = "Once upon a time there was a small machine that counted what each word had cost. "


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def write_section(name, text):
    page = PAGE.read_text(encoding="utf-8")
    section = re.compile(rf"(<!-- {name}:[^\n]*-->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if not section.search(page):
        sys.exit(f"{PAGE} has no section {name}")
    PAGE.write_text(section.sub(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page), encoding="utf-8")


def parity(arguments):
    with tempfile.TemporaryDirectory() as folder:
        figures = pathlib.Path(folder) / "figures.json"
        subprocess.run([sys.executable, ROOT / "tests" / "model" / "model_parity_test.py", "--bin", arguments.bin,
                        "--json", figures], check=True)
        write_section("parity", parity_section(json.loads(figures.read_text())))


def parity_section(report):
    families = {}
    for row in report["rows"]:
        families.setdefault(row["family"], []).append(row)
    largest = lambda rows, key: f"{max(row[key] for row in rows):.1e}"
    rows = [[f"`{family}`", f"transformers {report['transformers']}", str(len(rows)), largest(rows, "logits"),
             largest(rows, "streams"), f"{report['greedy_tokens']} the same" if all(r["greedy"] for r in rows) else "DIFFER",
             f"{largest(rows, 'bf16')} ({largest(rows, 'reference_bf16')})", datetime.date.today().isoformat()]
            for family, rows in families.items()]
    head = ["family", "against", "configurations", "logits", "streams", "greedy tokens", "bf16 error (the reference's)",
            "date"]
    return table(head, rows) + f"\n\ntorch {report['torch']}, CPU, fp32 unless said."


def measure(program, folder, shape, dtype, tokens):
    write_config(folder, shape)
    command = [program, "lens", "--model", folder, "--tokenizer", ROOT / "models" / "demo", "--random-weights", "1",
               "--dtype", dtype, "--text", SENTENCE * tokens, "--json", folder / "lens.json"]
    started = time.monotonic()
    _, peak = run_measured(command)
    seconds = time.monotonic() - started
    result = json.loads((folder / "lens.json").read_text())["texts"][0]
    doctor, _ = run_measured([program, "doctor", "--model", folder, "--dtype", dtype, "--random-weights", "1",
                              "--json", "-"])
    model = json.loads(doctor)["model"]
    return dict(peak=peak, seconds=seconds, tokens=len(result["token_ids"]), parameters=model["parameters"],
                weights=model["weight_bytes"], difference=result["last_layer_max_difference"])


def sizes(arguments):
    program = pathlib.Path(arguments.bin) / "apps" / "cli" / "energy-lens"
    rows = []
    for name, shape in SHAPES.items():
        for dtype in ("float32", "bfloat16"):
            with tempfile.TemporaryDirectory() as folder:
                m = measure(program, pathlib.Path(folder), shape, dtype, arguments.sentences)
            gigabytes = lambda size: f"{size / 1e9:.2f} GB"
            rows.append([name, dtype, f"{m['parameters'] / 1e6:.0f} million", gigabytes(m["weights"]),
                         gigabytes(m["peak"]), f"{(m['peak'] - m['weights']) / 1e6:.0f} MB", f"{m['difference']:.1e}",
                         f"{m['seconds']:.0f} s"])
            print(*rows[-1], flush=True)
    head = ["shape", "type", "parameters", "weights", "most memory held", "beside the weights",
            "last layer against the loss", "time"]
    command = f"`tools/make_models_table.py sizes`, {datetime.date.today().isoformat()}: `energy-lens lens` with random"
    write_section("sizes", table(head, rows) + f"\n\n{command} weights, every layer of one text of {m['tokens']} tokens,"
                  f" {os.cpu_count()} CPU cores; the time includes drawing the weights.")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=("parity", "sizes"))
    parser.add_argument("--bin", default=str(ROOT / "build" / "release"), help="build folder")
    parser.add_argument("--sentences", type=int, default=8, help="length of the text of `sizes`")
    arguments = parser.parse_args()
    {"parity": parity, "sizes": sizes}[arguments.table](arguments)


if __name__ == "__main__":
    main()
