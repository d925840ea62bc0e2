#include "energy_lens/alignment/efas.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "energy_lens/alignment/direction_control.h"
#include "energy_lens/alignment/directional_series.h"
#include "energy_lens/alignment/efas_input.h"
#include "energy_lens/alignment/feature_scorer.h"
#include "energy_lens/alignment/permutation_family.h"
#include "energy_lens/alignment/scalar_alignment.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {
namespace {

constexpr std::int64_t kFeatureBlock = 32;

class Efas {
 public:
  Efas(const EfasInput& input, const EfasOptions& options, Progress& progress)
      : input_(input),
        options_(options),
        progress_(progress),
        positions_(kept_positions(input)),
        windows_(make_windows(input.documents, static_cast<std::int64_t>(positions_.size()), input.strata)),
        index_(input.codes, input.atoms.size(0), input.documents, positions_),
        scorer_(input, options, positions_, windows_, index_) {
    if (input.gradient.defined()) direct_ = directional(input.gradient);
    if (input.expected_gradient.defined()) expected_ = directional(input.expected_gradient);
  }

  EfasResult run() {
    select_features();
    score_features();
    test_primary();
    control_direction();
    for (FeatureScore& score : result_.scores) {
      score.aligned = score.testable && !result_.underpowered && score.test.max_t <= options_.level &&
                      score.control_max_t <= options_.level;
    }
    std::vector<std::int64_t> ids;
    for (const FeatureScore& score : result_.scores) ids.push_back(score.feature);
    for (const ScalarSeries& series : input_.scalars) {
      result_.scalars.push_back(scalar_alignment(input_, series, ids, positions_));
    }
    return std::move(result_);
  }

 private:
  std::unique_ptr<DirectionalSeries> directional(const at::Tensor& gradient) const {
    return std::make_unique<DirectionalSeries>(gradient.to(at::kFloat), input_.atoms.to(at::kFloat), positions_);
  }

  const DirectionalSeries& primary() const { return expected_ ? *expected_ : *direct_; }

  const Permutations& permutations() {
    if (permutations_.count == 0) {
      permutations_ = document_permutations(input_.documents, options_.permutations, options_.seed, windows_.strata);
    }
    return permutations_;
  }

  void select_features() {
    const std::int64_t count = index_.features();
    std::vector<bool> asked(static_cast<std::size_t>(count), options_.features.empty());
    for (const std::int64_t k : options_.features) asked[k] = true;
    for (std::int64_t k = 0; k < count; ++k) {
      const bool active = !index_.active(k).empty();
      if (active) active_.push_back(k);
      if (asked[k] && active) scored_.push_back(k);
      result_.silent += asked[k] && !active;
    }
    result_.primary = expected_ ? PrimaryScore::Expected : PrimaryScore::Direct;
    result_.documents = std::ranges::count(windows_.comparable_documents(), true);
    result_.alone = windows_.documents - result_.documents;
    result_.tokens = result_.documents * windows_.tokens;
    result_.features = count;
    result_.permutations = options_.permutations;
    result_.shifts = options_.readings ? options_.shifts : 0;
    result_.seed = options_.seed;
    result_.underpowered = result_.documents < options_.min_documents || result_.tokens < options_.min_tokens;
  }

  void score_features() {
    result_.scores.resize(scored_.size());
    activation_norms_.assign(scored_.size(), 0.0);
    direction_norms_.assign(static_cast<std::size_t>(index_.features()), 0.0);
    progress_.begin("score features", static_cast<std::int64_t>(active_.size()));
    for (std::size_t begin = 0; begin < active_.size(); begin += kFeatureBlock) {
      progress_.check();
      const std::size_t size = std::min<std::size_t>(kFeatureBlock, active_.size() - begin);
      score_block(std::span<const std::int64_t>(active_).subspan(begin, size));
      progress_.advance(static_cast<std::int64_t>(size));
    }
  }

