#!/usr/bin/env python3
"""Broken model folders through the command: exit 3 and one line that names the operation and the fault."""

import argparse
import json
import os
import pathlib
import pickle
import shutil
import struct
import sys
import tempfile
import unittest
import zipfile

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


def overlap(header, name):
    """The last tensor's bytes begin in the one before it."""
    last = max((entry for key, entry in header.items() if key != "__metadata__"), key=lambda entry: entry["data_offsets"])
    last["data_offsets"] = [offset - 4 for offset in last["data_offsets"]]


def integers(model):
    """The first tensor's numbers as I32, with room made for them."""
    data = (model / WEIGHTS).read_bytes()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:begin])
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    first = min(tensors.values(), key=lambda entry: entry["data_offsets"])
    size = first["data_offsets"][1]
    for entry in tensors.values():
        entry["data_offsets"] = [offset + size for offset in entry["data_offsets"]]
    first.update(dtype="I32", data_offsets=[0, 2 * size])
    text = json.dumps(header).encode()
    (model / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + bytes(size) + data[begin:])


def rename(header, name):
    header["unheard.of"] = header.pop(name)


def duplicate(header, name):
    return json.dumps(header)[:-1] + "," + json.dumps(name) + ":" + json.dumps(header[name]) + "}"


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.what = function, arguments

    def __reduce__(self):
        return self.what


def torch_file(pickled, storage=bytes(24), storage_name="archive/data/0", compression=zipfile.ZIP_STORED):
    """pytorch_model.bin for model.safetensors; `pickled` is made of the folder."""
    def fault(model):
        (model / WEIGHTS).unlink()
        with zipfile.ZipFile(model / "pytorch_model.bin", "w", compression) as archive:
            archive.writestr("archive/data.pkl", pickled(model))
            archive.writestr("archive/version", "3\n")
            archive.writestr(storage_name, storage)
    return fault


def calling(function, text):
    """A pickle that calls `function`; {} in the text stands for the folder."""
    return lambda model: pickle.dumps({"w": Calls(function, text.format(model))}, 2)


def only_file(name, content):
    """The folder's tokenizer beside one file of weights that brings its own configuration."""
    def fault(model):
        for other in (WEIGHTS, "config.json"):
            (model / other).unlink()
        (model / name).write_bytes(content)
    return fault


def gguf_with_text(size, text):
    """A GGUF header whose architecture claims `size` bytes."""
    name = b"general.architecture"
    return b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, len(name)) + name + struct.pack("<IQ", 8, size) + text


def change_tokenizer(change):
    def fault(model):
        tokenizer = json.loads((model / "tokenizer.json").read_text())
        change(tokenizer)
        (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    return fault


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
    "tensors that overlap": change_header(overlap),
    "a shape of 2^60": change_header(lambda h, n: h[n].update(shape=[1 << 60, 1 << 60])),
    "an unknown dtype": change_header(lambda h, n: h[n].update(dtype="F7")),
    "a dtype of another size": change_header(lambda h, n: h[n].update(dtype="F64")),
    "integers for weights": integers,
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
    "tokenizer nested without end": lambda m: (m / "tokenizer.json").write_bytes(b'{"model":' + b"[" * 1000000),
    "a token id of 2^60": change_tokenizer(lambda t: t["model"]["vocab"].update({"one more": 1 << 60})),
    "a token beyond the vocabulary": change_tokenizer(lambda t: t["model"]["vocab"].update({"one more": 4096})),
    "a pickle that runs a program": torch_file(calling(os.system, "touch {}/executed")),
    "a pickle that evaluates code": torch_file(calling(eval, "open('{}/executed', 'w')")),
    "a pickle of an unknown class": torch_file(lambda m: pickle.dumps({"w": argparse.Namespace()}, 2)),
    "a pickle cut short": torch_file(lambda m: pickle.dumps({"w": 1}, 2)[:-2]),
    "a zip bomb": torch_file(lambda m: pickle.dumps({}, 2), bytes(64 << 20), compression=zipfile.ZIP_DEFLATED),
    "an archive that leaves its folder": torch_file(lambda m: pickle.dumps({}, 2), storage_name="archive/../../executed"),
    "a torch file that is text": lambda m: ((m / WEIGHTS).unlink(), (m / "pytorch_model.bin").write_bytes(b"PK\3\4 not")),
    "a GGUF file cut short": only_file("model.gguf", gguf_with_text(5, b"ll")),
    "a GGUF file of 2^60 tensors": only_file("model.gguf", b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0)),
    "a GGUF text of 2^63 bytes": only_file("model.gguf", gguf_with_text(1 << 63, bytes(64))),
    "a llama2.c file cut short": only_file("stories.bin", struct.pack("<7i", 64, 172, 5, 8, 4, 512, 512) + bytes(100)),
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
                self.assertEqual([path for path in pathlib.Path(folder).rglob("*executed*")], [])
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
