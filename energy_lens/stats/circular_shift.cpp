#include "energy_lens/stats/circular_shift.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/stats/permuted_statistic.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kMostTokens = 65536;  // what the shifts' 16 bits can name

// c(h) of one document at a time, for every h.
class CircularProducts {
 public:
  explicit CircularProducts(std::int64_t tokens)
      : tokens_(tokens), twice_(static_cast<std::size_t>(2 * tokens)), products_(static_cast<std::size_t>(tokens)) {
    for (std::int64_t t = 0; t < tokens; ++t) shifted_.push_back(twice_.data() + t);
  }
  CircularProducts(const CircularProducts&) = delete;
  CircularProducts& operator=(const CircularProducts&) = delete;

  // a, s [T]. Valid until the next document.
  std::span<const double> of(const double* a, const double* s) {
    std::copy_n(s, tokens_, twice_.data());
    std::copy_n(s, tokens_, twice_.data() + tokens_);
    std::ranges::fill(products_, 0.0);
    best_permutation_kernel().add_columns(a, shifted_.data(), tokens_, tokens_, products_.data());
    return products_;
  }

 private:
  std::int64_t tokens_;
  std::vector<double> twice_, products_;
  std::vector<const double*> shifted_;  // s from t on
};

}  // namespace

CircularShifts circular_shifts(std::int64_t documents, std::int64_t tokens, std::int64_t count, std::uint64_t seed) {
  if (documents < 1 || tokens < 1 || tokens > kMostTokens || count < 1) {
    fail(ErrorKind::Usage, "circular_shifts",
         "got " + std::to_string(documents) + " documents of " + std::to_string(tokens) + " tokens and " +
             std::to_string(count) +
             " shifts, expected at least one document, 1 to 65,536 tokens and at least one shift");
  }
  CircularShifts shifts{documents, tokens, count, {}};
  shifts.index.resize(static_cast<std::size_t>(documents * count));
  for (std::int64_t p = 0; p < count; ++p) {
    Philox random(seed, "circular-shift", static_cast<std::uint64_t>(p));
    for (std::int64_t d = 0; d < documents; ++d) {
      shifts.index[d * count + p] = static_cast<std::uint16_t>(random.below(static_cast<std::uint64_t>(tokens)));
    }
  }
  return shifts;
}

ShiftTest circular_shift_test(std::span<const double> a, std::span<const double> s, const CircularShifts& shifts) {
  const std::int64_t tokens = shifts.tokens;
  EL_ASSERT(static_cast<std::int64_t>(a.size()) == shifts.documents * tokens && a.size() == s.size());
  CircularProducts circular(tokens);
  std::vector<Term> totals(static_cast<std::size_t>(shifts.count), Term{0.0, 0.0});
  Term observed{0.0, 0.0};
  double largest = 0.0;
  for (std::int64_t d = 0; d < shifts.documents; ++d) {
    const std::span<const double> products = circular.of(a.data() + d * tokens, s.data() + d * tokens);
    largest = std::max(largest, best_permutation_kernel().largest_magnitude(products.data(), tokens));
    add_product(products[0], observed);
    const std::uint16_t* const shift = shifts.of(d);
    for (std::int64_t p = 0; p < shifts.count; ++p) add_product(products[shift[p]], totals[p]);
  }
  const double least = least_square(largest * largest);
  ShiftTest test;
  test.statistic = studentised(observed, least);
  const double reach = std::abs(test.statistic) * (1.0 - kPermutationTie);
  const auto reached =
      std::ranges::count_if(totals, [&](const Term& total) { return std::abs(studentised(total, least)) >= reach; });
  test.p = static_cast<double>(reached + 1) / static_cast<double>(shifts.count + 1);
  return test;
}

}  // namespace energy_lens
