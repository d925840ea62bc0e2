"""torch's own product: what the harness is checked with."""

import torch


class TorchProduct:
    def prepare(self, params, inputs):
        self.x, self.w = inputs["x"], inputs["w"]
        self.result = torch.empty(self.x.shape[0], self.w.shape[1])

    def run(self):
        torch.mm(self.x, self.w, out=self.result)

    def answer(self):
        return {"product": self.result}


class TorchProductOverAndOver(TorchProduct):
    def prepare(self, params, inputs):
        super().prepare(params, inputs)
        self.times = params["times"]

    def run(self):
        for _ in range(self.times):
            torch.mm(self.x, self.w, out=self.result)
