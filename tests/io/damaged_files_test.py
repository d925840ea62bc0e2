#!/usr/bin/env python3
"""Models and tokenizers cut short or with changed bytes, in every format: each is read or refused with exit code 3 and one
line, in little time and memory. --count N sets the number of changed files a format."""

import argparse
import collections
import json
import pathlib
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "tokenizer")]
from peak_memory import (llama, llama_tensors, write_config, write_gguf, write_llama2c, write_shards,  # noqa: E402
                         write_torch, write_zeros)
from scripts import built, has_sanitizer  # noqa: E402

CUTS = 64
MOST_SECONDS, MOST_MEGABYTES = 30, 300  # a format; beside what the sound file takes
ADDRESS_SPACE = 6 << 30
SHAPE = llama(16, 2, 2, 1, 24, 40) | dict(max_position_embeddings=64)
TREACHEROUS = (0, 1, 0x7F, 0x80, 0xFF)
TREACHEROUS_VALUES = (None, True, -1, 0, 1, 3, 1 << 31, 1 << 62, -(1 << 63), (1 << 64) - 1, 0.5, -1.5, 1e308, "", "a", "\u0000",
                      "\U0001f600" * 5, [], [0], [[1, 2]], {}, {"type": "linear"})


def models(folder):
    """(name, folder or file to open, file to damage, bytes at its beginning that are no numbers of the model)."""
    for name in ("safetensors", "shards", "torch", "gguf", "llama2c"):
        write_config(folder / name, SHAPE)
    tensors = list(llama_tensors(SHAPE))
    write_zeros(folder / "safetensors" / "model.safetensors", tensors)
    write_shards(folder / "shards", tensors, "BF16", 2)
    write_torch(folder / "torch" / "pytorch_model.bin", tensors)
    write_gguf(folder / "gguf" / "model.gguf", SHAPE)
    write_llama2c(folder / "llama2c" / "model.bin", SHAPE)
    yield "safetensors", folder / "safetensors", folder / "safetensors" / "model.safetensors", 1500
    yield "config.json", folder / "safetensors", folder / "safetensors" / "config.json", 1 << 20
    yield "shard index", folder / "shards", folder / "shards" / "model.safetensors.index.json", 1 << 20
    yield "torch.save", folder / "torch", folder / "torch" / "pytorch_model.bin", 1 << 20
    yield "GGUF", folder / "gguf" / "model.gguf", folder / "gguf" / "model.gguf", 2000
    yield "llama2.c", folder / "llama2c" / "model.bin", folder / "llama2c" / "model.bin", 28


def llama2c_vocabulary():
    tokens = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(b"<0x%02X>" % i for i in range(256)), b" ", b"a", b"b", b"ab", b" a"]
    return struct.pack("<i", 8) + b"".join(struct.pack("<fi", -i, len(t)) + t for i, t in enumerate(tokens))


def sentencepiece_model():
    import io
    import sentencepiece
    from training_text import training_lines
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line.replace("\n", " ") for line in training_lines()]), model_writer=made, model_type="bpe",
        vocab_size=650, hard_vocab_limit=False, minloglevel=2, num_threads=1, byte_fallback=True,
        normalization_rule_name="nmt_nfkc")
    return made.getvalue()


def small_tokenizer_json():
    """The demo's with a part of its vocabulary: all single characters and the first merges."""
    whole = json.loads((ROOT / "models" / "demo" / "tokenizer.json").read_text())
    model = whole["model"]
    model["merges"] = model["merges"][:40]
    kept = set(token for token in model["vocab"] if len(token) == 1) | {
        "".join(merge.split(" ") if isinstance(merge, str) else merge) for merge in model["merges"]}
    model["vocab"] = {token: i for i, token in enumerate(t for t in model["vocab"] if t in kept)}
    whole["added_tokens"] = [dict(token, id=len(kept) + i) for i, token in enumerate(whole["added_tokens"])]
    return json.dumps(whole).encode()


def tokenizers(folder):
    files = {"tokenizer.json": small_tokenizer_json(), "vocabulary.bin": llama2c_vocabulary()}
    try:
        files["tokenizer.model"] = sentencepiece_model()
    except ImportError as error:
        print("skipped: tokenizer.model:", error)
    for name, data in files.items():
        (folder / name).write_bytes(data)
        yield name, folder / name, folder / name, len(data)


def containers(value):
    if isinstance(value, (dict, list)) and value:
        yield value
        for member in value.values() if isinstance(value, dict) else value:
            yield from containers(member)


