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
        self.ids, self.next, self.checked = inputs["ids"][:, : params["rival_tokens"] + 1], 0, params["checked"]

    def run(self):
        ids = self.ids[self.next % len(self.ids)]
        self.next += 1
        self.layers = []
        with torch.no_grad():
            streams = hidden_streams(self.model, ids)
        for stream in streams:
            self.layers.append(self.layer(stream, ids[1:]))

    def layer(self, stream, targets):
        """Of the gradient the norms and the first rows are kept, which is all that the study asks for afterwards."""
        kept, checked = [], None
        for begin in range(0, len(targets), CHUNK):
            rows = targets[begin : begin + CHUNK]
            energy, entropy, top, gradient = lens_rows(self.model, stream[begin : begin + len(rows)], rows)
            kept.append((energy, entropy, top, gradient.norm(dim=1)))
            checked = gradient[: self.checked].clone() if checked is None else checked
        return [torch.cat(part) for part in zip(*kept)] + [checked]

    def answer(self):
        names = ("energy", "entropy", "top_ids", "gradient_norm", "gradient")
        return {f"{name}.{i}": part.float() if name != "top_ids" else part
                for i, layer in enumerate(self.layers) for name, part in zip(names, layer)}


class Float32Script(Script):
    pass


class Bfloat16Script(Script):
    dtype = torch.bfloat16
