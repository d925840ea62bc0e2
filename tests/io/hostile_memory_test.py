#!/usr/bin/env python3
"""Files made to exhaust whoever opens them are refused in little time and memory."""

import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from scripts import built, need_no_sanitizer  # noqa: E402

MOST_SECONDS = 20
LITTLE, MUCH = 256 << 20, 640 << 20  # a process that refuses at once; one with as many JSON values as may be, and one text of 60 MB


def write_apart(path, content):
    """In a process of its own: what it holds would count as the most memory of the programs started from here."""
    child = os.fork()
    if child == 0:
        path.write_bytes(content())
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"FAILED to write {path}")


def refused(command):
    """(seconds, most bytes held, message) of a command that must end with exit code 3."""
    with tempfile.TemporaryFile() as errors:
        begin = time.monotonic()
        child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        timer = subprocess.Popen(["sh", "-c", f"sleep {2 * MOST_SECONDS}; kill {child.pid} 2>/dev/null"])
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        timer.kill(), timer.wait()
        errors.seek(0)
        message = errors.read().decode(errors="replace").strip()
        if child.returncode != 3 and not message.startswith("3 "):
            sys.exit(f"FAILED: exit {child.returncode}, expected a refusal: {message[:300]}")
        return time.monotonic() - begin, usage.ru_maxrss * 1024, message


def tokenizers():
    model = lambda text: b'{"model":' + text + b"}"
    many = lambda count: model(b"[" + b"{}," * (count - 1) + b"{}]")
    vocabulary = lambda ids: json.dumps({"model": {"type": "BPE", "vocab": ids, "merges": []}}).encode()
    yield "200,000 empty objects", LITTLE, lambda: many(200000)
    yield "20 million empty objects", MUCH, lambda: many(20000000)
    yield "as many empty objects as there may be", MUCH, lambda: many(3999990)
    yield "as many members as there may be", MUCH, lambda: model(
        b"{" + b",".join(b'"%x":{}' % i for i in range(1999990)) + b"}")
    yield "5 million lists in one another", LITTLE, lambda: model(b"[" * 5000000)
    yield "one token with a large id", LITTLE, lambda: vocabulary({"a": 16777216})
    yield "many tokens with large ids", LITTLE, lambda: vocabulary({str(i): 16000000 + i for i in range(9)})


def ggufs():
    text = lambda data: struct.pack("<Q", len(data)) + data
    head = lambda tensors, keys: b"GGUF" + struct.pack("<IQQ", 3, tensors, keys)
    alignment = head(0, 1) + text(b"general.alignment")
    yield "3 million keys", LITTLE, lambda: head(0, 3000000) + b"".join(
        text(b"%06x" % i) + struct.pack("<IB", 0, 1) for i in range(3000000))
    yield "2 million tensors", LITTLE, lambda: head(2000000, 0) + b"".join(
        text(b"%06x" % i) + struct.pack("<IQIQ", 1, 1, 0, 0) for i in range(2000000))
    yield "an alignment of 100 MB", LITTLE, lambda: alignment + struct.pack("<I", 8) + text(bytes(100 << 20))
    yield "an alignment of 4 million numbers", LITTLE, lambda: alignment + struct.pack("<IIQ", 9, 0, 1 << 22) + bytes(1 << 22)
    yield "an architecture of 2^60 bytes", LITTLE, lambda: head(0, 1) + text(b"general.architecture") + struct.pack(
        "<IQ", 8, 1 << 60)


def check(name, command, most):
    seconds, peak, message = refused(command)
    print(f"{name}: {seconds:.1f} s, {peak / 1e6:.0f} MB; {message[:150]}")
    if seconds > MOST_SECONDS or peak > most or len(message) > 2000:
        sys.exit(f"FAILED {name}: expected at most {MOST_SECONDS} s, {most / 1e6:.0f} MB and a short message")


def main():
    programs = built("tests")
    need_no_sanitizer(programs)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for case, most, content in tokenizers():
            write_apart(folder / "tokenizer.json", content)
            check(case, [programs / "tokenize_main", folder], most)
        for case, most, content in ggufs():
            write_apart(folder / "model.gguf", content)
            check(case, [programs / "weights_dump_main", folder, folder / "model.gguf"], most)


if __name__ == "__main__":
    main()
