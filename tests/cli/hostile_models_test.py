#!/usr/bin/env python3
"""Broken model folders through the command: exit 3 and one line that names the operation and the fault."""

import json
import pathlib
import shutil
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cli_test  # noqa: E402

WEIGHTS = "model.safetensors"


def truncate(path, size=1000):
    path.write_bytes(path.read_bytes()[:size])


def loop(path):
    path.unlink()
    path.symlink_to(path)


def change_config(**values):
    def fault(model):
        config = json.loads((model / "config.json").read_text())
        config.update(values)
        (model / "config.json").write_text(json.dumps(config))
    return fault


def change_header(edit):
    """Rewrites the weights' JSON header; the tensors' bytes stay."""
    def fault(model):
        data = (model / WEIGHTS).read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + length])
        text = edit(header, min(name for name in header if name != "__metadata__"))
        text = (text if isinstance(text, str) else json.dumps(header)).encode()
        (model / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length:])
    return fault


def rename(header, name):
    header["unheard.of"] = header.pop(name)


def duplicate(header, name):
    return json.dumps(header)[:-1] + "," + json.dumps(name) + ":" + json.dumps(header[name]) + "}"


FAULTS = {
    "weights a link to themselves": lambda m: loop(m / WEIGHTS),
    "config a link to itself": lambda m: loop(m / "config.json"),
    "config a folder": lambda m: ((m / "config.json").unlink(), (m / "config.json").mkdir()),
    "a folder without files": lambda m: [path.unlink() for path in m.iterdir()],
    "a folder that is a link to itself": lambda m: (shutil.rmtree(m), m.symlink_to(m)),
    "a folder without weights": lambda m: (m / WEIGHTS).unlink(),
    "a folder without config": lambda m: (m / "config.json").unlink(),
    "a folder without tokenizer": lambda m: [(m / name).unlink() for name in ("tokenizer.json", "vocab.json", "merges.txt")
                                             if (m / name).exists()],
    "weights truncated in the header": lambda m: truncate(m / WEIGHTS),
    "weights truncated in a tensor": lambda m: truncate(m / WEIGHTS, -4),
    "weights with bytes after the last tensor": lambda m: (m / WEIGHTS).write_bytes((m / WEIGHTS).read_bytes() + b"zz"),
    "weights empty": lambda m: (m / WEIGHTS).write_bytes(b""),
    "header length of 2^60": lambda m: (m / WEIGHTS).write_bytes(struct.pack("<Q", 1 << 60) + b"{}"),
    "a tensor missing": change_header(rename),
    "a tensor named twice": change_header(duplicate),
    "tensors that overlap": change_header(lambda h, n: h[n].update(data_offsets=[o - 4 if o else 4 for o in h[n]["data_offsets"]])),
    "a shape of 2^60": change_header(lambda h, n: h[n].update(shape=[1 << 60, 1 << 60])),
    "an unknown dtype": change_header(lambda h, n: h[n].update(dtype="F7")),
    "a dtype of another size": change_header(lambda h, n: h[n].update(dtype="F64")),
    "integers for weights": change_header(lambda h, n: h[n].update(dtype="I32")),
    "a shape turned around": change_header(
        lambda h, n: next(t for k, t in h.items() if "c_attn.weight" in k)["shape"].reverse()),
    "config not JSON": lambda m: (m / "config.json").write_text("{"),
    "config empty": lambda m: (m / "config.json").write_text(""),
    "config a list": lambda m: (m / "config.json").write_text("[]"),
    "config of another family": lambda m: (m / "config.json").write_text('{"model_type": "never-heard"}'),
    "width of another model": change_config(n_embd=128),
    "more layers than weights": change_config(n_layer=13),
    "heads that do not divide the width": change_config(n_head=5),
    "vocabulary of another model": change_config(vocab_size=4097),
    "negative layers": change_config(n_layer=-1),
    "width of 2^60": change_config(n_embd=1 << 60),
    "an activation nobody knows": change_config(activation_function="swish7"),
    "tokenizer truncated": lambda m: truncate(m / "tokenizer.json"),
    "tokenizer not UTF-8": lambda m: (m / "tokenizer.json").write_bytes(b"\xff\xfe{}"),
}


class HostileModels(unittest.TestCase):
    def test_each_is_refused_with_exit_3_and_one_line(self):
        self.assertGreaterEqual(len(FAULTS), 20)
        for name, fault in FAULTS.items():
            with self.subTest(name), tempfile.TemporaryDirectory(prefix="el_hostile_") as folder:
                model = pathlib.Path(folder) / "model"
                shutil.copytree(cli_test.DEMO, model)
                fault(model)
                result = cli_test.run("lens", "--model", model, "--text", "a b c")
                cli_test.assert_refused(self, result, 3)
                print(f"{name}: {result.stderr.strip()}")

    def test_the_untouched_copy_is_accepted(self):
        with tempfile.TemporaryDirectory(prefix="el_hostile_") as folder:
            model = pathlib.Path(folder) / "model"
            shutil.copytree(cli_test.DEMO, model)
            self.assertEqual(cli_test.run("lens", "--model", model, "--text", "a b c").returncode, 0)
            change_header(lambda header, name: None)(model)  # so that rewriting is no fault by itself
            self.assertEqual(cli_test.run("lens", "--model", model, "--text", "a b c").returncode, 0)


if __name__ == "__main__":
    cli_test.BINARY = cli_test.command_under_test()
    unittest.main()
