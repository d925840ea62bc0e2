#include "energy_lens/alignment/seed_compat.h"

#include <cmath>
#include <numeric>
#include <string>

#include "energy_lens/alignment/critical_correlation.h"
#include "energy_lens/alignment/feature_index.h"
#include "energy_lens/alignment/sequence_energy.h"
#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/philox.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

constexpr const char* kOperation = "seed_compat";
constexpr std::int64_t kFewestActive = 3;
constexpr double kListed = 0.1;
// Both ways of summing a shuffled product differ by rounding only; such values are ties, counted as reached.
constexpr double kTie = 1e-11;

// -numpy.gradient of each text's energies, the last one copied; centred over all tokens.
std::vector<double> descent(const std::vector<at::Tensor>& energies) {
  std::vector<double> s;
  for (const at::Tensor& energy : energies) {
    if (energy.dim() != 1 || energy.size(0) < 1 || !at::isfinite(energy).all().item<bool>()) {
      fail(ErrorKind::BadInput, kOperation, "got a text without energies or with one not finite, expected [tokens - 1]");
    }
    const at::Tensor copied = at::cat({energy, energy.slice(0, -1)}).to(at::kDouble).unsqueeze(0);
    const at::Tensor row = (-central_difference(copied)).contiguous();
    s.insert(s.end(), row.data_ptr<double>(), row.data_ptr<double>() + row.numel());
  }
  const double mean = std::accumulate(s.begin(), s.end(), 0.0) / static_cast<double>(s.size());
  for (double& value : s) value -= mean;
  return s;
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

SeedCompat seed_compat(const SparseCodes& codes, std::int64_t features, const std::vector<at::Tensor>& energies,
                       const SeedCompatOptions& options) {
  if (options.permutations < 1) fail(ErrorKind::Usage, kOperation, "got no permutation, expected at least 1");
  if (energies.empty()) fail(ErrorKind::BadInput, kOperation, "got no text, expected at least one");
  const std::vector<double> s = descent(energies);
  const auto tokens = static_cast<std::int64_t>(s.size());
  if (!codes.atoms.defined() || codes.atoms.size(0) != tokens || tokens < 3) {
    fail(ErrorKind::BadInput, kOperation,
         "got codes and energies of different or fewer than 3 tokens, expected one row of codes for each of " +
             std::to_string(tokens));
  }
  std::vector<std::int64_t> positions(s.size());
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  const FeatureIndex index(codes, features, 1, positions);
  SeedCompat result{tokens, options.permutations, critical_correlation(tokens), {}};
  for (std::int64_t k = 0; k < features; ++k) {
    const auto active = static_cast<std::int64_t>(index.active(k).size());
    const double r = active < kFewestActive ? std::nan("") : pearson(index.dense(k), s);
    if (!std::isnan(r)) result.features.push_back({k, active, r, 0.0, 0.0, std::abs(r) > kListed});
  }
  const std::vector<std::vector<std::int64_t>> shuffles = token_shuffles(s.size(), options);
  parallel_blocks(static_cast<std::int64_t>(result.features.size()), [&](std::int64_t i) {
    SeedCompatScore& score = result.features[i];
    const auto count = static_cast<double>(reached(index.active(score.feature), s, shuffles));
    score.p = (count + 1.0) / static_cast<double>(options.permutations + 1);
    score.prototype_p = count / static_cast<double>(options.permutations);
  });
  return result;
}

}  // namespace energy_lens
