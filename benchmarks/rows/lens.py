"""The lens against the same measurements written with torch."""

import models
import torch
from row import Row

ROWS_, WIDTH, VOCABULARY, CHECKED = 4096, 768, 50257, 48
SIZES = f"{ROWS_} rows, D={WIDTH}, V={VOCABULARY}"


def inputs():
    generator = torch.Generator().manual_seed(0)
    return {
        "stream": torch.randn(ROWS_, WIDTH, generator=generator),
        "gamma": 1 + 0.1 * torch.randn(WIDTH, generator=generator),
        "beta": 0.1 * torch.randn(WIDTH, generator=generator),
        "w_u": 0.1 * torch.randn(VOCABULARY, WIDTH, generator=generator),
        "targets": torch.randint(VOCABULARY, (ROWS_,), generator=generator),
    }


def exact(given, bfloat16):
    """fp64, on rows spread over all: energy, entropy, gradient."""
    rows = torch.arange(0, ROWS_, ROWS_ // CHECKED)[:CHECKED]
    stream = given["stream"][rows].double().requires_grad_(True)
    weights = (given["w_u"].bfloat16() if bfloat16 else given["w_u"]).double()
    y = torch.nn.functional.layer_norm(stream, (WIDTH,), given["gamma"].double(), given["beta"].double())
    log_p = torch.log_softmax(y @ weights.T, -1)
    energy = -log_p.gather(-1, given["targets"][rows][:, None])[:, 0]
    (gradient,) = torch.autograd.grad(energy.sum(), stream)
    entropy = -(log_p.exp() * log_p).sum(-1)
    return rows, {"energy": energy.detach(), "entropy": entropy.detach(), "gradient": gradient}


def errors_for(bfloat16, rounded):
    def errors(given, ours, theirs):
        rows, reference = exact(given, bfloat16)
        # A logit sums 768 products of size about 0.1: random rounding of such a chain is about sqrt(768) 2^-24 times
        # their absolute sum of 50; 8 of these deviations. Entropies weigh them by log-probabilities of about 15.
        logit = 8 * WIDTH**0.5 * 2.0**-24 * 50
        if rounded:  # each y is off by up to 2^-8 of itself, evenly spread: sqrt(768) products of size about 0.1
            logit += 8 * WIDTH**0.5 * 2.0**-8 / 3**0.5 * 0.1
        allowed = {"energy": 2 * logit, "entropy": 15 * logit}
        found = {
            name: (float((ours[name][rows].double() - reference[name]).abs().max()), bound)
            for name, bound in allowed.items()
        }
        if "gradient" in ours:
            difference = (ours["gradient"][rows].double() - reference["gradient"]).norm(dim=-1)
            found["gradient"] = (float((difference / reference["gradient"].norm(dim=-1)).max()), 4 * logit)
        if "top_ids" in ours and not bfloat16:
            shared = theirs["top_ids"].shape[0]
            differing = float((ours["top_ids"][:shared] != theirs["top_ids"]).float().mean())
            found["top_ids"] = (differing, 1e-3)  # neighbours closer than rounding change places
        return found

    return errors


def row(identity, what, rival, rival_class, required, passes, bfloat16=False, scale=1, **params):
    params["bfloat16"] = bfloat16
    if scale > 1:
        params["rival_rows"] = ROWS_ // scale
    return Row(
        id=identity,
        what=f"{what}; {SIZES}",
        work="lens",
        rival=rival,
        rival_class=rival_class,
        required=required,
        inputs=inputs,
        errors=errors_for(bfloat16, params.get("kernel") == "rounded"),
        params=params,
        rival_scale=float(scale),
        gflop=2e-9 * passes * ROWS_ * WIDTH * VOCABULARY,
        roof="roof-bfloat16" if bfloat16 else "roof-float32",
        memory_limit_mb=64.0,
        slow=True,
    )


EVERYTHING = "lens: energy, entropy, top 10, exact gradient"
FLOAT32, BFLOAT16 = "torch fp32: logits, log_softmax, topk, autograd", "the same with torch's bf16 product"
ROWS = [
    row("lens-fp32", f"{EVERYTHING}, fp32", FLOAT32, "rivals.lens:Naive", 2.2, 2, gradient=True, top_k=10),
    row("lens-fp32-forward", "lens: energy, entropy, fp32", FLOAT32, "rivals.lens:Naive", 1.5, 1),
    row("lens-bf16", f"{EVERYTHING}, bf16 weights and rows", FLOAT32, "rivals.lens:Naive",
        models.demanded(10.0, 6.0), 2, True, gradient=True,
        top_k=10, kernel="rounded"),
    row("lens-bf16-against-bf16", f"{EVERYTHING}, bf16 weights and rows", BFLOAT16, "rivals.lens:NaiveBfloat16",
        models.demanded(6.0, 3.0), 2, True, models.bfloat16_share(16), gradient=True, top_k=10, kernel="rounded"),
]
