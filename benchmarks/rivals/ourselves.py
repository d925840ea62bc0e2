"""Our own worker with other parameters: what an option costs."""

import json
import pathlib
import subprocess
import tempfile

import torch
from safetensors.torch import load_file, save_file

WORKER = pathlib.Path(__file__).resolve().parents[2] / "build/release/benchmarks/bench_worker"


class WithoutCapture:
    changed = {"capture": False}
    work = "forward"

    def prepare(self, params, inputs):
        self.folder = tempfile.TemporaryDirectory(prefix="energy-lens-bench-")
        file = pathlib.Path(self.folder.name) / "inputs.safetensors"
        save_file(inputs, file)
        self.process = subprocess.Popen([str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ask(op="prepare", work=self.work, threads=torch.get_num_threads(), params={**params, **self.changed},
                 inputs=str(file))

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def run(self):
        self.ask(op="run")

    def answer(self):
        file = pathlib.Path(self.folder.name) / "answer.safetensors"
        self.ask(op="answer", file=str(file))
        return load_file(file)
