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
#include "energy_lens/kernels/row_operations.h"

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

// Dimensions that go to a thread together.
constexpr std::int64_t kDimensions = 64;

// direction [D] = what atom k should explain: its signals less the other atoms' part. Returns its square, added up in
// blocks of dimensions.
double direction_of(std::int64_t k, const at::Tensor& atoms, const CodeSums& sums, std::vector<double>& direction) {
  const std::int64_t count = atoms.size(0), width = atoms.size(1), blocks = (width + kDimensions - 1) / kDimensions;
  const double* const codes = sums.codes.const_data_ptr<double>() + k * count;
  const double* const signals = sums.signals.const_data_ptr<double>() + k * width;
  const float* const all = atoms.const_data_ptr<float>();
  double* const to = direction.data();
  std::vector<double> squares(static_cast<std::size_t>(blocks));
  parallel_blocks(blocks, [&](std::int64_t block) {
    const std::int64_t begin = block * kDimensions, end = std::min(width, begin + kDimensions);
    std::copy(signals + begin, signals + end, to + begin);
    for (std::int64_t j = 0; j < count; ++j) {
      if (codes[j] == 0.0 || j == k) continue;
      for (std::int64_t d = begin; d < end; ++d) to[d] -= codes[j] * all[j * width + d];
    }
    for (std::int64_t d = begin; d < end; ++d) squares[block] += to[d] * to[d];
  });
  return std::accumulate(squares.begin(), squares.end(), 0.0);
}

// Moves each atom in turn to the direction that fits the codes best, the other atoms as they now are.
void improve_atoms(at::Tensor& atoms, const CodeSums& sums, Progress& progress) {
  const std::int64_t width = atoms.size(1);
  std::vector<double> direction(static_cast<std::size_t>(width));
  for (std::int64_t k = 0; k < atoms.size(0); ++k) {
    if (sums.uses[k] == 0) continue;
    progress.check();
    const double square = direction_of(k, atoms, sums, direction);
    if (!(square > 0.0)) continue;
    float* const atom = atoms.data_ptr<float>() + k * width;
    for (std::int64_t d = 0; d < width; ++d) atom[d] = static_cast<float>(direction[d] / std::sqrt(square));
  }
}

// Unused and repeated atoms become the rows that are represented worst.
// similarity [K, K]: their products.
void replace_atoms(at::Tensor& atoms, const at::Tensor& similarity, const CodeSums& sums, const SparseCodes& codes,
                   const at::Tensor& x) {
  const at::Tensor repeated = std::get<0>(similarity.abs().tril(-1).max(-1)) > kDuplicate;
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
    const SparseCodes codes = omp_encode(centred, atoms, {.active = options.active}, progress);
    const CodeSums sums = code_sums(codes, centred, options.atoms);
    improve_atoms(atoms, sums, progress);
    if (iteration + 1 < options.iterations) {
      const at::Tensor similarity = row_product(atoms, atoms.t(), {});
      in_one_thread([&] { replace_atoms(atoms, similarity, sums, codes, centred); });
    }
    progress.advance(1);
  }
  return std::make_shared<const OmpDictionary>(atoms, mean, options.active);
}

}  // namespace energy_lens
