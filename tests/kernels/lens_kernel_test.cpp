#include "energy_lens/kernels/torch_free/lens_kernel.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>

#include "tests/support/plain_lens.h"

namespace energy_lens {
namespace {

using testing::LensOutputs;
using testing::LensProblem;
using testing::LensShape;
using testing::plain_gradient;
using testing::plain_row;
using testing::PlainRow;

constexpr double kEps = 6e-8;  // 2^-24

std::vector<LensOutputs> run(const LensProblem& problem, const LensTiles& tiles, LensChunk chunk = {},
                             bool gradients = true) {
  std::vector<LensOutputs> out;
  const LensJob job = problem.job(out, gradients);
  if (chunk.rows == 0) chunk = lens_chunk(job, tiles, std::int64_t{8} << 20);
  LensArena arena;
  for (std::int64_t row = 0; row < job.rows; row += chunk.rows) lens_rows_of_chunk(job, chunk, row, tiles, arena);
  return out;
}

// Every path for a problem's weights.
std::vector<const LensTiles*> all_tiles(bool bfloat16) {
  std::vector<const LensTiles*> tiles = {&generic_lens_tiles()};
  for (const LensRounding rounding : {LensRounding::None, LensRounding::Rows}) {
    tiles.push_back(&best_lens_tiles(bfloat16, rounding));
    if (!bfloat16) continue;
    tiles.push_back(&generic_pair_lens_tiles(rounding));
    tiles.push_back(&generic_block_lens_tiles(rounding));
  }
  return tiles;
}

double norm(const std::vector<double>& x) {
  double squares = 0.0;
  for (const double value : x) squares += value * value;
  return std::sqrt(squares);
}

double distance(const std::vector<double>& expected, const float* got) {
  std::vector<double> difference = expected;
  for (std::size_t d = 0; d < expected.size(); ++d) difference[d] -= got[d];
  return norm(difference);
}

double longest_weight(const LensProblem& p) {
  double longest = 0.0;
  for (std::int64_t v = 0; v < p.shape.vocabulary; ++v) {
    const std::vector<double> row(p.w.begin() + v * p.shape.width, p.w.begin() + (v + 1) * p.shape.width);
    longest = std::max(longest, norm(row));
  }
  return longest * *std::ranges::max_element(p.gamma);
}

// Compares one row at one layer. z is a chain of D fused products, so it is off by at most delta = (D + 3) eps size; a
// softmax changes by at most twice the error of its logits; sums over the vocabulary add a few eps. Where bf16 numbers
// are multiplied, y is rounded as the tiles say and softmax weights to 8 bits.
class RowCheck {
 public:
  RowCheck(const LensProblem& p, std::size_t layer, std::int64_t row, double longest, double row_rounding)
      : p_(p),
        layer_(layer),
        row_(row),
        longest_(longest),
        weight_rounding_(row_rounding > 0.0 ? 0x1p-8 : 0.0),
        here_(plain_row(p, layer, row)),
        last_(plain_row(p, p.streams.size() - 1, row)) {
    const double rounding = (p.shape.width + 3) * kEps + row_rounding;
    delta_ = rounding * std::max(here_.size, last_.size);
    for (std::size_t v = 0; v < here_.z.size(); ++v) {
      spread_ = std::max({spread_, std::abs(last_.log_p[v] - here_.log_p[v]), std::abs(here_.log_p[v])});
    }
  }

  void scalars(const LensOutputs& got) const {
    double entropy = 0.0, cross = 0.0, kl = 0.0, mean = 0.0;
    for (std::size_t v = 0; v < here_.z.size(); ++v) {
      const double q = std::exp(last_.log_p[v]);
      entropy -= std::exp(here_.log_p[v]) * here_.log_p[v];
      cross -= q * here_.log_p[v];
      kl += q * (last_.log_p[v] - here_.log_p[v]);
      mean += here_.log_p[v] / static_cast<double>(here_.z.size());
    }
    const double energy = -here_.log_p[target()], tolerance = 2 * delta_ + 20 * kEps * (1 + energy);
    // Entropies weigh errors of p by log-probabilities.
    const double weighted = (2 * delta_ + 20 * kEps) * (1 + spread_);
    EXPECT_NEAR(got.energy[row_], energy, tolerance);
    EXPECT_NEAR(got.depth_descent[row_], energy + last_.log_p[target()], 2 * tolerance);
    EXPECT_NEAR(got.entropy[row_], entropy, weighted);
    EXPECT_NEAR(got.cross_entropy[row_], cross, 2 * weighted);
    EXPECT_NEAR(got.kl_to_final[row_], kl, 2 * weighted);
    EXPECT_NEAR(got.free_energy[row_], mean, tolerance + kEps * std::abs(mean) * 20);
    EXPECT_NEAR(got.confidence[row_], std::exp(*std::ranges::max_element(here_.log_p)), tolerance);
  }

