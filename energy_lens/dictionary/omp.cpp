#include "energy_lens/dictionary/omp.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/core/trace.h"
#include "energy_lens/dictionary/omp_pursuit.h"
#include "energy_lens/kernels/row_operations.h"

namespace energy_lens {
namespace {

constexpr double kLongest = 1e18;       // squares of longer rows leave fp32
constexpr std::int64_t kRowGrain = 16;  // rows that go to a thread together
// Correlations stand in memory for a few times so many rows: whole tiles of a product (12 or 6 rows), and enough of
// them that packing the atoms takes little beside it; about so many bytes where that is more.
constexpr std::int64_t kProductRows = 240, kProductBytes = 8 << 20;

std::int64_t blocks_of(std::int64_t rows, std::int64_t size) { return (rows + size - 1) / size; }

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

// Codes signals [R, D] whose correlations with the atoms are products [R, P]; -1 or the first row that cannot be coded.
std::int64_t pursue_rows(const PursuitAtoms& pursuit, const at::Tensor& signals, const at::Tensor& products,
                         std::int64_t* ids, float* values) {
  const std::int64_t rows = signals.size(0), blocks = blocks_of(rows, kRowGrain);
  std::vector<std::int64_t> refused(blocks, -1);
  parallel_blocks(blocks, [&](std::int64_t block) {
    thread_local PursuitScratch scratch;
    scratch.fit(pursuit);
    for (std::int64_t row = block * kRowGrain; row < std::min(rows, (block + 1) * kRowGrain); ++row) {
      const float* const own = signals.const_data_ptr<float>() + row * pursuit.width;
      const double norm = std::sqrt(dot(own, own, pursuit.width));
      if (!(norm <= kLongest)) {
        refused[block] = row;
        return;
      }
      pursue(pursuit, own, products.const_data_ptr<float>() + row * products.size(1), norm, scratch,
             ids + row * pursuit.active, values + row * pursuit.active);
    }
  });
  const auto first = std::ranges::find_if(refused, [](std::int64_t row) { return row >= 0; });
  return first == refused.end() ? -1 : *first;
}

}  // namespace

OmpCoder::OmpCoder(const at::Tensor& atoms) {
  check_shape("omp_encode", "atoms", atoms, {{"K"}, {"D"}});
  count_ = atoms.size(0);
  if (!at::isfinite(atoms).all().item<bool>()) fail(ErrorKind::BadInput, "omp_encode", "an atom holds NaN or Inf");
  const std::int64_t padded = blocks_of(count_, kPursuitPadding) * kPursuitPadding;
  atoms_ = at::zeros({padded, atoms.size(1)}, at::kFloat);
  atoms_.narrow(0, 0, count_).copy_(atoms);
  gram_ = std::make_shared<const SplitGram>(atoms_, count_);
}

SparseCodes OmpCoder::encode(const at::Tensor& signals, const OmpOptions& options, const Progress& progress) const {
  check_shape("omp_encode", "signals", signals, {{"N"}, {"D", atoms_.size(1)}});
  check_options(options, count_);
  const PursuitAtoms pursuit{.atoms = atoms_.const_data_ptr<float>(),
                             .width = atoms_.size(1),
                             .gram = gram_.get(),
                             .active = options.active,
                             .floor = options.correlation_floor,
                             .tolerance = options.tolerance};
  const at::Tensor plain = signals.contiguous();
  const std::int64_t rows = plain.size(0);
  SparseCodes codes{at::empty({rows, options.active}, at::kLong), at::empty({rows, options.active}, at::kFloat)};
  const std::int64_t step =
      kProductRows * std::max<std::int64_t>(1, kProductBytes / (4 * kProductRows * atoms_.size(0)));
  const at::Tensor correlations = at::empty({std::min(step, rows), atoms_.size(0)}, at::kFloat);
  for (std::int64_t begin = 0; begin < rows; begin += step) {
    progress.check();
    const TraceSpan span("sparse codes");
    const std::int64_t count = std::min(step, rows - begin);
    const at::Tensor part = plain.narrow(0, begin, count), products = correlations.narrow(0, 0, count);
    multiply_rows(best_row_kernels(), part, atoms_.t(), {}, RowActivation::None, products);
    const std::int64_t refused =
        pursue_rows(pursuit, part, products, codes.atoms.data_ptr<std::int64_t>() + begin * options.active,
                    codes.values.data_ptr<float>() + begin * options.active);
    if (refused < 0) continue;
    fail(ErrorKind::BadInput, "omp_encode",
         "row " + std::to_string(begin + refused) +
             " holds NaN or Inf, or is longer than 1e18; expected finite activations");
  }
  return codes;
}

SparseCodes omp_encode(const at::Tensor& signals, const at::Tensor& atoms, const OmpOptions& options,
                       const Progress& progress) {
  return OmpCoder(atoms).encode(signals, options, progress);
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
