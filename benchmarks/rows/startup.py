"""From the shell to the first energies of the demo model."""

import pathlib

import torch
from row import Row

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = f"{ROOT}/build/release/apps/cli/energy-lens lens --text 'The quick brown fox' --quiet --json \"$OUT\""


def errors(given, ours, theirs):
    # Energies are numbers in 0 .. a few times ln V; whether they are right is what the tests ask.
    energy = ours["energy"]
    return {"energies below 0 or beyond 100": (float(((energy < 0) | ~(energy < 100)).sum()), 0.0)}


ROWS = [
    Row(
        id="startup",
        what="energy-lens lens on the demo model and four words, from the shell",
        work="command",
        rival='python -c "import transformers"',
        rival_class="rivals.startup:ImportTransformers",
        required=1.0,
        inputs=lambda: {"nothing": torch.zeros(1)},
        errors=errors,
        params={"command": COMMAND},
        repeats=9,
        needs=("transformers",),
    )
]
