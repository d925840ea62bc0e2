// Planted windows: sparse autoregressive activations with document effects, and gradients whose descent along a decoder
// row aligns with them by a chosen correlation. Atoms are the unit vectors, so s_k is minus coordinate k of the
// gradient. Activation and noise are two copies of one process, so the correlation within documents, between them and
// pooled is the same number: the truth of every score.
#pragma once
#include <ATen/ATen.h>

#include <bit>
#include <cmath>
#include <vector>

#include "energy_lens/alignment/efas.h"
#include "energy_lens/core/philox.h"

namespace energy_lens::testing {

struct Planted {
  std::int64_t documents = 60;
  std::int64_t tokens = 32;
  std::int64_t features = 30;
  std::vector<double> rho = {};  // for features 0, 1, ...; 0 for the rest
  double phi = 0.5;              // of activations and noise
  double document_effect = 0.5;  // variance share of a document's own level, in both
  double position_trend = 0.0;   // added to both, rising over the window
  std::uint64_t seed = 1;
};

// A standard series of one document: AR(phi) plus the document's level.
inline std::vector<double> standard_series(Philox& random, std::int64_t tokens, double phi, double level_share,
                                           double trend = 0.0) {
  std::vector<double> x(static_cast<std::size_t>(tokens));
  const double level = std::sqrt(level_share) * random.normal();
  double state = random.normal();
  for (std::int64_t t = 0; t < tokens; ++t) {
    x[t] = level + std::sqrt(1.0 - level_share) * state + trend * (2.0 * static_cast<double>(t) / tokens - 1.0);
    state = phi * state + std::sqrt(1.0 - phi * phi) * random.normal();
  }
  return x;
}

// Sparse: what exceeds .8 of a standard series, about one token in five.
inline double rectify(double value) { return value > 0.8 ? value - 0.8 : 0.0; }

inline EfasInput planted_input(const Planted& planted) {
  const std::int64_t documents = planted.documents, tokens = planted.tokens, features = planted.features;
  // Mean and deviation of rectify(N(0, 1)): phi(.8) - .8 (1 - Phi(.8)), and with 1.64 (1 - Phi(.8)) - .8 phi(.8).
  constexpr double kMean = 0.120208, kDeviation = 0.318182;
  EfasInput input;
  input.documents = documents;
  input.tokens = tokens;
  input.atoms = at::eye(features);
  input.gradient = at::zeros({documents, tokens, features});
  input.codes = {at::arange(features).repeat({documents * tokens, 1}), at::zeros({documents * tokens, features})};
  float* gradient = input.gradient.data_ptr<float>();
  float* codes = input.codes.values.data_ptr<float>();
  for (std::int64_t k = 0; k < features; ++k) {
    const double rho = k < static_cast<std::int64_t>(planted.rho.size()) ? planted.rho[k] : 0.0;
    for (std::int64_t d = 0; d < documents; ++d) {
      Philox random(planted.seed, "planted", static_cast<std::uint64_t>(k * documents + d));
      const std::vector<double> base =
          standard_series(random, tokens, planted.phi, planted.document_effect, planted.position_trend);
      const std::vector<double> noise =
          standard_series(random, tokens, planted.phi, planted.document_effect, planted.position_trend);
      for (std::int64_t t = 0; t < tokens; ++t) {
        const double a = rectify(base[t]), z = (a - kMean) / kDeviation;
        const std::int64_t i = (d * tokens + t) * features + k;
        codes[i] = static_cast<float>(a);
        const double other = (rectify(noise[t]) - kMean) / kDeviation;
        gradient[i] = static_cast<float>(-(rho * z + std::sqrt(1.0 - rho * rho) * other));
      }
    }
  }
  return input;
}

// A covariate that owes nothing to the planted series.
inline ScalarSeries random_covariate(const EfasInput& input, std::uint64_t seed) {
  ScalarSeries series{"random", at::empty({input.documents, input.tokens}, at::kDouble)};
  Philox random(seed, "covariate");
  for (std::int64_t i = 0; i < series.values.numel(); ++i) series.values.data_ptr<double>()[i] = random.normal();
  return series;
}

// Small studies: every active feature is tested and no split is called underpowered.
inline EfasOptions small_options() {
  EfasOptions options;
  options.permutations = 999;
  options.bootstrap_replicates = 500;
  options.control_draws = 25;
  options.shifts = 199;
  options.min_active_tokens = 20;
  options.min_active_documents = 10;
  options.min_documents = 10;
  options.min_tokens = 100;
  return options;
}

// Every number of a score, bit for bit, so that NaN equals NaN.
inline std::vector<std::uint64_t> numbers(const FeatureScore& score) {
  std::vector<std::uint64_t> bits;
  const auto add = [&](std::initializer_list<double> values) {
    for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  };
  for (const SeriesScore* s : {&score.direct, &score.expected, &score.norm_free}) {
    add({s->pooled, s->within, s->between, s->covariance, s->covariance_within, s->covariance_between, s->mean_product,
         s->mean_abs_product});
  }
  const AlignmentTest& t = score.test;
  add({t.statistic, t.p, t.p_greater, t.p_less, t.max_t, t.step_down, t.bh_q, t.by_q});
  const SecondaryReadings& r = score.readings;
  add({r.shift_p, r.partial, r.partial_interval.low, r.partial_interval.high, r.sparse.active, r.sparse.point_biserial,
       r.sparse.spearman});
  add({score.primary, score.effective_tokens, score.interval.low, score.interval.high, score.control_mean,
       score.control_z, score.control_max_t});
  bits.push_back(static_cast<std::uint64_t>(score.active_tokens));
  return bits;
}

}  // namespace energy_lens::testing
