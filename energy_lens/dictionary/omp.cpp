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

constexpr double kLongest = 1e18;  // squares of longer rows leave fp32
// Rows that go to a thread together, and bytes of correlations that stand in memory at once.
constexpr std::int64_t kRowGrain = 16, kProductBytes = 8 << 20;
constexpr std::int64_t kGramColumns = 512;

std::int64_t blocks_of(std::int64_t rows, std::int64_t size) { return (rows + size - 1) / size; }

// Rows of a large power of two would all want the same lines of a cache: an odd number of lines spreads them.
std::int64_t spread_stride(std::int64_t padded) {
  return padded / kPursuitPadding % 2 == 0 ? padded + kPursuitPadding : padded;
}

// Rows [begin, end) of a symmetric matrix, columns before `begin`, from the columns above the diagonal: in squares that
// a first-level cache holds.
void mirror(float* matrix, std::int64_t stride, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kSquare = 32;
  parallel_blocks(blocks_of(end - begin, kSquare), [&](std::int64_t block) {
    const std::int64_t first = begin + block * kSquare, last = std::min(end, first + kSquare);
    for (std::int64_t c = 0; c < begin; c += kSquare) {
      for (std::int64_t i = first; i < last; ++i) {
        for (std::int64_t j = c; j < std::min(begin, c + kSquare); ++j) matrix[i * stride + j] = matrix[j * stride + i];
      }
    }
  });
}

// gram [K, P] = atoms [P, D] atoms^T but its last rows. A product and its mirror image are the same chain of sums, so
// only the blocks of columns down to the diagonal are multiplied.
void fill_gram(const at::Tensor& atoms, const at::Tensor& gram) {
  const std::int64_t count = gram.size(0), padded = gram.size(1);
  for (std::int64_t begin = 0; begin < padded; begin += kGramColumns) {
    const std::int64_t end = std::min(begin + kGramColumns, padded), rows = std::min(end, count);
    multiply_rows(best_row_kernels(), atoms.narrow(0, 0, rows), atoms.narrow(0, begin, end - begin).t(), {},
                  RowActivation::None, gram.narrow(0, 0, rows).narrow(1, begin, end - begin));
    mirror(gram.data_ptr<float>(), gram.stride(0), begin, rows);
  }
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

// Codes signals [R, D] whose correlations with the atoms are products [R, P]; -1 or the first row that cannot be coded.
std::int64_t pursue_rows(const PursuitAtoms& pursuit, const at::Tensor& signals, const at::Tensor& products,
                         std::int64_t* ids, float* values) {
  const std::int64_t rows = signals.size(0), blocks = blocks_of(rows, kRowGrain);
  std::vector<std::int64_t> refused(blocks, -1);
  parallel_blocks(blocks, [&](std::int64_t block) {
    PursuitScratch scratch(pursuit);
    for (std::int64_t row = block * kRowGrain; row < std::min(rows, (block + 1) * kRowGrain); ++row) {
      const float* const own = signals.const_data_ptr<float>() + row * pursuit.width;
      const double norm = norm_of(own, pursuit.width);
      if (!(norm <= kLongest)) {
        refused[block] = row;
        return;
      }
      pursue(pursuit, own, products.const_data_ptr<float>() + row * pursuit.padded, norm, scratch,
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
  gram_ = at::empty({count_, spread_stride(padded)}, at::kFloat);
  fill_gram(atoms_, gram_.narrow(1, 0, padded));
}

SparseCodes OmpCoder::encode(const at::Tensor& signals, const OmpOptions& options) const {
  check_shape("omp_encode", "signals", signals, {{"N"}, {"D", atoms_.size(1)}});
  check_options(options, count_);
  const PursuitAtoms pursuit{.count = count_,
                             .padded = atoms_.size(0),
                             .width = atoms_.size(1),
                             .atoms = atoms_.const_data_ptr<float>(),
                             .gram = gram_.const_data_ptr<float>(),
                             .gram_stride = gram_.stride(0),
                             .active = options.active,
                             .floor = options.correlation_floor,
                             .tolerance = options.tolerance};
  const at::Tensor plain = signals.contiguous();
  const std::int64_t rows = plain.size(0);
  SparseCodes codes{at::empty({rows, options.active}, at::kLong), at::empty({rows, options.active}, at::kFloat)};
  const std::int64_t step = std::max<std::int64_t>(kRowGrain, kProductBytes / (4 * pursuit.padded));
  const at::Tensor correlations = at::empty({std::min(step, rows), pursuit.padded}, at::kFloat);
  for (std::int64_t begin = 0; begin < rows; begin += step) {
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
