// The firings of one document, the row of G they make where it differs from the common one, and tables of such rows.
// Private to stats/.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "energy_lens/kernels/torch_free/permutation_kernel.h"
#include "energy_lens/stats/permutation.h"

namespace energy_lens {

// use(the firings of one document), for each active document in turn.
template <typename Use>
void for_each_document(std::span<const Firing> firings, const Use& use) {
  while (!firings.empty()) {
    const std::int32_t document = firings.front().document;
    const auto end = std::ranges::find_if(firings, [&](const Firing& one) { return one.document != document; });
    const auto own = static_cast<std::size_t>(end - firings.begin());
    use(firings.first(own));
    firings = firings.subspan(own);
  }
}

// What |G[d, e] - common[e]| is at most for the document whose firings these are; NaN where it may be anything.
inline double largest_term(const SeriesColumns& columns, std::span<const Firing> firings) {
  double most = 0.0;
  for (const Firing& firing : firings) most += std::abs(firing.value) * columns.largest(firing.position);
  return most;
}

// shares = terms / largest in fp32, 0 where largest is.
inline void shares_of(std::span<const double> terms, double largest, std::span<float> shares) {
  const double unit = largest == 0.0 ? 1.0 : largest;
  for (std::size_t e = 0; e < terms.size(); ++e) shares[e] = static_cast<float>(terms[e] / unit);
}

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
