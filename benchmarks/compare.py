#!/usr/bin/env python3
"""Measures every row of benchmarks/rows against its rival and writes build/bench/results.json and results.md.

Rules: both sides get the same inputs, the same number of threads and the same dtype; the answer is checked before
anything is timed; runs alternate (ours, rival, rival, ours, ...); the ratio is the median of the pairs' ratios. A row is
marked "noisy" where other processes used more than 5 % of the machine.

    make bench                                   every row
    .venv/bin/python benchmarks/compare.py --rows gemm,lens-fp32 --repeats 7
"""

import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))


class Worker:
    """A process that answers one JSON line a request; its threads sleep while the other side runs."""

    def __init__(self, command, threads):
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        )

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        reply = json.loads(line) if line else {"error": "the process ended"}
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.kill()
        self.process.wait()


def busy_seconds():
    fields = [int(x) for x in open("/proc/stat", encoding="utf-8").readline().split()[1:]]
    idle = fields[3] + fields[4]
    return (sum(fields[:8]) - idle) / os.sysconf("SC_CLK_TCK"), sum(fields[:8]) / os.sysconf("SC_CLK_TCK")


def load_rows():
    rows = []
    for path in sorted((HERE / "rows").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"row_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        rows += module.ROWS
    return sorted(rows, key=lambda row: not row.always)


def python_of(row):
    return str(ROOT / row.environment / "bin/python")


def missing_module(row):
    probe = "import importlib.util, sys; print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n) is None])"
    if not pathlib.Path(python_of(row)).exists():
        return row.environment
    return subprocess.run([python_of(row), "-c", probe, *row.needs], capture_output=True, text=True).stdout.strip()


def check_answers(row, given, sides, folder):
    """Both sides answer once; raises when ours is further from the reference than allowed."""
    from safetensors.torch import load_file

    answers = []
    for name, side in sides.items():
        side.ask(op="run")
        side.ask(op="answer", file=str(folder / f"{name}.safetensors"))
        answers.append(load_file(folder / f"{name}.safetensors"))
    errors = row.errors(given, *answers)
    wrong = {name: pair for name, pair in errors.items() if not pair[0] <= pair[1]}
    if wrong:
        raise RuntimeError(f"wrong answer: {wrong}")
    return errors


def interleave(sides, repeats):
    runs = {name: [] for name in sides}
    for repeat in range(repeats):
        order = list(sides) if repeat % 2 == 0 else list(reversed(sides))
        for name in order:
            runs[name].append(sides[name].ask(op="run"))
    return runs


def summarise(row, runs, peaks, errors, rates):
    """rates: GFLOP/s of the rows that are always measured, by id."""
    ours, theirs = ([run["seconds"] for run in runs[name]] for name in ("ours", "rival"))
    ratios = sorted(b * row.rival_scale / a for a, b in zip(ours, theirs))
    peak_mb, rival_mb = peaks["ours"], peaks["rival"]
    result = {
        "id": row.id, "what": row.what, "rival": row.rival, "params": row.params, "repeats": len(ratios),
        "ratio": statistics.median(ratios), "ratio_min": ratios[0], "ratio_max": ratios[-1], "required": row.required,
        "seconds": statistics.median(ours), "rival_seconds": statistics.median(theirs) * row.rival_scale,
        "rival_extrapolated": row.rival_scale != 1.0,
        "max_error": max(error and error / allowed for error, allowed in errors.values()) if errors else None,
        "errors": {name: {"error": error, "allowed": allowed} for name, (error, allowed) in errors.items()},
        "peak_mb": peak_mb, "rival_peak_mb": rival_mb,
    }
    if row.gflop:
        result["gflops"] = row.gflop / result["seconds"]
        result["fastest_gflops"] = row.gflop / min(ours)
        result["share_of_peak"] = result["gflops"] / rates.get("gemm", result["gflops"])
    if row.roof in rates:  # all operations at the rate of the registers, and nothing else
        result["at_most"] = result["rival_seconds"] * rates[row.roof] / row.gflop
    result["memory_ok"] = (not row.memory_limit_mb or peak_mb <= row.memory_limit_mb) and (
        not row.memory_share or peak_mb <= row.memory_share * rival_mb)
    result["seconds_limit"] = row.seconds_limit or None
    result["seconds_ok"] = not row.seconds_limit or result["seconds"] <= row.seconds_limit
    result["met"] = result["ratio"] >= row.required and result["memory_ok"] and result["seconds_ok"]
    return result


def measure(row, options, rates):
    from safetensors.torch import save_file

    given = row.inputs()
    with tempfile.TemporaryDirectory(prefix="energy-lens-bench-") as temporary:
        folder = pathlib.Path(temporary)
        save_file(given, folder / "inputs.safetensors")
        sides = {
            "ours": Worker([str(options.worker)], options.threads),
            "rival": Worker([python_of(row), str(HERE / "worker.py"), row.rival_class], options.threads),
        }
        try:
            for side in sides.values():
                side.ask(op="prepare", work=row.work, threads=options.threads, params=row.params,
                         inputs=str(folder / "inputs.safetensors"))
            errors = check_answers(row, given, sides, folder)
            peaks = {name: side.ask(op="weigh")["peak_mb"] for name, side in sides.items()}
            busy, total = busy_seconds()
            own = sum(side.cpu_seconds() for side in sides.values())
            runs = interleave(sides, options.repeats or row.repeats)
            busy_after, total_after = busy_seconds()
            others = (busy_after - busy) - (sum(side.cpu_seconds() for side in sides.values()) - own)
        finally:
            for side in sides.values():
                side.close()
    result = summarise(row, runs, peaks, errors, rates)
    result["others_share"] = max(0.0, others / (total_after - total))
    result["noisy"] = result["others_share"] > 0.05
    return result


def line_of(result):
    if "reason" in result:
        return f"| {result['id']} | {result['what']} | {result['rival']} | not run: {result['reason']} | | | | | |"
    share = f"{100 * result['share_of_peak']:.0f} %" if "share_of_peak" in result else ""
    at_most = f"{result['at_most']:.3g}" if "at_most" in result else ""
    verdict = "yes" if result["met"] else "no"
    if result["seconds_limit"]:
        verdict += f" ({result['seconds']:.1f} of {result['seconds_limit']:g} s)"
    noisy = " (noisy)" if result["noisy"] else ""
    extrapolated = " (extrapolated)" if result["rival_extrapolated"] else ""
    return (
        f"| {result['id']} | {result['what']} | {result['rival']}{extrapolated} "
        f"| {result['ratio']:.3g} ({result['ratio_min']:.3g}..{result['ratio_max']:.3g}){noisy} "
        f"| {result['required']:g} | {verdict} | {at_most} | {result['peak_mb']:.0f} / {result['rival_peak_mb']:.0f} | {share} |"
    )


HEADER = """| row | work | rival | ratio (min..max) | demanded | met | at most | peak MB ours / rival | share of GEMM peak |
|---|---|---|---|---|---|---|---|---|"""


def processor():
    for line in open("/proc/cpuinfo", encoding="utf-8"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def environment(options):
    import torch

    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"), "processor": processor(),
        "cores": os.cpu_count(), "vector": torch.backends.cpu.get_cpu_capability(), "threads": options.threads,
        "torch": torch.__version__,
        "commit": subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True,
                                 text=True).stdout.strip(),
    }


