#!/usr/bin/env python3
"""A model needs the memory of its weights in the type asked for, and half a gigabyte: loading maps the files and lets go
of what it has read."""

import argparse
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from peak_memory import llama, llama_tensors, run_measured, write_config, write_zeros  # noqa: E402

ALLOWED = 512 << 20  # beside the weights
SHAPE = llama(1024, 14, 16, 4, 4096, 8000)


def check(name, weights, peak):
    print(f"{name}: {weights / 1e6:.0f} MB of weights, at most {peak / 1e6:.0f} MB held")
    if peak > weights + ALLOWED:
        sys.exit(f"FAILED {name}: {(peak - weights) / 1e6:.0f} MB beside the weights")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    program = pathlib.Path(parser.parse_args().bin) / "apps" / "cli" / "energy-lens"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_config(folder, SHAPE)
        write_zeros(folder / "model.safetensors", llama_tensors(SHAPE))
        stored = (folder / "model.safetensors").stat().st_size
        for dtype in ("float32", "bfloat16"):
            for kind, more in (("read", ()), ("drawn", ("--random-weights", "1"))):
                command = [program, "doctor", "--model", folder, "--dtype", dtype, "--json", "-", *more]
                out, peak = run_measured(command)
                weights = json.loads(out)["model"]["weight_bytes"]
                if weights < ALLOWED * (1 if dtype == "float32" else 0.5) or weights > stored:
                    sys.exit(f"FAILED: {weights} bytes of weights cannot tell one copy from two")
                check(f"{dtype}, {kind}", weights, peak)


if __name__ == "__main__":
    main()
