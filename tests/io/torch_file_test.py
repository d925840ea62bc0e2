#!/usr/bin/env python3
"""Our reader of torch.save files against torch.load, and against files made to harm whoever opens them."""

import argparse
import collections
import io
import os
import pathlib
import pickle
import random
import struct
import subprocess
import sys
import tempfile
import zipfile

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from scripts import built  # noqa: E402

BAD_INPUT = "3"


def fail(*words):
    sys.exit("FAILED " + " ".join(map(str, words)))


class Reader:
    """Drives the weights_dump_main program: one process for many files."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def __call__(self, paths):
        """(code, message) of each file, and the process's peak memory in MB."""
        result = subprocess.run([self.binary, self.folder / "out", *paths], capture_output=True)
        lines = result.stdout.decode(errors="replace").splitlines()
        if result.returncode != 0 or len(lines) != len(paths) + 1:
            fail("the reader died at file", len(lines), "of", len(paths), result.stderr.decode(errors="replace"))
        peak = int(lines.pop().split()[1])
        return [tuple((line + " ").split(" ", 1)) for line in lines], peak / 1024

    def tensors(self, path):
        (result,), _ = self([path])
        if result[0] != "0":
            fail(path.name, "was refused:", result[1])
        return load_file(self.folder / "out" / (path.stem + ".safetensors"))


def layouts():
    base = torch.arange(60, dtype=torch.float32).reshape(5, 12)
    generator = torch.Generator().manual_seed(1)
    tied = torch.nn.Linear(4, 6)
    state = collections.OrderedDict(weight=base, same_storage=base, bias=torch.tensor([1.0, 2.0]))
    state._metadata = collections.OrderedDict({"": {"version": 1}, "layer": {"version": 2}})
    return {
        "plain": {"a": base, "b": torch.randn(3, 4, generator=generator)},
        "views": {"rows": base[1:4], "columns": base[:, 3:9], "one": base[2, 5], "steps": base[::2, ::3], "tail": base[4:]},
        "transposed": {"t": base.t(), "permuted": torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1), "flat": base.t()[3]},
        "one wide": {"unit": torch.arange(6.0).reshape(6, 1, 1).transpose(0, 2), "gap": torch.arange(50.0).as_strided((3, 4), (11, 2), 5)},
        "tied": {"embed": tied.weight, "head": tied.weight, "head_t": tied.weight.detach().t()},
        "parameters": dict(torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.LayerNorm(5)).named_parameters()),
        "state_dict": state,
        "module state": torch.nn.TransformerDecoderLayer(8, 2, 16).state_dict(),
        "empty": {"none": torch.empty(0, 7), "nothing": torch.empty(0), "scalar": torch.tensor(3.5), "middle": torch.empty(2, 0, 3)},
        "nested": {"model": {"layer": {"w": base, "0": torch.ones(2)}, 3: torch.zeros(1)}, "step": 7, "rate": 1e-3,
                   "name": "run", "flags": [True, None, (1, 2)], "size": base.size(), "dtype": torch.bfloat16, "big": -2**40},
        "many": {f"layer.{i}.weight": torch.full((2,), float(i)) for i in range(300)},
        "dtypes": {str(kind): base[:, :4].to(kind) for kind in (torch.float64, torch.float32, torch.float16, torch.bfloat16,
                   torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)},
        "big": {"w": torch.randn(3000, 3000, generator=generator), "t": torch.randn(2200, 2000, generator=generator).t()},
    }


def flatten(value, name=""):
    if isinstance(value, torch.Tensor):
        yield name, value.detach()
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from flatten(item, f"{name}.{key}" if name else str(key))


def check_layouts(reader, folder):
    for protocol in (2, 3, 4, 5):
        for name, saved in layouts().items():
            path = folder / f"{name.replace(' ', '_')}_{protocol}.pt"
            torch.save(saved, path, pickle_protocol=protocol)
            ours, theirs = reader.tensors(path), dict(flatten(torch.load(path, weights_only=False)))
            if ours.keys() != theirs.keys():
                fail(name, "got names", sorted(ours), "expected", sorted(theirs))
            for key, tensor in theirs.items():
                same_dtype = ours[key].dtype == tensor.dtype or tensor.dtype == torch.int16
                if not same_dtype or ours[key].shape != tensor.shape or not torch.equal(ours[key].to(tensor.dtype), tensor):
                    fail(name, key, "differs")
    print(f"{len(layouts())} layouts in protocols 2 to 5 are the same as torch.load's")


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.what = function, arguments

    def __reduce__(self):
        return self.what


