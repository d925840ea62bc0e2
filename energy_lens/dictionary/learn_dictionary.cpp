#include "energy_lens/dictionary/learn_dictionary.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/dictionary/code_sums.h"
#include "energy_lens/dictionary/omp.h"

namespace energy_lens {
namespace {

constexpr double kDuplicate = 0.99;

void check_training(const at::Tensor& x, const LearnOptions& options) {
  check_shape("learn_dictionary", "x", x, {{"N"}, {"D"}});
  if (options.atoms < 1 || options.active < 1 || options.active > options.atoms || options.iterations < 1) {
    fail(ErrorKind::Usage, "learn_dictionary", "expected 1 <= active <= atoms and at least one iteration");
  }
  if (x.size(0) < options.atoms) {
    fail(ErrorKind::BadInput, "learn_dictionary",
         "got " + std::to_string(x.size(0)) + " rows for " + std::to_string(options.atoms) +
             " atoms: every row would be its own atom; expected at least one row an atom, and " +
             std::to_string(kSamplesPerAtom) + " to trust it");
  }
  const at::Tensor finite = at::isfinite(x).all(-1);
  if (!finite.all().item<bool>()) {
    const auto row = finite.logical_not().to(at::kInt).argmax().item<std::int64_t>();
    fail(ErrorKind::BadInput, "learn_dictionary", "row " + std::to_string(row) + " holds NaN or Inf");
  }
}

at::Tensor unit_rows(const at::Tensor& x) {
  const at::Tensor norms = x.norm(2, -1, true);
  return x / at::where(norms > 0, norms, at::ones_like(norms));
}

// K distinct rows, none of them zero unless too few others exist.
at::Tensor initial_atoms(const at::Tensor& x, const LearnOptions& options) {
  std::vector<std::int64_t> order(x.size(0));
  std::iota(order.begin(), order.end(), 0);
  Philox(options.seed, "dictionary/initial").shuffle(order);
  const at::Tensor norms = x.norm(2, -1);
  const auto* const norm = norms.const_data_ptr<float>();
  std::stable_partition(order.begin(), order.end(), [&](std::int64_t row) { return norm[row] > 0; });
  order.resize(options.atoms);
  at::Tensor atoms = unit_rows(x.index_select(0, at::tensor(order)));
  atoms.select(1, 0) += (atoms.norm(2, -1) == 0).to(at::kFloat);  // a zero row becomes a basis vector
  return atoms.contiguous();
}

// Moves each atom in turn to the direction that fits the codes best, the other atoms as they now are.
void improve_atoms(at::Tensor& atoms, const CodeSums& sums) {
  const std::int64_t count = atoms.size(0), width = atoms.size(1);
  const auto *const codes = sums.codes.const_data_ptr<double>(), *const signals = sums.signals.const_data_ptr<double>();
  auto* const all = atoms.data_ptr<float>();
  std::vector<double> direction(static_cast<std::size_t>(width));
  for (std::int64_t k = 0; k < count; ++k) {
    if (sums.uses[k] == 0) continue;
    std::copy_n(signals + k * width, width, direction.begin());
    for (std::int64_t j = 0; j < count; ++j) {
      const double shared = codes[k * count + j];
      if (shared == 0.0 || j == k) continue;
      for (std::int64_t d = 0; d < width; ++d) direction[d] -= shared * all[j * width + d];
    }
    double square = 0.0;
    for (const double value : direction) square += value * value;
    if (!(square > 0.0)) continue;
    for (std::int64_t d = 0; d < width; ++d) all[k * width + d] = static_cast<float>(direction[d] / std::sqrt(square));
  }
}

// Unused and repeated atoms become the rows that are represented worst.
void replace_atoms(at::Tensor& atoms, const CodeSums& sums, const SparseCodes& codes, const at::Tensor& x) {
  const at::Tensor similarity = at::mm(atoms, atoms.t()).abs().tril(-1);
  const at::Tensor repeated = std::get<0>(similarity.max(-1)) > kDuplicate;
  const at::Tensor left = x - decode(atoms, at::zeros({x.size(1)}), codes);
  const at::Tensor worst = left.square().sum(-1).argsort(/*stable=*/true, -1, /*descending=*/true);
  std::int64_t next = 0;
  for (std::int64_t k = 0; k < atoms.size(0); ++k) {
    if (sums.uses[k] > 0 && !repeated[k].item<bool>()) continue;
    const at::Tensor row = x[worst[next++ % worst.size(0)].item<std::int64_t>()];
    if (row.norm().item<double>() > 0) atoms[k].copy_(row / row.norm());
  }
}

}  // namespace

bool few_samples(std::int64_t rows, std::int64_t atoms) { return rows < kSamplesPerAtom * atoms; }

std::shared_ptr<const OmpDictionary> learn_dictionary(const at::Tensor& x, const LearnOptions& options,
                                                      Progress& progress) {
  check_training(x, options);
  at::Tensor mean, centred, atoms;
  in_one_thread([&] {
    mean = x.to(at::kDouble).mean(0).to(at::kFloat);
    centred = (x.to(at::kFloat) - mean).contiguous();
    atoms = initial_atoms(centred, options);
  });
  for (std::int64_t iteration = 0; iteration < options.iterations; ++iteration) {
    progress.check();
    const SparseCodes codes = omp_encode(centred, atoms, {.active = options.active});
    const CodeSums sums = code_sums(codes, centred, options.atoms);
    in_one_thread([&] {
      improve_atoms(atoms, sums);
      if (iteration + 1 < options.iterations) replace_atoms(atoms, sums, codes, centred);
    });
    progress.advance(1);
  }
  return std::make_shared<const OmpDictionary>(atoms, mean, options.active);
}

}  // namespace energy_lens