def save(options, results):
    options.out.mkdir(parents=True, exist_ok=True)
    document = {"schema": "energy-lens/bench/1", "machine": environment(options), "rows": results}
    (options.out / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    table = "\n".join([HEADER] + [line_of(result) for result in results]) + "\n"
    (options.out / "results.md").write_text(table, encoding="utf-8")


def attempt(row, options, rates):
    missing = missing_module(row)
    if missing:
        return {"id": row.id, "what": row.what, "rival": row.rival, "reason": f"{missing} is not installed"}
    try:
        return measure(row, options, rates)
    except RuntimeError as error:
        return {"id": row.id, "what": row.what, "rival": row.rival, "reason": str(error), "failed": True}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", help="ids, comma separated (default: all)")
    parser.add_argument("--repeats", type=int, default=0, help="instead of each row's own number (at least 5)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="leave slow rows out")
    parser.add_argument("--worker", type=pathlib.Path, default=ROOT / "build/release/benchmarks/bench_worker")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/bench")
    options = parser.parse_args()
    wanted = set(filter(None, options.rows.split(",")))
    rows = [row for row in load_rows() if row.always or not wanted or row.id in wanted]
    unknown = wanted - {row.id for row in rows}
    if unknown:
        sys.exit(f"no row named {', '.join(sorted(unknown))}; there are: {', '.join(row.id for row in load_rows())}")
    results, rates = [], {}
    print(HEADER)
    for row in rows:
        if row.slow and options.quick:
            continue
        results.append(attempt(row, options, rates))
        if row.always and "gflops" in results[-1]:  # a roof is what the machine can do at its best
            rates[row.id] = results[-1]["fastest_gflops" if row.work == "roof" else "gflops"]
        print(line_of(results[-1]), flush=True)
        save(options, results)
    sys.exit(1 if any(result.get("failed") for result in results) else 0)


if __name__ == "__main__":
    main()
