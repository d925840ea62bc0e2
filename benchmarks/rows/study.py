"""The whole per-layer energy study of GPT-2 small's shape, T = 1,024: forward pass and 13 lens layers."""

import functools

import models
import torch
from rivals.study import hidden_streams, lens_rows
from row import Row

SEQUENCES, LENGTH, CHECKED = 8, 1024, 24


def inputs():
    models.make_gpt2_small()
    return {"ids": models.tokens(SEQUENCES, LENGTH)}


@functools.cache
def first_rows(dtype):
    """The script's answer for the first CHECKED rows of every layer: no later token can change them."""
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(models.GPT2_SMALL, dtype=dtype).eval().requires_grad_(False)
    ids = models.tokens(SEQUENCES, LENGTH)[0, : CHECKED + 1]
    with torch.no_grad():
        streams = hidden_streams(model, ids)
    return [lens_rows(model, stream[:CHECKED], ids[1:]) for stream in streams]


def largest_error(answer):
    energy = gradient = 0.0
    for layer, (e, _, _, g) in enumerate(first_rows(torch.float64)):
        energy = max(energy, float((answer[f"energy.{layer}"][:CHECKED].double() - e).abs().max()))
        gradient = max(gradient, float((answer[f"gradient.{layer}"].double() - g).abs().max() / g.abs().max()))
    return {"energy": energy, "gradient": gradient}


def bfloat16_script_error():
    """Of the script in bf16: what a bf16 answer is held to where the rival computes in fp32."""
    answer = {}
    for layer, (energy, _, _, gradient) in enumerate(first_rows(torch.bfloat16)):
        answer |= {f"energy.{layer}": energy, f"gradient.{layer}": gradient}
    return largest_error(answer)


def errors_over_float32(given, ours, theirs):
    rival = bfloat16_script_error()
    return {name: (error, 2 * rival[name]) for name, error in largest_error(ours).items()}


def errors(given, ours, theirs):
    # At most twice the rival's own rounding error, and never held to less than fp32's over a dozen layers.
    rival = largest_error(theirs)
    return {name: (error, max(2 * rival[name], 1e-4)) for name, error in largest_error(ours).items()}


def row(dtype, rival_class, required, scale=1):
    return Row(
        id=f"study-{dtype}",
        what=f"per-layer study, GPT-2 small shape, {dtype}, T = {LENGTH}, {SEQUENCES} sequences one a run",
        work="study",
        rival="transformers + torch script, chunks of 256 rows, same dtype" if dtype != "bfloat16-over-float32"
        else "the fp32 script",
        rival_class=rival_class,
        required=required,
        inputs=inputs,
        errors=errors_over_float32 if dtype == "bfloat16-over-float32" else errors,
        params={"model": str(models.GPT2_SMALL), "dtype": dtype.split("-")[0], "checked": CHECKED,
                "rival_tokens": LENGTH // scale},
        repeats=SEQUENCES,
        rival_scale=float(scale),
        gflop=LENGTH * (0.1699 + 0.0189 + 13 * 4e-9 * 768 * 50257),
        roof=f"roof-{dtype.split('-')[0]}",
        memory_share=1 / 8 if scale == 1 else 0.0,
        slow=True,
        needs=("transformers",),
    )


ROWS = [
    row("float32", "rivals.study:Float32Script", 2.0),
    row("bfloat16", "rivals.study:Bfloat16Script", models.demanded(5.0, 2.5), models.bfloat16_share(32)),
    row("bfloat16-over-float32", "rivals.study:Float32Script", models.demanded(10.0, 6.0)),
]
