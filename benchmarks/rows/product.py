"""The machine's own matrix product on both sides: the ratio must be near 1, or the comparison is not fair."""

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


ROOF_ROWS, ROOF_TERMS, ROOF_COLUMNS, ROOF_TIMES = 960, 256, 32, 1200


def roof_inputs():
    generator = torch.Generator().manual_seed(0)
    return {
        "x": torch.randn(ROOF_ROWS, ROOF_TERMS, generator=generator).bfloat16().float(),
        "w": torch.randn(ROOF_TERMS, ROOF_COLUMNS, generator=generator).bfloat16().float(),
    }


def roof_errors(given, ours, theirs):
    exact = given["x"].double() @ given["w"].double()
    return {"product": (float((ours["product"].double() - exact).abs().max()), ROOF_TERMS * 16 * 2.0**-24)}


def roof(dtype):
    return Row(
        id=f"roof-{dtype}",
        what=f"our register tile on {ROOF_ROWS} x {ROOF_TERMS} x {ROOF_COLUMNS}, over and over, {dtype} weights",
        work="roof",
        rival="torch fp32, the same products one after the other",
        rival_class="rivals.product:TorchProductOverAndOver",
        required=0.0,
        inputs=roof_inputs,
        errors=roof_errors,
        params={"dtype": dtype, "times": ROOF_TIMES},
        gflop=2e-9 * ROOF_ROWS * ROOF_TERMS * ROOF_COLUMNS * ROOF_TIMES * 2,
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
        gflop=2e-9 * ROWS_ * WIDTH * COLUMNS,
    ),
    roof("float32"),
    roof("bfloat16"),
]
