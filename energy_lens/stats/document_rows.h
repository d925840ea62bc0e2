// The rows of G that differ from the common one, formed one at a time, and tables made of them. Private to stats/.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "energy_lens/kernels/torch_free/permutation_kernel.h"
#include "energy_lens/stats/permutation.h"

namespace energy_lens {

// G[document(), e] - common[e], for each active document in turn.
class DocumentRows {
 public:
  explicit DocumentRows(const DocumentProducts& products) : products_(products), row_(products.common.size()) {}

  // Goes to the next document; false when there is none left.
  bool next() {
    const std::span<const Firing> all = products_.firings;
    const std::size_t begin = end_;
    if (begin == all.size()) return false;
    while (end_ < all.size() && all[end_].document == all[begin].document) ++end_;
    firings_ = all.subspan(begin, end_ - begin);
    return true;
  }

  std::int32_t document() const { return firings_.front().document; }

  // The document's firing where it has but one: its row is that column times its value. Else null.
  const Firing* only() const { return firings_.size() == 1 ? firings_.data() : nullptr; }

  // Forms the row, [D], valid until the next one is formed.
  const double* form() {
    std::fill(row_.begin(), row_.end(), 0.0);
    for (const Firing& firing : firings_) products_.columns.add(firing.position, firing.value, row_);
    return row_.data();
  }

 private:
  const DocumentProducts& products_;
  std::vector<double> row_;
  std::span<const Firing> firings_;  // of the document
  std::size_t end_ = 0;              // of them, in all firings
};

// kRowsAtOnce tables [D], each with the permuted targets of its document.
struct RowTables {
  explicit RowTables(std::size_t documents) {
    for (int i = 0; i < kRowsAtOnce; ++i) {
      entries[i].resize(documents);
      from[i] = entries[i].data();
    }
  }

  // The table to fill for a document.
  std::uint64_t* append(const std::uint16_t* document_targets) {
    targets[rows] = document_targets;
    return entries[rows++].data();
  }
  bool full() const { return rows == kRowsAtOnce; }

  std::vector<std::uint64_t> entries[kRowsAtOnce];
  const std::uint64_t* from[kRowsAtOnce];
  const std::uint16_t* targets[kRowsAtOnce] = {};
  int rows = 0;
};

}  // namespace energy_lens
