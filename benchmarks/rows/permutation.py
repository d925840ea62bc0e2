"""The document-permutation test of a whole sparse dictionary against one series."""

import numpy
import torch
from row import Row

DOCUMENTS, TOKENS, FEATURES, ACTIVE, PERMUTATIONS = 1563, 64, 32768, 32, 10000
# One feature of every group of 1,024, the first of which are planted in the series.
GROUP = FEATURES // ACTIVE
SAMPLE = [group * GROUP for group in range(ACTIVE)]
PLANTED = 8
TIE = 1e-11


def inputs():
    generator = torch.Generator().manual_seed(0)
    rows = DOCUMENTS * TOKENS
    within_group = torch.randint(GROUP, (rows, ACTIVE), generator=generator)
    atoms = within_group + GROUP * torch.arange(ACTIVE)
    values = torch.rand(rows, ACTIVE, generator=generator) + 0.1
    topics = torch.randn(DOCUMENTS, 1, generator=generator)
    planted = (values * (within_group == 0))[:, :PLANTED].sum(1).view(DOCUMENTS, TOKENS)
    noise = torch.randn(DOCUMENTS, TOKENS, generator=generator)
    return {"atoms": atoms, "values": values, "s": noise + topics + planted}


def plain_test(given, index):
    """p (two-sided, greater, less), max-T and step-down of SAMPLE as one family, in fp64 from all of G."""
    from rivals.permutation import dense_codes, within

    s, documents, pi = within(given["s"].double()), numpy.arange(DOCUMENTS), index.long().numpy()
    observed, null = [], []
    for a in dense_codes(given, SAMPLE):
        g = (within(a) @ s.T).numpy()
        c = numpy.concatenate([g[documents[:, None], documents[:, None]], g[documents[:, None], pi]], axis=1)
        t = c.sum(0) / numpy.sqrt(numpy.square(c).sum(0))
        observed.append(t[0])
        null.append(t[1:])
    observed, null = numpy.array(observed), numpy.array(null)
    slack = TIE * numpy.abs(observed)
    order = numpy.argsort(-numpy.abs(observed))
    running = numpy.maximum.accumulate(numpy.abs(null)[order[::-1]])[::-1]  # [rank, P]
    step_down = numpy.empty(len(order))
    step_down[order] = numpy.maximum.accumulate(p_of(running >= (numpy.abs(observed) - slack)[order, None]))
    return {
        "statistic": observed,
        "p": p_of(numpy.abs(null) >= (numpy.abs(observed) - slack)[:, None]),
        "greater": p_of(null >= (observed - slack)[:, None]),
        "less": p_of(null <= (observed + slack)[:, None]),
        "family_max_t": p_of(numpy.abs(null).max(0) >= (numpy.abs(observed) - slack)[:, None]),
        "family_step_down": step_down,
    }


def p_of(reached):
    return (reached.sum(1) + 1.0) / (reached.shape[1] + 1.0)


def errors(given, ours, theirs):
    import scipy.stats

    exact = plain_test(given, ours["index"])
    found = {**{name: ours[name].numpy() for name in exact}, "p": ours["p"][SAMPLE].numpy()}
    # p-values are counts: equal or wrong. The statistic is of size 1..20 and sums 1,563 terms.
    result = {name: (float(numpy.abs(found[name] - exact[name]).max()), 1e-12) for name in exact}
    result["statistic"] = (result["statistic"][0], 1e-9)
    bh = scipy.stats.false_discovery_control(ours["p"].numpy(), method="bh")
    result["BH"] = (float(numpy.abs(ours["bh"].numpy() - bh).max()), 1e-12)
    # Drawn independently, the rival's p differs by the binomial error of both: 5 sigma of two draws.
    p = exact["p"][: len(theirs["p"])]
    distance = numpy.abs(theirs["p"].numpy() - p) / numpy.sqrt(2.0 * (p * (1.0 - p) + 1e-4) / PERMUTATIONS)
    result["the rival's p, standard errors"] = (float(distance.max()), 5.0)
    return result


COMMON = dict(
    what=f"{PERMUTATIONS:,} document permutations, {FEATURES:,} features, {ACTIVE} of them active a token, "
    f"{DOCUMENTS * TOKENS:,} tokens, max-T and BH, fp64",
    work="permutation",
    inputs=inputs,
    errors=errors,
    seconds_limit=90.0,
    slow=True,
)
SCIPY_FEATURES = 1

ROWS = [
    Row(
        id="permutation-scipy",
        rival=f"scipy.stats.permutation_test over documents, vectorised, {SCIPY_FEATURES} feature",
        rival_class="rivals.permutation:ScipyPermutation",
        required=5000.0,
        params={"features": FEATURES, "permutations": PERMUTATIONS, "sample": SAMPLE, "scipy_features": SCIPY_FEATURES},
        rival_scale=FEATURES / SCIPY_FEATURES,
        needs=("scipy",),
        **COMMON,
    ),
    Row(
        id="permutation-dense",
        rival=f"dense form by torch: G by fp64 products, permuted entries gathered, {ACTIVE} features",
        rival_class="rivals.permutation:DensePermutation",
        required=30.0,
        params={"features": FEATURES, "permutations": PERMUTATIONS, "sample": SAMPLE},
        rival_scale=FEATURES / ACTIVE,
        needs=("scipy",),
        **COMMON,
    ),
]
