"""The lens as one writes it with torch: logits, log_softmax, topk, autograd, in chunks of 1,024 rows."""

import torch


class Naive:
    dtype = torch.float32
    chunk = 1024

    def prepare(self, params, inputs):
        self.params, self.inputs = params, inputs
        self.weights = inputs["w_u"].to(self.dtype)
        self.rows = params.get("rival_rows", inputs["stream"].shape[0])
        self.results = {}

    def logits(self, stream):
        width = stream.shape[-1]
        y = torch.nn.functional.layer_norm(stream, (width,), self.inputs["gamma"], self.inputs["beta"])
        return (y.to(self.dtype) @ self.weights.T).float()

    def of_chunk(self, stream, targets):
        gradient = self.params.get("gradient", False)
        stream = stream.clone().requires_grad_(gradient)
        log_p = torch.log_softmax(self.logits(stream), -1)
        energy = -log_p.gather(-1, targets[:, None])[:, 0]
        with torch.no_grad():
            result = {"energy": energy.detach(), "entropy": -(log_p.exp() * log_p).sum(-1)}
            if self.params.get("top_k", 0):
                result["top_ids"] = log_p.topk(self.params["top_k"])[1]
        if gradient:
            result["gradient"] = torch.autograd.grad(energy.sum(), stream)[0]
        return result

    def run(self):
        parts = []
        with torch.set_grad_enabled(self.params.get("gradient", False)):
            for begin in range(0, self.rows, self.chunk):
                rows = slice(begin, min(begin + self.chunk, self.rows))
                parts.append(self.of_chunk(self.inputs["stream"][rows], self.inputs["targets"][rows]))
        self.results = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def answer(self):
        return self.results


class NaiveBfloat16(Naive):
    """The same with the product in bf16; log_softmax and everything after it in fp32."""

    dtype = torch.bfloat16
