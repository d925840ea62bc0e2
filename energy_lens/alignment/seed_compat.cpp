#include "energy_lens/alignment/seed_compat.h"

#include <cmath>
#include <numeric>
#include <string>

#include "energy_lens/alignment/feature_index.h"
#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/lens/sequence_difference.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

constexpr const char* kOperation = "seed_compat_scores";
constexpr std::int64_t kFewestActive = 3;
constexpr double kListed = 0.1;
// Both ways of summing a shuffled product differ by rounding only; such values are ties, counted as reached.
constexpr double kTie = 1e-11;

std::vector<double> centred(const at::Tensor& series) {
  const at::Tensor x = series.to(at::kDouble).contiguous();
  std::vector<double> values(x.data_ptr<double>(), x.data_ptr<double>() + x.numel());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  for (double& value : values) value -= mean;
  return values;
}

std::vector<std::vector<std::int64_t>> token_shuffles(std::size_t tokens, const SeedCompatOptions& options) {
  std::vector<std::vector<std::int64_t>> shuffles(static_cast<std::size_t>(options.permutations),
                                                  std::vector<std::int64_t>(tokens));
  for (std::size_t p = 0; p < shuffles.size(); ++p) {
    std::iota(shuffles[p].begin(), shuffles[p].end(), std::int64_t{0});
    Philox(options.seed, "seed-compat", p).shuffle(shuffles[p]);
  }
  return shuffles;
}

// How many shuffles reach |r|. The product of sparse a with centred s decides: a's mean and both variances stay.
std::int64_t reached(std::span<const ActiveToken> active, const std::vector<double>& s,
                     const std::vector<std::vector<std::int64_t>>& shuffles) {
  double own = 0.0;
  for (const ActiveToken& token : active) own += token.value * s[token.row];
  std::int64_t count = 0;
  for (const std::vector<std::int64_t>& shuffle : shuffles) {
    double sum = 0.0;
    for (const ActiveToken& token : active) sum += token.value * s[shuffle[token.row]];
    count += std::abs(sum) >= std::abs(own) * (1.0 - kTie);
  }
  return count;
}

}  // namespace

at::Tensor prototype_descent(const at::Tensor& energy) {
  check_shape("prototype_descent", "energy", energy, {{"T - 1"}});
  if (energy.size(0) < 1) fail(ErrorKind::BadInput, "prototype_descent", "got no energy, expected at least one");
  return -central_difference(at::cat({energy, energy.slice(0, -1)}).to(at::kDouble));
}

std::vector<SeedCompatScore> seed_compat_scores(const SparseCodes& codes, std::int64_t features,
                                                const at::Tensor& descent, const SeedCompatOptions& options) {
  if (options.permutations < 1) fail(ErrorKind::Usage, kOperation, "got no permutation, expected at least 1");
  check_shape(kOperation, "codes.atoms", codes.atoms, {{"N"}, {"S"}});
  check_shape(kOperation, "descent", descent, {{"N", codes.atoms.size(0)}});
  if (descent.size(0) < 1 || !at::isfinite(descent).all().item<bool>()) {
    fail(ErrorKind::BadInput, kOperation, "got no token or a descent that is not finite, expected finite numbers");
  }
  const std::vector<double> s = centred(descent);
  std::vector<std::int64_t> positions(s.size());
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  const FeatureIndex index(codes, features, 1, positions);
  std::vector<SeedCompatScore> scores;
  for (std::int64_t k = 0; k < features; ++k) {
    const auto active = static_cast<std::int64_t>(index.active(k).size());
    const double r = active < kFewestActive ? std::nan("") : pearson(index.dense(k), s);
    if (!std::isnan(r)) scores.push_back({k, active, r, 0.0, 0.0, std::abs(r) > kListed});
  }
  const std::vector<std::vector<std::int64_t>> shuffles = token_shuffles(s.size(), options);
  parallel_blocks(static_cast<std::int64_t>(scores.size()), [&](std::int64_t i) {
    const auto count = static_cast<double>(reached(index.active(scores[i].feature), s, shuffles));
    scores[i].p = (count + 1.0) / static_cast<double>(options.permutations + 1);
    scores[i].prototype_p = count / static_cast<double>(options.permutations);
  });
  return scores;
}

}  // namespace energy_lens
