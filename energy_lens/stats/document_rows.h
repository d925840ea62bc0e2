// What a row of G is made from: the firings of one document, and terms as shares of the largest. Private to stats/.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>

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

// shares = terms / largest in fp32, 0 where largest is.
inline void shares_of(std::span<const double> terms, double largest, std::span<float> shares) {
  const double unit = largest == 0.0 ? 1.0 : largest;
  for (std::size_t e = 0; e < terms.size(); ++e) shares[e] = static_cast<float>(terms[e] / unit);
}

}  // namespace energy_lens
