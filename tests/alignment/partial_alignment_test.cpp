#include "energy_lens/alignment/partial_alignment.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "efas_fixture.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kDocuments = 12, kTokens = 9;
const std::vector<std::int64_t> kStrata = {3, 3, 5, 5, 3, 5, 3, 5, 3, 3, 5, 5};

at::Tensor normal(std::uint64_t seed) {
  EfasInput shape;
  shape.documents = kDocuments;
  shape.tokens = kTokens;
  return testing::random_covariate(shape, seed).values;
}

EfasInput input_with(std::vector<at::Tensor> covariates) {
  EfasInput input;
  input.documents = kDocuments;
  input.tokens = kTokens;
  input.strata = kStrata;
  for (const at::Tensor& values : covariates) input.covariates.push_back({"covariate", values});
  return input;
}

std::vector<double> values_at(const at::Tensor& x, const std::vector<std::int64_t>& positions) {
  const at::Tensor kept = x.index_select(1, at::tensor(positions)).contiguous();
  return {kept.data_ptr<double>(), kept.data_ptr<double>() + kept.numel()};
}

std::vector<std::int64_t> all_positions() {
  std::vector<std::int64_t> positions(kTokens);
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  return positions;
}

// The whole regression written out: a column for every position of every stratum, for every document, and for every
// covariate; residuals by the pseudo-inverse.
double explicit_partial(const at::Tensor& a, const at::Tensor& s, const std::vector<at::Tensor>& covariates,
                        const std::vector<std::int64_t>& positions) {
  const at::Tensor kept = at::tensor(positions);
  const std::int64_t tokens = kept.size(0), rows = kDocuments * tokens;
  const auto count = static_cast<std::int64_t>(covariates.size());
  at::Tensor design = at::zeros({rows, 2 * tokens + kDocuments + count}, at::kDouble);
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t d = i / tokens, t = i % tokens;
    design[i][(kStrata[d] == 3 ? 0 : tokens) + t] = 1.0;
    design[i][2 * tokens + d] = 1.0;
    for (std::int64_t j = 0; j < count; ++j) {
      design[i][2 * tokens + kDocuments + j] = covariates[j][d][positions[t]];
    }
  }
  const auto residual = [&](const at::Tensor& x) {
    const at::Tensor y = x.index_select(1, kept).reshape({rows});
    return y - at::matmul(design, at::matmul(at::linalg_pinv(design, 1e-12), y));
  };
  const at::Tensor left_a = residual(a), left_s = residual(s);
  return (left_a.dot(left_s) / (left_a.norm() * left_s.norm())).item<double>();
}

TEST(PartialAlignment, EqualsTheExplicitRegression) {
  const std::vector<at::Tensor> covariates = {normal(1), normal(2), 3.0 * normal(3) + 40.0, normal(4)};
  const at::Tensor common = covariates[0] + 2.0 * covariates[3];
  const at::Tensor a = normal(5) + common, s = normal(6) - common + 0.3 * a;
  const std::vector<std::int64_t> positions = {0, 2, 3, 5, 6, 8};
  const PartialAlignment partial(input_with(covariates), positions);
  const auto left = partial.residuals(values_at(a, positions), values_at(s, positions));
  EXPECT_EQ(partial.tokens(), 6);
  EXPECT_NEAR(left.correlation, explicit_partial(a, s, covariates, positions), 1e-10);
  EXPECT_GT(std::abs(left.correlation - explicit_partial(a, s, {}, positions)), 0.1);  // the covariates matter
}

TEST(PartialAlignment, LeavesOutPositionsWhereACovariateHasNoValue) {
  at::Tensor lagged = normal(1);
  lagged.select(1, 0).fill_(std::nan(""));
  at::Tensor gap = normal(2);
  gap[7][4] = std::nan("");
  const at::Tensor a = normal(5) + gap.nan_to_num(), s = normal(6) + gap.nan_to_num();
  const PartialAlignment partial(input_with({lagged, gap}), all_positions());
  EXPECT_EQ(partial.tokens(), kTokens - 2);
  EXPECT_NEAR(partial.residuals(values_at(a, all_positions()), values_at(s, all_positions())).correlation,
              explicit_partial(a, s, {lagged, gap}, {1, 2, 3, 5, 6, 7, 8}), 1e-10);
}