def repacked(source, change=lambda name, data: (name, data), **options):
    """The archive of `source` with every entry passed through `change`."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(out, "w", **options) as new:
        for info in old.infolist():
            changed = change(info.filename, old.read(info.filename))
            if changed is not None:
                new.writestr(*changed)
    return out.getvalue()


def with_pickle(source, data):
    return repacked(source, lambda name, old: (name, data if name.endswith("/data.pkl") else old))


def rebuilt(size, stride, offset=0, storage="FloatStorage", key="0", count=6):
    """data.pkl of one tensor described by hand."""
    text = lambda s: b"X" + struct.pack("<I", len(s)) + s.encode()
    number = lambda n: b"\x8a\x08" + struct.pack("<q", n)
    numbers = lambda values: b"(" + b"".join(map(number, values)) + b"t"
    return (b"\x80\x02}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\n" +
            storage.encode() + b"\n" + text(key) + text("cpu") + number(count) + b"tQ" + number(offset) + numbers(size) +
            numbers(stride) + b"\x89}tRs.")


def patched(data, find, replace):
    if find not in data:
        fail("the test's own patch found nothing:", find)
    return data.replace(find, replace)


def hostile_pickles(good, witness):
    import builtins
    command = f"touch {witness}"
    save = lambda value, protocol=2: pickle.dumps({"w": value}, protocol)
    loop, tree = {}, {}
    loop["a"] = loop
    for _ in range(12):
        tree = dict.fromkeys("abcdefgh", tree)
    by_hand = {
        "os.system": save(Calls(os.system, command)), "os.system, protocol 4": save(Calls(os.system, command), 4),
        "builtins.eval": save(Calls(builtins.eval, f"open({str(witness)!r}, 'w')")), "exec": save(Calls(exec, "1")),
        "subprocess": save(Calls(subprocess.check_output, ["touch", str(witness)])),
        "getattr": save(Calls(getattr, "x", "upper")), "torch.load": save(Calls(torch.load, "x")),
        "object of a class": save(argparse.Namespace(a=1)), "Fraction": save(__import__("fractions").Fraction(1, 3)),
        "INST": b"\x80\x02(X\x04\x00\x00\x00trueios\nsystem\n.", "protocol 0": pickle.dumps({"a": 1}, 0),
        "a list": pickle.dumps([1, 2], 2), "dictionary in itself": pickle.dumps(loop, 2), "a doubling tree": pickle.dumps(tree, 2),
        "size of 2^60": rebuilt([2**60], [1]), "sizes that wrap": rebuilt([2**32, 2**32], [2**32, 1]),
        "negative size": rebuilt([-1], [1]), "negative stride": rebuilt([2], [-1]), "negative offset": rebuilt([2], [1], -1),
        "offset of 2^62": rebuilt([2], [1], 2**62), "one element too far": rebuilt([2, 3], [3, 1], 1),
        "stride of 2^62": rebuilt([3], [2**62]), "stride 0": rebuilt([6], [0]), "overlapping windows": rebuilt([3, 3], [1, 1]),
        "more strides than sizes": rebuilt([2], [1, 1]), "many dimensions": rebuilt([1] * 60, [1] * 60),
        "a wider type than was stored": rebuilt([6], [1], storage="DoubleStorage"),
        "an unknown storage": rebuilt([6], [1], storage="ComplexFloatStorage"), "no such entry": rebuilt([6], [1], key="9"),
        "entry by a path": rebuilt([6], [1], key="../data.pkl"), "entry of the pickle": rebuilt([6], [1], key="/data.pkl"),
        "truncated": rebuilt([6], [1])[:-20], "nothing": b"",
    }
    return {name: with_pickle(good, data) for name, data in by_hand.items()}


def with_central_field(data, offset, value):
    """Writes `value` at `offset` of every central directory header, and at the same field of the local one."""
    out = bytearray(data)
    at = out.find(b"PK\x01\x02")
    while at >= 0:
        struct.pack_into("<H", out, at + offset, value)
        local = struct.unpack_from("<I", out, at + 42)[0]
        struct.pack_into("<H", out, local + offset - 2, value)
        at = out.find(b"PK\x01\x02", at + 4)
    return bytes(out)


def hostile_archives(good):
    traversal = lambda bad: repacked(good, lambda n, d: (bad if n.endswith("data/0") else n, d))
    bomb = repacked(good, lambda n, d: (n, bytes(200 << 20) if n.endswith("data/0") else d), compression=zipfile.ZIP_DEFLATED)
    pickle_bomb = repacked(good, lambda n, d: (n, b"\x80\x02" + b"N" * (100 << 20) if n.endswith(".pkl") else d),
                           compression=zipfile.ZIP_DEFLATED)
    twice = io.BytesIO(repacked(good))
    with zipfile.ZipFile(twice, "a") as archive:
        archive.writestr("other/data.pkl", b"\x80\x02}.")
    end = good.rfind(b"PK\x05\x06")
    zip64 = (struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1 << 28, 1 << 28, 46, 0) +
             struct.pack("<4sIQI", b"PK\x06\x07", 0, 0, 1) + b"PK\x05\x06" + b"\0\0\0\0" + b"\xff" * 12 + b"\0\0")
    return {
        "parent folder": traversal("archive/../../etc/passwd"), "absolute": traversal("/etc/passwd"),
        "backslashes": traversal("archive\\..\\x"), "drive": traversal("C:/x"), "current folder": traversal("./archive/data/0"),
        "zip bomb": bomb, "pickle bomb": pickle_bomb, "compressed": repacked(good, compression=zipfile.ZIP_DEFLATED),
        "two pickles": twice.getvalue(), "no pickle": repacked(good, lambda n, d: None if n.endswith(".pkl") else (n, d)),
        "no data": repacked(good, lambda n, d: None if n.endswith("data/0") else (n, d)),
        "big-endian": repacked(good, lambda n, d: (n, b"big" if n.endswith("byteorder") else d)),
        "TorchScript": repacked(good, lambda n, d: (n.replace("version", "constants.pkl"), d)),
        "encrypted": with_central_field(good, 8, 0x0809), "unknown method": with_central_field(good, 10, 99),
        "2^28 entries": b"PK\x03\x04" + bytes(42) + zip64,
        "numbers changed": patched(good, struct.pack("<3f", 0.5, 1.5, 2.5), struct.pack("<3f", 0.5, 1.5, 9.5)),
        "only an end": good[end:], "text": b"PK\x03\x04 is how zip archives begin",
    }


def old_format(value):
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=False)
    return out.getvalue()


def check_hostile(reader, folder):
    buffer = io.BytesIO()
    torch.save({"w": torch.arange(6, dtype=torch.float32) + 0.5}, buffer)
    good, witness = buffer.getvalue(), folder / "executed"
    cases = hostile_pickles(good, witness) | hostile_archives(good)
    cases["before torch 1.6"] = old_format({"w": torch.ones(3)})
    expanded = io.BytesIO()
    torch.save({"w": torch.ones(1).expand(1 << 40)}, expanded)
    cases["expanded to 2^40"] = expanded.getvalue()
    paths = []
    for index, (name, data) in enumerate(cases.items()):
        paths.append(folder / f"hostile{index}.pt")
        paths[-1].write_bytes(data)
    benign = folder / "benign.pt"
    benign.write_bytes(good)
    (result,), base = reader([benign])
    if result[0] != "0":
        fail("the sound file was refused:", result[1])
    results, peak = reader(paths)
    for (name, _), (code, message) in zip(cases.items(), results):
        print(f"{name}: {message.strip()}")
        if code != BAD_INPUT or not message.strip():
            fail(name, "gave", code, message)
    if witness.exists():
        fail("something was executed")
    print(f"{len(cases)} hostile files refused; peak memory {peak:.0f} MB, {base:.0f} MB for a sound file")
    if peak > base + 300:
        fail("memory is not bounded")


def check_damage(reader, folder):
    """Cut anywhere a file is refused; with one byte changed it is refused or gives some tensors, and never more."""
    buffer = io.BytesIO()
    torch.save({"w": torch.arange(6, dtype=torch.float32), "v": torch.ones(2, 2)}, buffer)
    good, generator = buffer.getvalue(), random.Random(1)
    cut, changed = [], []
    for index, size in enumerate(range(0, len(good), 37)):
        cut.append(folder / f"cut{index}.pt")
        cut[-1].write_bytes(good[:size])
    for index in range(1500):
        data = bytearray(good)
        data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        changed.append(folder / f"changed{index}.pt")
        changed[-1].write_bytes(data)
    for path, (code, message) in zip(cut, reader(cut)[0]):
        if code != BAD_INPUT:
            fail(path.name, "gave", code, message)
    codes = collections.Counter(code for code, _ in reader(changed)[0])
    print(f"{len(cut)} cut files refused; of {len(changed)} with one bit changed:", dict(codes))
    if set(codes) - {"0", BAD_INPUT} or codes[BAD_INPUT] < 100:
        fail("a damaged file gave another result than tensors or a refusal")


def main():
    binary = built("tests/weights_dump_main")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "out").mkdir()
        reader = Reader(binary, folder)
        check_layouts(reader, folder)
        check_hostile(reader, folder)
        check_damage(reader, folder)


if __name__ == "__main__":
    main()
