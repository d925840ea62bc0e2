#include "energy_lens/dictionary/omp.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/dictionary/omp_pursuit.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kRows = 64;
constexpr double kLongest = 1e18;  // squares of longer rows leave fp32

std::int64_t blocks_of(std::int64_t rows) { return (rows + kRows - 1) / kRows; }

// Filled up to a whole block: a product's bits must not depend on how many rows come with one.
at::Tensor filled_block(const at::Tensor& x, std::int64_t block) {
  const std::int64_t size = std::min(kRows, x.size(0) - block * kRows);
  at::Tensor rows = at::zeros({kRows, x.size(1)}, at::kFloat);
  rows.narrow(0, 0, size).copy_(x.narrow(0, block * kRows, size));
  return rows;
}

void check_options(const OmpOptions& options, std::int64_t atoms) {
  const std::int64_t most = std::min<std::int64_t>(atoms, 512);
  if (options.active < 1 || options.active > most) {
    fail(ErrorKind::Usage, "omp_encode",
         "got " + std::to_string(options.active) + " active atoms, expected 1 to " + std::to_string(most));
  }
  for (const double share : {options.correlation_floor, options.tolerance}) {
    if (!(share >= 0.0 && share <= 1.0)) {
      fail(ErrorKind::Usage, "omp_encode", "got a floor or tolerance of " + std::to_string(share) + ", expected 0..1");
    }
  }
}

double norm_of(const float* row, std::int64_t width) {
  double square = 0.0;
  for (std::int64_t d = 0; d < width; ++d) square += static_cast<double>(row[d]) * row[d];
  return std::sqrt(square);
}

// The first row of the block that cannot be coded, or -1.
std::int64_t encode_block(const PursuitAtoms& pursuit, const at::Tensor& signals, const at::Tensor& atoms,
                          std::int64_t block, std::int64_t* ids, float* values) {
  const at::Tensor rows = filled_block(signals, block), products = rows.mm(atoms.t());
  PursuitScratch scratch(pursuit);
  const std::int64_t begin = block * kRows, end = std::min(signals.size(0), begin + kRows);
  for (std::int64_t row = begin; row < end; ++row) {
    const float* const own = rows.const_data_ptr<float>() + (row - begin) * pursuit.width;
    const double norm = norm_of(own, pursuit.width);
    if (!(norm <= kLongest)) return row;
    pursue(pursuit, own, products.const_data_ptr<float>() + (row - begin) * pursuit.padded, norm, scratch,
           ids + row * pursuit.active, values + row * pursuit.active);
  }
  return -1;
}

}  // namespace

OmpCoder::OmpCoder(const at::Tensor& atoms) {
  check_shape("omp_encode", "atoms", atoms, {{"K"}, {"D"}});
  count_ = atoms.size(0);
  if (!at::isfinite(atoms).all().item<bool>()) fail(ErrorKind::BadInput, "omp_encode", "an atom holds NaN or Inf");
  const std::int64_t padded = (count_ + kAtomTile - 1) / kAtomTile * kAtomTile;
  atoms_ = at::zeros({padded, atoms.size(1)}, at::kFloat);
  atoms_.narrow(0, 0, count_).copy_(atoms);
  gram_ = at::empty({count_, padded}, at::kFloat);
  const at::Tensor real = atoms_.narrow(0, 0, count_);
  parallel_blocks(blocks_of(count_), [&](std::int64_t block) {
    const std::int64_t size = std::min(kRows, count_ - block * kRows);
    gram_.narrow(0, block * kRows, size).copy_(filled_block(real, block).mm(atoms_.t()).narrow(0, 0, size));
  });
}

SparseCodes OmpCoder::encode(const at::Tensor& signals, const OmpOptions& options) const {
  check_shape("omp_encode", "signals", signals, {{"N"}, {"D", atoms_.size(1)}});
  check_options(options, count_);
  const std::int64_t rows = signals.size(0), blocks = blocks_of(rows);
  const PursuitAtoms pursuit{.count = count_,
                             .padded = atoms_.size(0),
                             .width = atoms_.size(1),
                             .atoms = atoms_.const_data_ptr<float>(),
                             .gram = gram_.const_data_ptr<float>(),
                             .active = options.active,
                             .floor = options.correlation_floor,
                             .tolerance = options.tolerance};
  SparseCodes codes{at::empty({rows, options.active}, at::kLong), at::empty({rows, options.active}, at::kFloat)};
  auto* const ids = codes.atoms.data_ptr<std::int64_t>();
  auto* const values = codes.values.data_ptr<float>();
  std::vector<std::int64_t> refused(blocks, -1);
  parallel_blocks(
      blocks, [&](std::int64_t block) { refused[block] = encode_block(pursuit, signals, atoms_, block, ids, values); });
  for (const std::int64_t row : refused) {
    if (row < 0) continue;
    fail(ErrorKind::BadInput, "omp_encode",
         "row " + std::to_string(row) + " holds NaN or Inf, or is longer than 1e18; expected finite activations");
  }
  return codes;
}

SparseCodes omp_encode(const at::Tensor& signals, const at::Tensor& atoms, const OmpOptions& options) {
  return OmpCoder(atoms).encode(signals, options);
}

SparseCodes omp_reference(const at::Tensor& signal, const at::Tensor& atoms, std::int64_t active) {
  const at::Tensor x = signal.to(at::kDouble), d = atoms.to(at::kDouble);
  std::vector<std::int64_t> support;
  at::Tensor values, residual = x;
  for (std::int64_t step = 0; step < active; ++step) {
    at::Tensor correlation = at::mv(d, residual).abs();
    for (const std::int64_t atom : support) correlation[atom] = -1.0;
    support.push_back(correlation.argmax().item<std::int64_t>());
    const at::Tensor basis = d.index_select(0, at::tensor(support)).t();
    values = at::mv(at::linalg_pinv(basis), x);
    residual = x - at::mv(basis, values);
  }
  return {at::tensor(support).unsqueeze(0), values.to(at::kFloat).unsqueeze(0)};
}

}  // namespace energy_lens
