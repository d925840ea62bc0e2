"""Sparse coders one can install today. Each reports its own reconstruction error, formed in fp64."""

import numpy
import torch


class Coder:
    def prepare(self, params, inputs):
        self.active, self.rows = params["active"], params["rival_rows"]
        self.atoms = inputs["atoms"].numpy()
        self.signals = inputs["signals"].numpy()[: self.rows]
        self.codes = None  # [K, rows], dense or sparse

    def answer(self):
        left = self.signals.astype(numpy.float64) - (self.codes.T.astype(numpy.float64) @ self.atoms)
        error = (left**2).sum(-1) / (self.signals.astype(numpy.float64) ** 2).sum(-1)
        return {"rows": torch.tensor(self.rows), "error": torch.tensor(error.mean())}


class ScikitGram(Coder):
    """Where only a part of the signals is coded the Gram matrix is made before: its time must not be multiplied."""

    def prepare(self, params, inputs):
        super().prepare(params, inputs)
        self.gram = self.atoms @ self.atoms.T if self.rows < inputs["signals"].shape[0] else None

    def run(self):
        from sklearn.linear_model import orthogonal_mp_gram

        gram = self.atoms @ self.atoms.T if self.gram is None else self.gram
        self.codes = orthogonal_mp_gram(gram, self.atoms @ self.signals.T, n_nonzero_coefs=self.active)


class Spams(Coder):
    """Makes its Gram matrix itself. Given all options: with those it fills in, half of the processes get no codes."""

    def prepare(self, params, inputs):
        super().prepare(params, inputs)
        self.given = [numpy.asfortranarray(x.T) for x in (self.signals, self.atoms)]

    def run(self):
        import spams

        threads = torch.get_num_threads()
        self.codes = spams.omp(*self.given, L=self.active, eps=0.0, lambda1=0.0, numThreads=threads)
