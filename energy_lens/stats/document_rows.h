// The rows of G that differ from the common one, formed one at a time, and tables made of them. Private to stats/.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "energy_lens/kernels/torch_free/permutation_kernel.h"
#include "energy_lens/stats/permutation.h"

namespace energy_lens {

// row()[e] = G[document(), e] - common[e], for each active document in turn.
class DocumentRows {
 public:
  explicit DocumentRows(const DocumentProducts& products) : products_(products), row_(products.common.size()) {}

  // Forms the next row; false when there is none left.
  bool next() {
    const std::span<const Firing> firings = products_.firings;
    if (at_ == firings.size()) return false;
    const auto documents = static_cast<std::int64_t>(row_.size());
    document_ = firings[at_].document;
    std::fill(row_.begin(), row_.end(), 0.0);
    for (; at_ < firings.size() && firings[at_].document == document_; ++at_) {
      kernels_.add_column(firings[at_].value, products_.columns.get() + firings[at_].position * documents, documents,
                          row_.data());
    }
    return true;
  }

  std::int32_t document() const { return document_; }
  const double* row() const { return row_.data(); }

 private:
  const PermutationKernel& kernels_ = best_permutation_kernel();
  const DocumentProducts& products_;
  std::vector<double> row_;  // [D]
  std::size_t at_ = 0;
  std::int32_t document_ = 0;
};

// kRowsAtOnce tables [D], each with the permuted targets of its document.
template <typename Entry>
struct RowTables {
  explicit RowTables(std::size_t documents) {
    for (int i = 0; i < kRowsAtOnce; ++i) {
      entries[i].resize(documents);
      from[i] = entries[i].data();
    }
  }

  // The table to fill for a document.
  Entry* append(const std::uint16_t* document_targets) {
    targets[rows] = document_targets;
    return entries[rows++].data();
  }
  bool full() const { return rows == kRowsAtOnce; }

  std::vector<Entry> entries[kRowsAtOnce];
  const Entry* from[kRowsAtOnce];
  const std::uint16_t* targets[kRowsAtOnce] = {};
  int rows = 0;
};

}  // namespace energy_lens
