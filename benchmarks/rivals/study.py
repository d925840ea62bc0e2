"""A careful script of transformers and torch: hidden states once, then every layer in chunks of 256 rows."""

import torch

CHUNK = 256


def hidden_streams(model, ids):
    """resid_pre.l for l = 0..L, [T, D] each; the last before the final norm, which transformers has already applied."""
    kept = {}
    hook = model.transformer.ln_f.register_forward_pre_hook(lambda module, given: kept.update(last=given[0]))
    states = model.transformer(ids.unsqueeze(0), output_hidden_states=True).hidden_states
    hook.remove()
    return [state[0] for state in states[:-1]] + [kept["last"][0]]


def lens_rows(model, stream, targets):
    """Energy, entropy, top-10 and dE/dh of some rows, as one would write it with autograd."""
    h = stream.detach().requires_grad_()
    with torch.enable_grad():
        log_probs = torch.log_softmax(model.lm_head(model.transformer.ln_f(h)).float(), -1)
        energy = -log_probs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        (gradient,) = torch.autograd.grad(energy.sum(), h)
    log_probs = log_probs.detach()
    entropy = -(log_probs.exp() * log_probs).sum(-1)
    return energy.detach(), entropy, log_probs.topk(10, -1).indices, gradient


class Script:
    dtype = torch.float32

    def prepare(self, params, inputs):
        from transformers import GPT2LMHeadModel

        self.model = GPT2LMHeadModel.from_pretrained(params["model"], dtype=self.dtype).eval()
        self.model.requires_grad_(False)
        self.ids, self.next = inputs["ids"], 0

    def run(self):
        ids = self.ids[self.next % len(self.ids)]
        self.next += 1
        targets = ids[1:]
        self.layers = []
        with torch.no_grad():
            streams = hidden_streams(self.model, ids)
        for stream in streams:
            chunks = [
                lens_rows(self.model, stream[begin : begin + CHUNK][: len(targets) - begin], targets[begin : begin + CHUNK])
                for begin in range(0, len(targets), CHUNK)
            ]
            self.layers.append([torch.cat(part) for part in zip(*chunks)])

    def answer(self):
        names = ("energy", "entropy", "top_ids", "gradient")
        return {f"{name}.{i}": part.float() if name != "top_ids" else part
                for i, layer in enumerate(self.layers) for name, part in zip(names, layer)}


class Float32Script(Script):
    pass


class Bfloat16Script(Script):
    dtype = torch.bfloat16
