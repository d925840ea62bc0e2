"""Sparse coding by orthogonal matching pursuit, Gram matrix included, against scikit-learn and SPAMS."""

import functools

import torch
from row import Row

WIDTH, SIGNALS, CHECKED = 768, 20480, 32
CLOSE = 1e-4  # a row where two atoms' correlations come this close (relative) may be coded either way in fp32


def inputs(atoms, active):
    """Signals of `active` planted atoms with normal values, and noise of a tenth of their length."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(atoms, WIDTH, generator=generator), dim=-1)
    signals = 0.1 * (active / WIDTH) ** 0.5 * torch.randn(SIGNALS, WIDTH, generator=generator)
    for _ in range(active):
        chosen = directions[torch.randint(atoms, (SIGNALS,), generator=generator)]
        signals += torch.randn(SIGNALS, 1, generator=generator) * chosen
    return {"atoms": directions, "signals": signals}


def exact_supports(atoms, signals, active):
    """fp64, least squares at every step: ids [N, k], and whether a choice was close [N]."""
    residual, chosen = signals, torch.empty(signals.shape[0], 0, dtype=torch.long)
    close = torch.zeros(signals.shape[0], dtype=torch.bool)
    for _ in range(active):
        correlations = (residual @ atoms.T).abs().scatter(1, chosen, -1.0)
        best = correlations.topk(2, dim=-1)
        close |= best.values[:, 1] > (1 - CLOSE) * best.values[:, 0]
        chosen = torch.cat([chosen, best.indices[:, :1]], 1)
        basis = atoms[chosen].transpose(1, 2)
        values = torch.linalg.lstsq(basis, signals[:, :, None]).solution
        residual = signals - (basis @ values)[:, :, 0]
    return chosen, close


def relative_error(given, ours, rows):
    """Mean of |x - D a|^2 / |x|^2 over the first `rows` signals, as the rivals report it."""
    total = 0.0
    for begin in range(0, rows, 1024):
        part = slice(begin, min(rows, begin + 1024))
        ids, values, x = ours["ids"][part], ours["values"][part], given["signals"][part]
        fitted = torch.einsum("nk,nkd->nd", values, given["atoms"][ids.clamp(min=0)])
        total += float(((x - fitted).square().sum(-1) / x.square().sum(-1)).sum())
    return total / rows


def errors_for(active, slack):
    def errors(given, ours, theirs):
        rows = torch.arange(0, SIGNALS, SIGNALS // CHECKED)
        ids, close = exact_supports(given["atoms"].double(), given["signals"][rows].double(), active)
        differing = ((ours["ids"][rows] != ids).any(-1) & ~close).sum()
        error = relative_error(given, ours, int(theirs["rows"]))
        return {"supports": (float(differing), 0.0), "error": (error, float(theirs["error"]) * (1 + slack))}

    return errors


def row(rival, atoms, active, required, **fields):
    names = {"sklearn": ("scikit-learn orthogonal_mp_gram", "ScikitGram", 1e-4),
             "spams": ("SPAMS omp (OLS selection)", "Spams", 0.01)}
    name, cls, slack = names[rival]
    correlations, gram, updates = 2 * WIDTH * SIGNALS, 2 * WIDTH * atoms, SIGNALS * active * (active - 1)
    return Row(
        id=f"omp-{atoms}-{rival}",
        what=f"OMP K={atoms}, k={active}, D={WIDTH}, fp32, {SIGNALS} signals, Gram included",
        work="omp",
        rival=name,
        rival_class=f"rivals.omp:{cls}",
        required=required,
        inputs=functools.partial(inputs, atoms, active),
        errors=errors_for(active, slack),
        gflop=1e-9 * atoms * (correlations + gram + updates),
        roof="roof-float32",
        slow=atoms > 512,
        **fields,
        params={"active": active, "rival_rows": int(SIGNALS / fields.get("rival_scale", 1.0))},
    )


ROWS = [
    row("sklearn", 512, 8, 20.0, needs=("sklearn",)),
    row("sklearn", 4096, 32, 100.0, needs=("sklearn",), rival_scale=128.0),
    row("sklearn", 16384, 32, 100.0, needs=("sklearn",), rival_scale=2560.0),
    row("spams", 512, 8, 3.0, needs=("spams",)),
    row("spams", 4096, 32, 3.0, needs=("spams",)),
    row("spams", 16384, 32, 5.0, needs=("spams",)),
]