  void score_block(std::span<const std::int64_t> features) {
    std::vector<double> direct = direct_ ? direct_->series(features) : std::vector<double>();
    std::vector<double> expected = expected_ ? expected_->series(features) : std::vector<double>();
    parallel_blocks(static_cast<std::int64_t>(features.size()), [&](std::int64_t f) {
      const auto row = [&](std::vector<double>& block) {
        return block.empty() ? std::span<double>()
                             : std::span<double>(block).subspan(f * windows_.size(), windows_.size());
      };
      const auto found = std::lower_bound(scored_.begin(), scored_.end(), features[f]);
      if (found != scored_.end() && *found == features[f]) {
        const auto rank = static_cast<std::size_t>(found - scored_.begin());
        ScoredFeature scored = scorer_.score(features[f], row(direct), row(expected));
        result_.scores[rank] = std::move(scored.score);
        activation_norms_[rank] = scored.activation_norm;
        direction_norms_[features[f]] = scored.direction_norm;
      } else {  // not asked for, but its row may be borrowed
        const std::span<double> s = row(expected_ ? expected : direct);
        remove_position_means(s, windows_);
        remove_document_means(s, windows_);
        direction_norms_[features[f]] = std::sqrt(dot(s, s));
      }
    });
  }

  void test_primary() {
    for (std::size_t rank = 0; rank < scored_.size(); ++rank) {
      if (!result_.scores[rank].testable) continue;
      tested_.push_back(scored_[rank]);
      tested_ranks_.push_back(rank);
    }
    result_.tested = static_cast<std::int64_t>(tested_.size());
    if (tested_.empty()) return;
    const auto columns = [&](std::span<const std::int64_t> features) { return within_columns_of(features); };
    const std::vector<AlignmentTest> tests =
        test_alignment(index_, windows_, tested_, columns, permutations(), progress_);
    for (std::size_t i = 0; i < tests.size(); ++i) result_.scores[tested_ranks_[i]].test = tests[i];
  }

  std::vector<SeriesColumns> within_columns_of(std::span<const std::int64_t> features) const {
    std::vector<SeriesColumns> columns(features.size());
    for (std::size_t begin = 0; begin < features.size(); begin += kFeatureBlock) {
      const std::size_t size = std::min<std::size_t>(kFeatureBlock, features.size() - begin);
      const std::vector<double> raw = primary().series(features.subspan(begin, size));
      parallel_blocks(static_cast<std::int64_t>(size), [&](std::int64_t f) {
        const auto series = std::span<const double>(raw).subspan(f * windows_.size(), windows_.size());
        columns[begin + f] = within_columns(series, windows_);
      });
    }
    return columns;
  }

  void control_direction() {
    if (tested_.empty() || options_.control_draws == 0) return;
    std::vector<double> own, norms;
    std::vector<std::int64_t> active_tokens;
    for (const std::size_t rank : tested_ranks_) {
      own.push_back(result_.scores[rank].primary);
      norms.push_back(activation_norms_[rank]);
    }
    for (std::int64_t k = 0; k < index_.features(); ++k) {
      active_tokens.push_back(static_cast<std::int64_t>(index_.active(k).size()));
    }
    const at::Tensor directions = input_.atoms.to(at::kDouble).contiguous();
    const std::vector<double> products = primary().within_products(index_, tested_, windows_);
    const DirectionControl control =
        direction_control({.d_model = primary().width(),
                           .tested = tested_,
                           .own = own,
                           .activation_norms = norms,
                           .products = products,
                           .directions = {directions.data_ptr<double>(), static_cast<std::size_t>(directions.numel())},
                           .direction_norms = direction_norms_,
                           .active_tokens = active_tokens},
                          options_.control_draws, options_.seed);
    for (std::size_t i = 0; i < tested_.size(); ++i) {
      FeatureScore& score = result_.scores[tested_ranks_[i]];
      score.control_mean = control.mean[i];
      score.control_z = control.z[i];
      score.control_max_t = control.max_t[i];
    }
  }

  const EfasInput& input_;
  const EfasOptions& options_;
  Progress& progress_;
  std::vector<std::int64_t> positions_;
  Windows windows_;
  FeatureIndex index_;
  FeatureScorer scorer_;
  Permutations permutations_;
  std::unique_ptr<DirectionalSeries> direct_, expected_;
  std::vector<std::int64_t> active_, scored_;  // features active somewhere; those of them asked for
  std::vector<std::int64_t> tested_;           // the family
  std::vector<std::size_t> tested_ranks_;      // where it stands in scores
  std::vector<double> activation_norms_;       // [scored]
  std::vector<double> direction_norms_;        // [K]
  EfasResult result_;
};

}  // namespace

const char* score_name(PrimaryScore score) { return score == PrimaryScore::Expected ? "EFAS-RB" : "EFAS-D"; }

EfasResult compute_efas(const EfasInput& input, const EfasOptions& options, Progress& progress) {
  check_efas(input, options);
  return Efas(input, options, progress).run();
}

}  // namespace energy_lens