  void ranking(const LensOutputs& got) const {
    std::vector<std::int64_t> ids(here_.z.size());
    std::iota(ids.begin(), ids.end(), 0);
    std::ranges::stable_sort(ids, [&](auto a, auto b) { return here_.z[a] > here_.z[b]; });
    const std::int64_t k = p_.shape.top_k;
    for (std::int64_t i = 0; i < k; ++i) {
      EXPECT_NEAR(got.top_log_probs[row_ * k + i], here_.log_p[ids[i]], 4 * delta_ + 20 * kEps * (1 + spread_));
      // The id itself wherever rounding cannot have exchanged it with a neighbour.
      const double above = i == 0 ? 1.0 : here_.z[ids[i - 1]] - here_.z[ids[i]];
      if (std::min(above, here_.z[ids[i]] - here_.z[ids[i + 1]]) > 2 * delta_) {
        EXPECT_EQ(got.top_ids[row_ * k + i], ids[i]);
      }
    }
    std::int64_t surely_larger = 0, perhaps_larger = 0;
    double best_other = -1e300;
    for (std::int64_t v = 0; v < static_cast<std::int64_t>(here_.z.size()); ++v) {
      if (v == target()) continue;
      surely_larger += here_.z[v] > here_.z[target()] + 2 * delta_;
      perhaps_larger += here_.z[v] > here_.z[target()] - 2 * delta_;
      best_other = std::max(best_other, here_.z[v]);
    }
    EXPECT_GE(got.rank[row_], surely_larger);
    EXPECT_LE(got.rank[row_], perhaps_larger);
    EXPECT_NEAR(got.margin[row_], here_.z[ids[0]] - here_.z[ids[1]], 2 * delta_ + kEps * spread_);
    EXPECT_NEAR(got.target_margin[row_], here_.z[target()] - best_other, 2 * delta_ + kEps * spread_);
  }

  void gradients(const LensOutputs& got) const {
    std::vector<double> weights, expected;
    for (std::size_t v = 0; v < here_.z.size(); ++v) {
      const double p = std::exp(here_.log_p[v]);
      weights.push_back(p - (static_cast<std::int64_t>(v) == target() ? 1.0 : 0.0));
      expected.push_back(p - std::exp(last_.log_p[v]));
    }
    // Weights sum to at most 2, and are off by 2 delta and a few eps of themselves; a cap's slope by 2 delta / cap.
    const double slope = p_.shape.cap == 0.0f ? 0.0 : 2 / p_.shape.cap;
    const double tolerance =
        (4 * delta_ * (1 + slope) + 100 * kEps + 2 * weight_rounding_) * longest_ * here_.inverse_sigma;
    const std::size_t at = static_cast<std::size_t>(row_ * p_.shape.width);
    EXPECT_LT(distance(plain_gradient(p_, layer_, row_, here_, weights), &got.gradient[at]), tolerance);
    EXPECT_LT(distance(plain_gradient(p_, layer_, row_, here_, expected), &got.expected_gradient[at]), tolerance);
  }

