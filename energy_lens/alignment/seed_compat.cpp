#include "energy_lens/alignment/seed_compat.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "energy_lens/alignment/feature_index.h"
#include "energy_lens/alignment/sequence_energy.h"
#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/core/shape.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

// Both ways of summing a shuffled product differ by rounding only; such values are ties, counted as reached.
constexpr double kTie = 1e-11;

// The covariance of sparse a with centred s decides: a's mean and both variances are the same in every shuffle.
double sparse_product(std::span<const ActiveToken> active, const std::vector<double>& s,
                      const std::vector<std::int64_t>& shuffle) {
  double sum = 0.0;
  for (const ActiveToken& token : active) sum += token.value * s[shuffle[token.row]];
  return sum;
}

std::vector<double> centred_descent(const at::Tensor& energy) {
  const at::Tensor descent = -central_difference(energy);
  const at::Tensor centred = (descent - descent.mean()).contiguous();
  return {centred.data_ptr<double>(), centred.data_ptr<double>() + centred.numel()};
}

}  // namespace

std::vector<SeedCompatScore> seed_compat_scores(const SparseCodes& codes, std::int64_t features,
                                                const at::Tensor& energy, const SeedCompatOptions& options) {
  check_shape("seed_compat_scores", "energy", energy, {{"D"}, {"T"}});
  if (options.permutations < 1) fail(ErrorKind::Usage, "seed_compat_scores", "got no permutation, expected at least 1");
  if (energy.size(1) < 2 || !at::isfinite(energy).all().item<bool>()) {
    fail(ErrorKind::BadInput, "seed_compat_scores", "got energies not finite or one a document, expected T >= 2");
  }
  std::vector<std::int64_t> positions(static_cast<std::size_t>(energy.size(1)));
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  const FeatureIndex index(codes, features, energy.size(0), positions);
  const std::vector<double> s = centred_descent(energy);
  std::vector<SeedCompatScore> scores;
  for (std::int64_t k = 0; k < features; ++k) {
    if (index.active(k).empty()) continue;
    scores.push_back({k, static_cast<std::int64_t>(index.active(k).size()), pearson(index.dense(k), s), 0.0});
  }
  std::vector<std::vector<std::int64_t>> shuffles(static_cast<std::size_t>(options.permutations) + 1,
                                                  std::vector<std::int64_t>(s.size()));
  for (std::size_t p = 0; p < shuffles.size(); ++p) {  // 0 is the data itself
    std::iota(shuffles[p].begin(), shuffles[p].end(), std::int64_t{0});
    if (p > 0) Philox(options.seed, "seed-compat", p - 1).shuffle(shuffles[p]);
  }
  parallel_blocks(static_cast<std::int64_t>(scores.size()), [&](std::int64_t i) {
    SeedCompatScore& score = scores[i];
    if (std::isnan(score.r)) {
      score.p = std::numeric_limits<double>::quiet_NaN();
      return;
    }
    const std::span<const ActiveToken> active = index.active(score.feature);
    const double observed = std::abs(sparse_product(active, s, shuffles[0])) * (1.0 - kTie);
    std::int64_t reached = 0;
    for (std::size_t p = 1; p < shuffles.size(); ++p) {
      reached += std::abs(sparse_product(active, s, shuffles[p])) >= observed;
    }
    score.p = static_cast<double>(reached + 1) / static_cast<double>(options.permutations + 1);
  });
  return scores;
}

}  // namespace energy_lens
