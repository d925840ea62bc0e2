"""GPT-2 small's forward pass with the stream kept at all 13 layers."""

import functools

import models
import torch
from row import Row

GFLOP_A_TOKEN = 0.1699


def ids(length):
    models.make_gpt2_small()
    return {"ids": models.tokens(1, length)[0]}


@functools.cache
def exact(length):
    """The streams in fp64, of the first 128 tokens: no later token can change them."""
    from transformers import GPT2Model

    model = GPT2Model.from_pretrained(models.GPT2_SMALL, dtype=torch.float64).eval()
    with torch.no_grad():
        states = model(models.tokens(1, length)[:, :128], output_hidden_states=True).hidden_states
    return [state[0] for state in states[:-1]]  # the last is after the final norm


def largest_error(answer, length):
    return max(
        float((answer[f"resid.{layer}"][:128].double() - state).abs().max() / state.abs().max())
        for layer, state in enumerate(exact(length)) if f"resid.{layer}" in answer
    )


def errors_at(length):
    def errors(given, ours, theirs):
        # At most twice the rival's own rounding error, and never held to less than fp32's over a dozen layers.
        return {"stream": (largest_error(ours, length), max(2 * largest_error(theirs, length), 1e-5))}

    return errors


def capture_errors(given, ours, theirs):
    return {"stream": (float((ours["resid.12"] - theirs["resid.12"]).abs().max()), 0.0)}


def row(id, length, dtype, rival, rival_class, required, scale=1, **more):
    settings = {"errors": errors_at(length), "needs": ("transformers",), "repeats": 7, **more}
    return Row(
        id=id,
        what=f"forward of GPT-2 small's shape, {dtype}, 13 streams kept, T = {length}",
        work="forward",
        rival=rival,
        rival_class=rival_class,
        required=required,
        inputs=lambda: ids(length),
        params={"model": str(models.GPT2_SMALL), "dtype": dtype, "rival_tokens": length // scale},
        rival_scale=float(scale),
        gflop=length * (GFLOP_A_TOKEN + 18.4e-6 * length),
        roof=f"roof-{dtype}",
        **settings,
    )


HIDDEN = "transformers, output_hidden_states, same dtype"
LENS = "TransformerLens run_with_cache of the same streams"

ROWS = [
    row("forward-float32-1024", 1024, "float32", HIDDEN, "rivals.forward:TransformersHiddenStates", 1.5),
    row("forward-float32-128", 128, "float32", HIDDEN, "rivals.forward:TransformersHiddenStates", 1.3),
    row("forward-bfloat16-1024", 1024, "bfloat16", HIDDEN, "rivals.forward:TransformersHiddenStatesBfloat16", 2.0,
        repeats=5, slow=True, scale=models.bfloat16_share(8)),
    row("forward-bfloat16-128", 128, "bfloat16", HIDDEN, "rivals.forward:TransformersHiddenStatesBfloat16", 1.5,
        repeats=5, slow=True),
    row("forward-transformer-lens-1024", 1024, "float32", LENS, "rivals.forward:TransformerLensCache", 2.0,
        needs=("transformer_lens",), environment=".venv/transformer-lens"),
    row("forward-transformer-lens-128", 128, "float32", LENS, "rivals.forward:TransformerLensCache", 2.0,
        needs=("transformer_lens",), environment=".venv/transformer-lens"),
    # At most 5 % slower: 1 / 1.05.
    row("forward-capture", 1024, "float32", "the same pass keeping the last stream alone",
        "rivals.ourselves:WithoutCapture", 0.952, errors=capture_errors, repeats=11),
]
