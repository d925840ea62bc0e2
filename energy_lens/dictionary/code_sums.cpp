#include "energy_lens/dictionary/code_sums.h"

#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"

namespace energy_lens {
namespace {

// Columns of the signals that go to a thread together: their sums of some thousand atoms stay in a second-level cache.
constexpr std::int64_t kColumns = 32;

struct Rows {
  const std::int64_t* atoms;
  const float* values;
  std::int64_t count, active;
};

void add_codes(const Rows& rows, CodeSums& sums) {
  auto* const products = sums.codes.data_ptr<double>();
  const std::int64_t atoms = sums.codes.size(1);
  for (std::int64_t row = 0; row < rows.count; ++row) {
    const std::int64_t* const atom = rows.atoms + row * rows.active;
    const float* const value = rows.values + row * rows.active;
    for (std::int64_t i = 0; i < rows.active; ++i) {
      if (atom[i] < 0) continue;
      ++sums.uses[atom[i]];
      for (std::int64_t j = 0; j < rows.active; ++j) {
        if (atom[j] >= 0) products[atom[i] * atoms + atom[j]] += static_cast<double>(value[i]) * value[j];
      }
    }
  }
}

void add_signals(const Rows& rows, const at::Tensor& x, std::int64_t begin, std::int64_t end, CodeSums& sums) {
  auto* const products = sums.signals.data_ptr<double>();
  const std::int64_t width = x.size(1);
  const float* own = x.const_data_ptr<float>();
  for (std::int64_t i = 0; i < rows.count * rows.active; ++i) {
    if (i > 0 && i % rows.active == 0) own += width;
    if (rows.atoms[i] < 0) continue;
    double* const to = products + rows.atoms[i] * width;
    for (std::int64_t d = begin; d < end; ++d) to[d] += static_cast<double>(rows.values[i]) * own[d];
  }
}

}  // namespace

CodeSums code_sums(const SparseCodes& codes, const at::Tensor& x, std::int64_t atoms) {
  EL_ASSERT(codes.atoms.size(0) == x.size(0) && x.is_contiguous());
  CodeSums sums{at::zeros({atoms, atoms}, at::kDouble), at::zeros({atoms, x.size(1)}, at::kDouble),
                std::vector<std::int64_t>(static_cast<std::size_t>(atoms))};
  const at::Tensor ids = codes.atoms.contiguous(), values = codes.values.contiguous();
  const Rows rows{ids.const_data_ptr<std::int64_t>(), values.const_data_ptr<float>(), ids.size(0), ids.size(1)};
  const std::int64_t width = x.size(1), columns = (width + kColumns - 1) / kColumns;
  parallel_blocks(columns + 1, [&](std::int64_t block) {
    if (block == columns) {
      add_codes(rows, sums);
    } else {
      add_signals(rows, x, block * kColumns, std::min(width, (block + 1) * kColumns), sums);
    }
  });
  return sums;
}

}  // namespace energy_lens
