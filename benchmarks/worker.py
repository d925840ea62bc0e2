"""The rival's side of a comparison: the same requests as ours/worker_main.cpp, answered by a class of rivals/.

    python benchmarks/worker.py rivals.product:TorchProduct
"""

import ctypes
import importlib
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


def status_mb(field):
    for line in open("/proc/self/status", encoding="utf-8"):
        if line.startswith(field + ":"):
            return float(line.split()[1]) / 1024.0
    return 0.0


def reset_peak():
    with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
        file.write("5")


def run(rival):
    started = time.perf_counter()
    rival.run()
    return {"seconds": time.perf_counter() - started}


def weigh(rival):
    """Freed memory goes back to the system first: kept for reuse, it would count as there before the run."""
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    reset_peak()
    before = status_mb("VmRSS")
    rival.run()
    return {"peak_mb": status_mb("VmHWM") - before}


def prepare(name, request):
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(request["threads"])
    module, cls = name.split(":")
    rival = getattr(importlib.import_module(module), cls)()
    rival.prepare(request["params"], load_file(request["inputs"]))
    return rival


def main():
    from safetensors.torch import save_file

    rival = None
    for line in sys.stdin:
        request, reply = json.loads(line), {"ok": True}
        try:
            if request["op"] == "prepare":
                rival = prepare(sys.argv[1], request)
            elif request["op"] == "run":
                reply = run(rival)
            elif request["op"] == "weigh":
                reply = weigh(rival)
            elif request["op"] == "answer":
                save_file({k: v.contiguous() for k, v in rival.answer().items()}, request["file"])
        except Exception as error:  # the driver prints it and gives the row up
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
