#include "energy_lens/alignment/scalar_alignment.h"

#include "energy_lens/alignment/efas_input.h"
#include "energy_lens/alignment/feature_index.h"
#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/shape.h"

namespace energy_lens {

ScalarResult scalar_alignment(const EfasInput& input, const ScalarSeries& series,
                              std::span<const std::int64_t> features, std::span<const std::int64_t> positions) {
  check_shape("compute_efas", "scalar series " + series.name, series.values,
              {{"D", input.documents}, {"T", input.tokens}});
  const std::vector<std::int64_t> kept = finite_positions(series.values, positions);
  if (kept.empty()) {
    fail(ErrorKind::BadInput, "compute_efas",
         "got scalar series \"" + series.name + "\" with no position that is finite in every document");
  }
  const Windows windows = make_windows(input.documents, static_cast<std::int64_t>(kept.size()), input.strata);
  const FeatureIndex index(input.codes, input.atoms.size(0), input.documents, kept);
  const at::Tensor at_kept = series.values.index_select(1, at::tensor(kept, at::kLong)).to(at::kDouble).contiguous();
  const std::span<const double> s(at_kept.data_ptr<double>(), static_cast<std::size_t>(windows.size()));

  ScalarResult result{series.name, windows.tokens, std::vector<ScalarFeatureScore>(features.size())};
  parallel_blocks(static_cast<std::int64_t>(features.size()), [&](std::int64_t f) {
    std::vector<double> a = index.dense(features[f]), copy(s.begin(), s.end());
    result.features[f] = {features[f], score_series(a, copy, windows)};
  });
  return result;
}

}  // namespace energy_lens
