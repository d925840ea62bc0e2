#!/usr/bin/env python3
"""A model needs the memory of its weights in the type asked for, and half a gigabyte: loading maps the files and lets go
of what it has read, and the lens never has all logits of a text. doctor's estimate is no less than what is held."""

import json
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from peak_memory import (llama, llama_tensors, run_measured, write_config, write_gguf, write_llama2c,  # noqa: E402
                         write_shards, write_torch, write_zeros)
from scripts import command_under_test, need_no_sanitizer  # noqa: E402

ALLOWED = 512 << 20  # beside the weights
DEEP = llama(1024, 14, 16, 4, 4096, 8000)
# In bf16 files, of which a second copy must be seen too.
DEEPER = llama(1024, 20, 16, 4, 4096, 8000)
# One tensor is nearly all of it, so that a format that maps it whole is seen.
WIDE = llama(2048, 1, 16, 4, 4096, 100000)
# All logits of a text in fp64 would be 0.5 GB beside 33 MB of weights.
TALL = llama(64, 2, 4, 4, 128, 128256) | dict(max_position_embeddings=512)


def check(name, weights, peak, allowed=ALLOWED):
    print(f"{name}: {weights / 1e6:.0f} MB of weights, at most {peak / 1e6:.0f} MB held")
    if peak > weights + allowed:
        sys.exit(f"FAILED {name}: {(peak - weights) / 1e6:.0f} MB beside the weights")


def described(program, model, *more):
    out, peak = run_measured([program, "doctor", "--model", model, "--json", "-", *more])
    return json.loads(out)["model"], peak


def check_loading(program, model, kinds):
    stored = sum(file.stat().st_size for file in ([model] if model.is_file() else model.iterdir()))
    for dtype in ("float32", "bfloat16"):
        for kind, more in kinds.items():
            found, peak = described(program, model, "--dtype", dtype, *more)
            weights = found["weight_bytes"]
            if stored < ALLOWED or weights < ALLOWED / 2:
                sys.exit(f"FAILED: {weights} bytes of weights cannot tell one copy from two")
            check(f"{model.name}, {dtype}, {kind}", weights, peak)


def check_lens(program, model):
    found, _ = described(program, model)
    text = " a" * (found["working_tokens"] - 1)
    for gradients in ("none", "lens"):
        out, peak = run_measured([program, "lens", "--model", model, "--tokenizer", ROOT / "models" / "demo", "--text", text,
                                  "--gradients", gradients, "--json", "-"])
        tokens = len(json.loads(out)["texts"][0]["token_ids"])
        if not 450 <= tokens <= found["working_tokens"]:
            sys.exit(f"FAILED: a text of {tokens} tokens")
        check(f"lens of {tokens} tokens, gradients {gradients}", found["weight_bytes"], peak)
        check(f"the same against doctor's {found['working_bytes'] / 1e6:.0f} MB", found["weight_bytes"], peak,
              found["working_bytes"])


def main():
    program = command_under_test()
    need_no_sanitizer(program)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for model, shape in (("deep", DEEP), ("tall", TALL)):
            write_config(folder / model, shape)
            write_zeros(folder / model / "model.safetensors", llama_tensors(shape))
        for model, shape in (("wide torch", WIDE), ("deeper shards", DEEPER)):
            write_config(folder / model, shape)
        write_torch(folder / "wide torch" / "pytorch_model.bin", llama_tensors(WIDE))
        write_shards(folder / "deeper shards", llama_tensors(DEEPER), "BF16", 3)
        write_llama2c(folder / "wide.bin", WIDE)
        write_gguf(folder / "wide.gguf", WIDE)
        check_lens(program, folder / "tall")
        read, drawn = {"read": ()}, {"drawn": ("--random-weights", "1")}
        check_loading(program, folder / "deep", read | drawn)
        check_loading(program, folder / "wide.bin", read)
        check_loading(program, folder / "wide.gguf", read)
        check_loading(program, folder / "wide torch", read)
        check_loading(program, folder / "deeper shards", read)


if __name__ == "__main__":
    main()