TEST(PartialAlignment, CovariatesThatSayNothingNewCountForNothing) {
  const at::Tensor z = normal(1), a = normal(5) + z, s = normal(6) + z;
  const at::Tensor of_position = at::arange(kTokens, at::kDouble).expand({kDocuments, kTokens}).contiguous();
  const at::Tensor of_document = at::arange(kDocuments, at::kDouble).unsqueeze(1).expand({kDocuments, kTokens});
  const at::Tensor constant = at::full({kDocuments, kTokens}, 7.3, at::kDouble);
  const at::Tensor again = (2.0 * z).to(at::kFloat).to(at::kDouble) + 1.0;  // equal but for fp32 rounding
  const std::vector<std::int64_t> positions = all_positions();
  const auto partial = [&](const std::vector<at::Tensor>& covariates) {
    return PartialAlignment(input_with(covariates), positions)
        .residuals(values_at(a, positions), values_at(s, positions))
        .correlation;
  };
  const double truth = explicit_partial(a, s, {z}, positions);
  EXPECT_NEAR(partial({z}), truth, 1e-10);
  EXPECT_NEAR(partial({of_position, z, of_document, again, constant}), truth, 1e-10);
}

TEST(PartialAlignment, NearlyEqualCovariatesSpanWhatTheyDiffer) {
  const at::Tensor z = normal(1), w = normal(2), a = normal(5) + z + w, s = normal(6) + z + w;
  const PartialAlignment partial(input_with({z, z + 1e-4 * w}), all_positions());
  EXPECT_NEAR(partial.residuals(values_at(a, all_positions()), values_at(s, all_positions())).correlation,
              explicit_partial(a, s, {z, w}, all_positions()), 1e-10);
}

TEST(PartialAlignment, OfASeriesTheCovariatesExplainIsUndefined) {
  const at::Tensor z = normal(1), s = normal(6);
  const PartialAlignment partial(input_with({z}), all_positions());
  EXPECT_TRUE(std::isnan(
      partial.residuals(values_at(3.0 * z + 2.0, all_positions()), values_at(s, all_positions())).correlation));
}

// Activations and descent both follow log frequency and nothing else: the primary score is taken in, the partial is
// not.
TEST(PartialAlignment, SeesThroughAPlantedConfounder) {
  constexpr double kShared = 0.5;
  EfasInput input = testing::planted_input({.documents = 120, .features = 3, .rho = {0.3}});
  const at::Tensor frequency = testing::random_covariate(input, 9).values;
  const at::Tensor shared = kShared * frequency.reshape({-1}).to(at::kFloat);
  input.codes.values.select(1, 1).add_(shared);
  input.gradient.select(2, 1).sub_(2.0 * shared.reshape({input.documents, input.tokens}));
  input.covariates = {{"log frequency", frequency}};
  const EfasResult result = compute_efas(input, testing::small_options());
  const FeatureScore &honest = result.scores[0], &confounded = result.scores[1];
  EXPECT_GT(confounded.primary, 0.4);
  EXPECT_LE(confounded.test.max_t, 0.05);
  EXPECT_LT(std::abs(confounded.readings.partial), 0.05);  // 3 / sqrt(120 x 32 tokens)
  EXPECT_LT(confounded.readings.partial_interval.low, 0.0);
  EXPECT_GT(confounded.readings.partial_interval.high, 0.0);
  EXPECT_NEAR(honest.readings.partial, honest.primary, 0.02);
  EXPECT_GT(honest.readings.partial_interval.low, 0.1);
}

}  // namespace
}  // namespace energy_lens
