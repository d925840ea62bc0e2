#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/dictionary/omp.h"
#include "energy_lens/dictionary/omp_dictionary.h"

namespace energy_lens {
namespace {

constexpr double kDuplicate = 0.99;
constexpr std::int64_t kPartialRows = 64;  // summed in fp32 before they go to fp64

void add_scaled(float* __restrict__ y, const float* __restrict__ x, float scale, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) y[i] += scale * x[i];
}

// Eight running sums in fp64: vectors for the compiler in a fixed order.
float dot(const float* a, const float* b, std::int64_t size) {
  double lanes[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= size; i += 8) {
    for (int lane = 0; lane < 8; ++lane) lanes[lane] += static_cast<double>(a[i + lane]) * b[i + lane];
  }
  for (; i < size; ++i) lanes[0] += static_cast<double>(a[i]) * b[i];
  return static_cast<float>(std::accumulate(lanes, lanes + 8, 0.0));
}

void check_training(const at::Tensor& x, const LearnOptions& options) {
  check_shape("learn_dictionary", "x", x, {{"N"}, {"D"}});
  if (options.atoms < 1 || options.active < 1 || options.active > options.atoms || options.iterations < 1) {
    fail(ErrorKind::Usage, "learn_dictionary", "expected 1 <= active <= atoms and at least one iteration");
  }
  if (x.size(0) < options.atoms) {
    fail(ErrorKind::BadInput, "learn_dictionary",
         "got " + std::to_string(x.size(0)) + " rows for " + std::to_string(options.atoms) +
             " atoms: every row would be its own atom; expected at least one row an atom, and 50 to trust it");
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

// Where each atom is used: slots[begin[k]..begin[k + 1]) are the places in the values that belong to atom k.
struct Uses {
  std::vector<std::int64_t> begin, slots;
  std::int64_t count(std::int64_t atom) const { return begin[atom + 1] - begin[atom]; }
};

Uses uses_of(const SparseCodes& codes, std::int64_t atoms) {
  const auto* const ids = codes.atoms.const_data_ptr<std::int64_t>();
  Uses uses{std::vector<std::int64_t>(atoms + 1), {}};
  for (std::int64_t i = 0; i < codes.atoms.numel(); ++i) {
    if (ids[i] >= 0) ++uses.begin[ids[i] + 1];
  }
  std::partial_sum(uses.begin.begin(), uses.begin.end(), uses.begin.begin());
  uses.slots.resize(uses.begin.back());
  std::vector<std::int64_t> next = uses.begin;
  for (std::int64_t i = 0; i < codes.atoms.numel(); ++i) {
    if (ids[i] >= 0) uses.slots[next[ids[i]]++] = i;
  }
  return uses;
}

// Moves atom, values and residual together to the rank-one fit of what the atom's rows leave without it. Plain loops:
// the rows lie scattered, and gathering them into tensors costs more than the arithmetic.
void update_atom(at::Tensor atom, SparseCodes& codes, at::Tensor& residual, const std::int64_t* slots,
                 std::int64_t count) {
  const std::int64_t width = residual.size(1), active = codes.atoms.size(1);
  float *const own = atom.data_ptr<float>(), *const values = codes.values.data_ptr<float>();
  const auto row_of = [&](std::int64_t i) { return residual.data_ptr<float>() + slots[i] / active * width; };
  std::vector<float> partial(width);
  std::vector<double> direction(width);
  for (std::int64_t i = 0; i < count; ++i) {
    add_scaled(row_of(i), own, values[slots[i]], width);
    add_scaled(partial.data(), row_of(i), values[slots[i]], width);
    if ((i + 1) % kPartialRows != 0 && i + 1 != count) continue;
    for (std::int64_t d = 0; d < width; ++d) direction[d] += partial[d];
    std::fill(partial.begin(), partial.end(), 0.0f);
  }
  double square = 0.0;
  for (const double value : direction) square += value * value;
  if (square > 0) {
    for (std::int64_t d = 0; d < width; ++d) own[d] = static_cast<float>(direction[d] / std::sqrt(square));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    values[slots[i]] = dot(row_of(i), own, width);
    add_scaled(row_of(i), own, -values[slots[i]], width);
  }
}

// Unused and repeated atoms become the rows that are represented worst.
void replace_atoms(at::Tensor& atoms, const Uses& uses, const at::Tensor& x, const at::Tensor& residual) {
  const at::Tensor similarity = at::mm(atoms, atoms.t()).abs().tril(-1);
  const at::Tensor repeated = std::get<0>(similarity.max(-1)) > kDuplicate;
  const at::Tensor worst = residual.square().sum(-1).argsort(/*stable=*/true, -1, /*descending=*/true);
  std::int64_t next = 0;
  for (std::int64_t k = 0; k < atoms.size(0); ++k) {
    if (uses.count(k) > 0 && !repeated[k].item<bool>()) continue;
    const at::Tensor row = x[worst[next++ % worst.size(0)].item<std::int64_t>()];
    if (row.norm().item<double>() > 0) atoms[k].copy_(row / row.norm());
  }
}

// One pass over all atoms, in order: each is fitted to what the ones before it left.
void improve_atoms(at::Tensor& atoms, SparseCodes& codes, const at::Tensor& x, bool replace) {
  const std::int64_t count = atoms.size(0);
  const Uses uses = uses_of(codes, count);
  const OmpDictionary current(atoms, at::zeros({x.size(1)}), 1);
  at::Tensor residual = x - decode(current, codes);
  for (std::int64_t k = 0; k < count; ++k) {
    if (uses.count(k) == 0) continue;
    update_atom(atoms[k], codes, residual, uses.slots.data() + uses.begin[k], uses.count(k));
  }
  if (replace) replace_atoms(atoms, uses, x, residual);
}

}  // namespace

bool few_samples(std::int64_t rows, std::int64_t atoms) { return rows < 50 * atoms; }

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
    SparseCodes codes = omp_encode(centred, atoms, {.active = options.active});
    in_one_thread([&] { improve_atoms(atoms, codes, centred, iteration + 1 < options.iterations); });
    progress.advance(1);
  }
  return std::make_shared<const OmpDictionary>(atoms, mean, options.active);
}

}  // namespace energy_lens
