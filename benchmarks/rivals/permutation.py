"""Document permutation as it is done without sparse products: by scipy from the series, and dense by torch."""

import numpy
import scipy.stats
import torch


def within(series):
    """[D, T], position means removed, then document means."""
    series = series - series.mean(0, keepdim=True)
    return series - series.mean(1, keepdim=True)


def dense_codes(inputs, features):
    """The series of a few features, [F, D, T] fp64."""
    documents, tokens = inputs["s"].shape
    atoms, values = inputs["atoms"], inputs["values"].double()
    return torch.stack([torch.where(atoms == f, values, 0.0).sum(1).view(documents, tokens) for f in features])


class ScipyPermutation:
    """scipy.stats.permutation_test over documents, vectorised over permutations, a feature a call."""

    def prepare(self, params, inputs):
        self.count = params["permutations"]
        self.s = within(inputs["s"].double()).numpy()
        self.a = [within(a).numpy() for a in dense_codes(inputs, params["sample"][: params["scipy_features"]])]

    def run(self):
        self.p = [self.test(a) for a in self.a]

    def test(self, a):
        def statistic(documents, axis):
            products = numpy.einsum("dt,...dt->...d", a, self.s[documents])
            return products.sum(-1) / numpy.sqrt(numpy.square(products).sum(-1))

        return scipy.stats.permutation_test(
            (numpy.arange(len(a)),), statistic, permutation_type="pairings", vectorized=True, batch=8,
            n_resamples=self.count, rng=numpy.random.default_rng(0),
        ).pvalue

    def answer(self):
        return {"p": torch.tensor(self.p, dtype=torch.float64)}


class DensePermutation:
    """G = a s^T by one product a document, then the permuted entries of all features' rows of G, one document at a
    time: nothing is known of zeros. Needs the same permutations for all features, as ours does."""

    FEATURES = 32  # at once: a document's rows [D, 32] stay in the cache while all permutations read them
    BLOCK = 2000  # permutations at once: the fastest measured with 32 features

    def prepare(self, params, inputs):
        self.count = params["permutations"]
        self.s = within(inputs["s"].double())
        self.a = torch.stack([within(a) for a in dense_codes(inputs, params["sample"][: self.FEATURES])], dim=-1)

    def run(self):
        documents = self.s.shape[0]
        generator = torch.Generator().manual_seed(0)
        pi = torch.stack([torch.randperm(documents, generator=generator) for _ in range(self.count)], dim=1)
        total = torch.zeros(self.count, self.a.shape[-1], dtype=torch.float64)
        squares = torch.zeros_like(total)
        observed, observed_squares = torch.zeros_like(total[0]), torch.zeros_like(total[0])
        for d in range(documents):
            g = self.s @ self.a[d]  # [D, F]
            observed += g[d]
            observed_squares.addcmul_(g[d], g[d])
            for begin in range(0, self.count, self.BLOCK):
                block = slice(begin, begin + self.BLOCK)
                chosen = g.index_select(0, pi[d, block])
                total[block] += chosen
                squares[block].addcmul_(chosen, chosen)
        reached = (total / squares.sqrt()).abs() >= (observed / observed_squares.sqrt()).abs() * (1 - 1e-11)
        self.p = (reached.sum(0) + 1.0) / (self.count + 1.0)

    def answer(self):
        return {"p": self.p.double()}
