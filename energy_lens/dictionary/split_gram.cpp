#include "energy_lens/dictionary/split_gram.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/kernels/row_operations.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kGramColumns = 512, kRowGrain = 16;
// Rows of a large power of two would all want the same lines of a cache: one line more spreads them.
constexpr std::int64_t kSpareLine = 16;

std::int64_t blocks_of(std::int64_t rows, std::int64_t size) { return (rows + size - 1) / size; }

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

}  // namespace

SplitGram::SplitGram(const at::Tensor& atoms, std::int64_t count)
    : padded_(atoms.size(0)), units_(static_cast<std::size_t>(count)), squares_(units_.size()) {
  EL_ASSERT(padded_ % kPursuitPadding == 0 && count <= padded_);
  const std::int64_t apart = padded_ + kSpareLine;
  memory_.reset(LensArena::bytes_of<float>(count * apart));
  auto* const products = memory_.take<float>(count * apart);
  fill_gram(atoms, at::from_blob(products, {count, apart}).narrow(1, 0, padded_));
  stride_ = 2 * apart;
  auto* const entries = reinterpret_cast<std::int16_t*>(products);  // every row is split where it stands
  entries_ = entries;
  parallel_blocks(blocks_of(count, kRowGrain), [&](std::int64_t block) {
    std::vector<float> row(static_cast<std::size_t>(padded_));
    for (std::int64_t k = block * kRowGrain; k < std::min(count, (block + 1) * kRowGrain); ++k) {
      std::memcpy(row.data(), entries + k * stride_, row.size() * sizeof(float));
      squares_[k] = row[k];
      row[k] = 0.0f;
      std::int16_t* const upper = entries + k * stride_;
      const double steps = best_pursuit_kernel().split(row.data(), padded_, upper, upper + padded_);
      units_[k] = steps > 0.0 ? 1.0 / (65536.0 * steps) : 0.0;
    }
  });
  for (const double square : squares_) longest_ = std::max(longest_, std::sqrt(square));
}

}  // namespace energy_lens
