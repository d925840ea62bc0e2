"""What the machine can do: its own matrix product on both sides, whose ratio must be near 1 or the comparison is not
fair, and multiply-adds in registers, from which every row's highest possible ratio follows."""

import torch
from row import Row

ROWS_, WIDTH, COLUMNS = 1024, 768, 8192


def inputs():
    generator = torch.Generator().manual_seed(0)
    return {
        "x": torch.randn(ROWS_, WIDTH, generator=generator),
        "w": torch.randn(WIDTH, COLUMNS, generator=generator),
    }


def errors(given, ours, theirs):
    exact = given["x"].double() @ given["w"].double()
    # Sums of 768 products of unit normals: about 28 in size; fp32 adds at most 768 roundings.
    return {"product": (float((ours["product"].double() - exact).abs().max()), 768 * 28 * 2.0**-24)}


GFLOP = 2e-9 * ROWS_ * WIDTH * COLUMNS
ROOF_TIMES = 4


def roof(dtype):
    return Row(
        id=f"roof-{dtype}",
        what=f"multiply-adds of {dtype} numbers in registers, {ROOF_TIMES * GFLOP:.0f} GFLOP",
        work="roof",
        rival=f"{ROOF_TIMES} fp32 products {ROWS_} x {WIDTH} x {COLUMNS} by torch",
        rival_class="rivals.product:TorchProductOverAndOver",
        required=0.0,
        inputs=inputs,
        errors=lambda given, ours, theirs: {"sums": (float(ours["wrong"].max()), 0.0)},
        params={"dtype": dtype, "gflop": ROOF_TIMES * GFLOP, "times": ROOF_TIMES},
        gflop=ROOF_TIMES * GFLOP,
        always=True,
    )


ROWS = [
    Row(
        id="gemm",
        what=f"fp32 product {ROWS_} x {WIDTH} x {COLUMNS}",
        work="product",
        rival="the same product called from Python",
        rival_class="rivals.product:TorchProduct",
        required=0.9,
        inputs=inputs,
        errors=errors,
        repeats=9,
        gflop=GFLOP,
        always=True,
    ),
    roof("float32"),
    roof("bfloat16"),
]
