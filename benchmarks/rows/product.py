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
    )
]
