#include "energy_lens/experiment/alignment_input.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "energy_lens/dictionary/omp_dictionary.h"
#include "tests/support/small_study.h"

namespace energy_lens {
namespace {

// Every covariate against its definition, token by token.
TEST(AlignmentInput, CovariatesAreWhatTheScoreHoldsFixed) {
  const testing::StudyFolder folder;
  StudyConfig config = folder.config("none");
  config.documents = 24;
  config.window = 16;
  const StudyData data = load_study_data(config, no_progress());
  const CorpusPass pass = lens_pass(data, {8}, Split::A, no_progress());
  const LayerActivations& layer = pass.layers[0];
  const auto dictionary = random_dictionary(8, at::zeros({layer.resid.size(2)}), 2, 1);
  EfasInput input = alignment_input(data, *dictionary, pass, layer);
  input.covariates = partial_covariates(data, pass.windows, input);
  std::map<std::int64_t, double> counts;
  double total = static_cast<double>(data.model->config().d_vocab);
  for (const Window* window : data.of(Split::S)) {
    for (std::size_t t = 1; t < window->ids.size(); ++t, ++total) ++counts[window->ids[t]];  // without BOS
  }
  ASSERT_EQ(data.first_position, 1);
  ASSERT_EQ(input.covariates.size(), 4u);
  ASSERT_EQ(input.scalars.size(), kGradientNormScalar + 1);
  const auto at = [](const ScalarSeries& series, std::int64_t d, std::int64_t t) {
    return series.values[d][t].item<double>();
  };
  for (std::int64_t d = 0; d < input.documents; ++d) {
    const std::vector<std::int64_t>& ids = pass.windows[d]->ids;
    const at::Tensor centred = layer.resid[d] - layer.resid[d].mean(-1, true);
    for (std::int64_t t = 1; t < input.tokens; ++t) {
      EXPECT_NEAR(at(input.covariates[0], d, t), std::log((counts[ids[t]] + 1.0) / total), 1e-12);
      EXPECT_NEAR(at(input.covariates[1], d, t), std::log((counts[ids[t + 1]] + 1.0) / total), 1e-12);
      const double size = std::log(centred[t].norm().item<double>() / std::sqrt(layer.resid.size(2)));
      EXPECT_NEAR(at(input.covariates[2], d, t), size, 1e-5);  // eps and fp32
      EXPECT_EQ(at(input.covariates[3], d, t), layer.energy[d][t - 1].item<double>());
      const double norm = layer.gradient[d][t].norm().item<double>();
      EXPECT_NEAR(at(input.scalars[kGradientNormScalar], d, t), norm, 1e-5 * norm);
    }
    EXPECT_TRUE(std::isnan(at(input.covariates[3], d, 0)));
  }
}

}  // namespace
}  // namespace energy_lens
