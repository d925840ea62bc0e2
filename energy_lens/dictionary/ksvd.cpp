#include <algorithm>
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
  if (!at::isfinite(x).all().item<bool>()) fail(ErrorKind::BadInput, "learn_dictionary", "x holds NaN or Inf");
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
  std::stable_partition(order.begin(), order.end(), [&](std::int64_t row) { return norms[row].item<float>() > 0; });
  order.resize(options.atoms);
  at::Tensor atoms = unit_rows(x.index_select(0, at::tensor(order)));
  atoms.select(1, 0) += (atoms.norm(2, -1) == 0).to(at::kFloat);  // a zero row becomes a basis vector
  return atoms.contiguous();
}

// Where an atom is used: the rows, and the slots that hold its values.
struct Uses {
  std::vector<std::vector<std::int64_t>> rows, slots;
};

Uses uses_of(const SparseCodes& codes, std::int64_t atoms) {
  Uses uses{std::vector<std::vector<std::int64_t>>(atoms), std::vector<std::vector<std::int64_t>>(atoms)};
  const std::int64_t* ids = codes.atoms.data_ptr<std::int64_t>();
  const std::int64_t width = codes.atoms.size(1);
  for (std::int64_t i = 0; i < codes.atoms.numel(); ++i) {
    if (ids[i] < 0) continue;
    uses.rows[ids[i]].push_back(i / width);
    uses.slots[ids[i]].push_back(i);
  }
  return uses;
}

// The rank-one fit of what an atom's rows leave without it; atom, values and residual move together.
void update_atom(at::Tensor atom, at::Tensor values, at::Tensor residual, const std::vector<std::int64_t>& rows,
                 const std::vector<std::int64_t>& slots) {
  const at::Tensor index = at::tensor(rows), slot = at::tensor(slots);
  const at::Tensor coefficients = values.index_select(0, slot);
  const at::Tensor left = residual.index_select(0, index) + at::outer(coefficients, atom);
  const at::Tensor direction = at::mv(left.t(), coefficients);
  const double norm = direction.norm().item<double>();
  if (!(norm > 0)) return;
  const at::Tensor moved = direction / norm;
  const at::Tensor fitted = at::mv(left, moved);
  atom.copy_(moved);
  values.index_copy_(0, slot, fitted);
  residual.index_copy_(0, index, left - at::outer(fitted, moved));
}

// Unused and repeated atoms become the rows that are represented worst.
void replace_atoms(at::Tensor& atoms, const Uses& uses, const at::Tensor& x, const at::Tensor& residual) {
  const at::Tensor similarity = at::mm(atoms, atoms.t()).abs().tril(-1);
  const at::Tensor repeated = std::get<0>(similarity.max(-1)) > kDuplicate;
  const at::Tensor worst = residual.square().sum(-1).argsort(-1, /*descending=*/true);
  std::int64_t next = 0;
  for (std::int64_t k = 0; k < atoms.size(0); ++k) {
    if (!uses.rows[k].empty() && !repeated[k].item<bool>()) continue;
    const at::Tensor row = x[worst[next++ % worst.size(0)].item<std::int64_t>()];
    if (row.norm().item<double>() > 0) atoms[k].copy_(row / row.norm());
  }
}

// One pass over all atoms, in order: each is fitted to what the ones before it left.
void improve_atoms(at::Tensor& atoms, const SparseCodes& codes, const at::Tensor& x, bool replace) {
  const std::int64_t count = atoms.size(0);
  const Uses uses = uses_of(codes, count);
  at::Tensor values = codes.values.flatten();
  const OmpDictionary current(atoms, at::zeros({x.size(1)}), 1);
  at::Tensor residual = x - decode(current, codes);
  for (std::int64_t k = 0; k < count; ++k) {
    if (!uses.rows[k].empty()) update_atom(atoms[k], values, residual, uses.rows[k], uses.slots[k]);
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
    const SparseCodes codes = omp_encode(centred, atoms, {.active = options.active});
    in_one_thread([&] { improve_atoms(atoms, codes, centred, iteration + 1 < options.iterations); });
    progress.advance(1);
  }
  return std::make_shared<const OmpDictionary>(atoms, mean, options.active);
}

}  // namespace energy_lens