 private:
  std::int64_t target() const { return p_.targets[static_cast<std::size_t>(row_)]; }
  const LensProblem& p_;
  std::size_t layer_;
  std::int64_t row_;
  double longest_, weight_rounding_, delta_ = 0.0, spread_ = 0.0;
  PlainRow here_, last_;
};

const std::vector<LensShape> kShapes = {
    {.name = "Plain"},
    {.name = "RmsNormWithoutBias", .centre = false, .bias = false},
    {.name = "Flat", .weight_scale = 0.01},
    {.name = "Peaked", .weight_scale = 3.0},
    {.name = "Capped", .cap = 4.0f},
    {.name = "CappedRmsNorm", .weight_scale = 1.0, .centre = false, .cap = 8.0f},
    {.name = "Bfloat16", .bfloat16 = true},
    {.name = "Bfloat16OddWidth", .width = 7, .bfloat16 = true},
    {.name = "Bfloat16Peaked", .vocabulary = 385, .weight_scale = 2.0, .bfloat16 = true},
    {.name = "Bfloat16CappedRmsNorm", .width = 25, .centre = false, .bfloat16 = true, .cap = 4.0f},
    {.name = "OneColumnMoreThanTiles", .rows = 5, .width = 73, .vocabulary = 193},
    {.name = "FewerColumnsThanATile", .rows = 3, .width = 3, .vocabulary = 23},
    {.name = "VocabularyOfWholePanels", .rows = 16, .width = 12, .vocabulary = 384},
    {.name = "OneMoreThanWholePanels", .rows = 17, .width = 48, .vocabulary = 385},
    {.name = "WidePanels", .rows = 2, .width = 2500, .vocabulary = 100, .layers = 2, .weight_scale = 0.05},
    {.name = "WidePanelsOfPairs",
     .rows = 2,
     .width = 2500,
     .vocabulary = 107,
     .layers = 2,
     .weight_scale = 0.05,
     .bfloat16 = true},
    {.name = "OneRowOneLayer", .rows = 1, .layers = 1},
    {.name = "StreamFarFromZero", .mean_stream = 50.0},
    {.name = "WholeVocabularyListed", .rows = 4, .vocabulary = 20, .top_k = 19}};

class LensKernelCase : public ::testing::TestWithParam<LensShape> {
 protected:
  void check(const LensTiles& tiles) const {
    const LensProblem problem(GetParam());
    const auto out = run(problem, tiles);
    const double longest = longest_weight(problem);
    for (std::size_t layer = 0; layer < out.size(); ++layer) {
      for (std::int64_t row = 0; row < problem.shape.rows; ++row) {
        SCOPED_TRACE("layer " + std::to_string(layer) + " row " + std::to_string(row));
        const RowCheck row_check(problem, layer, row, longest, tiles.row_rounding);
        row_check.scalars(out[layer]);
        row_check.ranking(out[layer]);
        row_check.gradients(out[layer]);
      }
    }
    for (const float kl : out.back().kl_to_final) EXPECT_EQ(kl, 0.0f);
    for (const float g : out.back().expected_gradient) EXPECT_EQ(g, 0.0f);
  }
};

TEST_P(LensKernelCase, AgreesWithDoublePrecisionOnEveryPath) {
  for (const LensTiles* tiles : all_tiles(GetParam().bfloat16)) {
    SCOPED_TRACE(tiles->name);
    check(*tiles);
  }
}

TEST_P(LensKernelCase, AnyCutIntoChunksGivesTheSameBits) {
  const LensProblem problem(GetParam());
  for (const LensTiles* tiles : all_tiles(GetParam().bfloat16)) {
    const auto whole = run(problem, *tiles);
    for (const LensChunk chunk : {LensChunk{1, 1}, LensChunk{tiles->lanes, 2}, LensChunk{tiles->lanes + 3, 1}}) {
      EXPECT_EQ(run(problem, *tiles, chunk), whole) << tiles->name << " " << chunk.rows << " " << chunk.layers;
    }
  }
}

TEST_P(LensKernelCase, GradientsChangeNoOtherOutput) {
  const LensProblem problem(GetParam());
  const auto with = run(problem, generic_lens_tiles()), without = run(problem, generic_lens_tiles(), {}, false);
  for (std::size_t layer = 0; layer < with.size(); ++layer) {
    EXPECT_EQ(with[layer].energy, without[layer].energy);
    EXPECT_EQ(with[layer].kl_to_final, without[layer].kl_to_final);
    EXPECT_EQ(with[layer].top_ids, without[layer].top_ids);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, LensKernelCase, ::testing::ValuesIn(kShapes),
                         [](const auto& info) { return info.param.name; });

TEST(LensKernel, EqualLogitsAreRankedByTheirIds) {
  LensProblem problem({.name = "ties", .rows = 20, .width = 8, .vocabulary = 200, .layers = 1, .top_k = 5});
  std::fill(problem.bias.begin(), problem.bias.end(), 0.0f);
  // Entry v repeats v % 4, so that each of four logits occurs fifty times.
  for (std::int64_t v = 4; v < 200; ++v) std::copy_n(&problem.w[(v % 4) * 8], 8, &problem.w[v * 8]);
  for (std::int64_t row = 0; row < 20; ++row) problem.targets[row] = row * 10;
  for (const LensTiles* tiles : all_tiles(false)) {
    const auto out = run(problem, *tiles)[0];
    for (std::int64_t row = 0; row < 20; ++row) {
      const PlainRow plain = plain_row(problem, 0, row);
      const std::int64_t best = std::ranges::max_element(plain.z.begin(), plain.z.begin() + 4) - plain.z.begin();
      for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(out.top_ids[row * 5 + i], best + 4 * i);
      const std::int64_t target = problem.targets[row];
      std::int64_t rank = 0;
      for (std::int64_t v = 0; v < 200; ++v) {
        const double gap = v % 4 == target % 4 ? 0.0 : plain.z[v] - plain.z[target];
        rank += gap > 0.0 || (gap == 0.0 && v < target);
      }
      EXPECT_EQ(out.rank[row], rank);
      EXPECT_EQ(out.margin[row], 0.0f);
    }
  }
}

TEST(LensKernel, CertainAndHopelessTargetsKeepTheirEnergiesAndGradients) {
  LensProblem problem({.name = "far", .rows = 6, .width = 4, .vocabulary = 6, .layers = 1, .top_k = 2});
  std::fill(problem.w.begin(), problem.w.end(), 0.0f);
  for (std::int64_t v = 0; v < 6; ++v) problem.w[v * 4 + v % 4] = 1e-3f;
  problem.bias = {0.0f, -40.0f, -90.0f, -150.0f, -170.0f, -3000.0f};
  problem.targets = {0, 1, 2, 3, 4, 5};
  for (const LensTiles* tiles : all_tiles(false)) {
    const auto out = run(problem, *tiles)[0];
    for (std::int64_t row = 0; row < 6; ++row) {
      const PlainRow plain = plain_row(problem, 0, row);
      double others = 0.0;
      for (std::int64_t v = 0; v < 6; ++v) others += v == row ? 0.0 : std::exp(plain.log_p[v]);
      const double energy = row == 0 ? std::log1p(others) : -plain.log_p[row];
      // e^z is off by the rounding of z, relative to itself.
      const double tolerance = 4 * kEps * (row == 0 ? 40.0 : 1.0);
      EXPECT_NEAR(out.energy[row] / energy, 1.0, tolerance) << row;
      std::vector<double> weights;
      for (std::int64_t v = 0; v < 6; ++v) weights.push_back(std::exp(plain.log_p[v]));
      weights[row] = -others;
      const auto expected = plain_gradient(problem, 0, row, plain, weights);
      EXPECT_LT(distance(expected, &out.gradient[row * 4]), 8 * tolerance * norm(expected)) << row;
    }
    EXPECT_GT(out.energy[0], 0.0f);
    EXPECT_LT(out.energy[0], 1e-17f);
  }
}

TEST(LensKernel, ArenaStaysWithinItsBoundAtAnySize) {
  constexpr std::int64_t kBytes = std::int64_t{6} << 20;
  for (const LensTiles* tiles : all_tiles(false)) {
    for (const std::int64_t layers : {1, 13, 70}) {
      const LensProblem problem({.name = "size", .rows = 70, .width = 768, .vocabulary = 50, .layers = layers});
      std::vector<LensOutputs> out;
      const LensJob job = problem.job(out);
      LensArena arena;
      lens_rows_of_chunk(job, lens_chunk(job, *tiles, kBytes), 0, *tiles, arena);
      EXPECT_LE(arena.size(), kBytes) << tiles->name << " " << layers;
    }
  }
}

TEST(LensKernel, SteadyStateTouchesNoNewPage) {
  const LensProblem problem({.name = "faults", .rows = 64, .width = 768, .vocabulary = 500});
  std::vector<LensOutputs> out;
  const LensJob job = problem.job(out);
  const LensChunk chunk{16, 2};
  LensArena arena;
  const auto faults = [&] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
  };
  lens_rows_of_chunk(job, chunk, 0, best_lens_tiles(false, LensRounding::None), arena);
  for (std::int64_t row = 0; row < job.rows; row += chunk.rows) {  // the outputs' own pages
    lens_rows_of_chunk(job, chunk, row, best_lens_tiles(false, LensRounding::None), arena);
  }
  const long before = faults();
  for (std::int64_t row = 0; row < job.rows; row += chunk.rows) {
    lens_rows_of_chunk(job, chunk, row, best_lens_tiles(false, LensRounding::None), arena);
  }
  EXPECT_EQ(faults() - before, 0);
}

}  // namespace
}  // namespace energy_lens