def with_other_values(data, generator):
    """JSON of which one or two values are others, or members gone."""
    value = json.loads(data)
    for _ in range(generator.choice((1, 1, 2))):
        chosen = generator.choice(list(containers(value)) or [[0]])
        key = generator.choice(list(chosen)) if isinstance(chosen, dict) else generator.randrange(len(chosen))
        if generator.random() < 0.2:
            del chosen[key]
        else:
            chosen[key] = generator.choice(TREACHEROUS_VALUES)
    return json.dumps(value).encode()


def damaged(data, head, count, generator):
    for piece in range(CUTS):
        yield data[:len(data) * piece // CUTS]
    for _ in range(count):
        if data.startswith(b"{") and generator.random() < 0.7:
            yield with_other_values(data, generator)
            continue
        changed = bytearray(data)
        for _ in range(generator.choice((1, 1, 2, 4))):
            at = generator.randrange(min(head, len(data)))
            what = generator.randrange(4)
            if what == 0:
                changed[at] ^= 1 << generator.randrange(8)
            elif what == 1:
                changed[at] = generator.choice(TREACHEROUS)
            elif what == 2:
                changed[at:at + 8] = bytes([generator.choice(TREACHEROUS)]) * len(changed[at:at + 8])
            else:  # a piece of the file in another place
                there = generator.randrange(min(head, len(data)))
                changed[at:at + 16] = data[there:there + len(changed[at:at + 16])]
        yield bytes(changed)


def copies(opened, file, contents, folder):
    """What to open for each content: a copy of `opened` in which it stands in place of `file`."""
    for index, content in enumerate(contents):
        copy = folder / str(index)
        if opened == file:
            copy.mkdir()
            (copy / file.name).write_bytes(content)
            yield copy / file.name
        else:
            shutil.copytree(opened, copy)
            (copy / file.name).write_bytes(content)
            yield copy


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


def answers(binary, kind, paths):
    """(code, message) of each path, and the most megabytes held."""
    limit = None if has_sanitizer(binary) else limit_memory
    done = subprocess.run([binary, kind, *paths], capture_output=True, timeout=10 * MOST_SECONDS, preexec_fn=limit)
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode != 0 or len(lines) != len(paths) + 1:
        kept = pathlib.Path(tempfile.mkdtemp(prefix="el_crash_")) / "file"
        culprit = paths[min(len(lines), len(paths) - 1)]
        (shutil.copytree if culprit.is_dir() else shutil.copy)(culprit, kept)
        sys.exit(f"FAILED: ended with {done.returncode} after {len(lines)} of {len(paths)} files, at {kept}: "
                 f"{done.stderr.decode(errors='replace')[:1000]}")
    return [(line + " ").split(" ", 1) for line in lines[:-1]], int(lines[-1].split()[1]) / 1024


def check(binary, kind, case, count, seed):
    name, opened, file, head = case
    (sound,), base = answers(binary, kind, [opened])
    if sound[0] != "0":
        sys.exit(f"FAILED {name}: the sound file was refused: {sound}")
    contents = list(damaged(file.read_bytes(), head, count, random.Random(seed)))
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        results, peak = answers(binary, kind, list(copies(opened, file, contents, pathlib.Path(folder))))
        seconds = time.monotonic() - started
    codes = collections.Counter(code for code, _ in results)
    print(f"{name}: {len(results)} damaged files, exit codes {dict(codes)}, {seconds:.1f} s, {peak - base:.0f} MB more than "
          "the sound one")
    for content, (code, message) in zip(contents, results):
        if code not in ("0", "3") or (code == "3" and not 20 < len(message) < 2000):
            kept = pathlib.Path(tempfile.mkdtemp(prefix="el_damaged_")) / file.name
            kept.write_bytes(content)
            sys.exit(f"FAILED {name}: exit {code} {message[:300]!r} of {kept}")
    if codes["3"] < CUTS // 2:
        sys.exit(f"FAILED {name}: expected more refusals")
    if not has_sanitizer(binary) and (seconds > MOST_SECONDS or peak > base + MOST_MEGABYTES):
        sys.exit(f"FAILED {name}: expected at most {MOST_SECONDS} s and {MOST_MEGABYTES} MB more")


def main():
    binary = built("tests/open_main")
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for kind, cases in (("model", models), ("tokenizer", tokenizers)):
            place = pathlib.Path(name) / kind
            place.mkdir()
            for index, case in enumerate(cases(place)):
                if case[0].startswith(arguments.only):
                    check(binary, kind, case, arguments.count, arguments.seed * 100 + index)


if __name__ == "__main__":
    main()
