#include "energy_lens/alignment/replication.h"

#include <cmath>
#include <limits>
#include <map>

#include "energy_lens/core/error.h"
#include "energy_lens/stats/multiple_testing.h"

namespace energy_lens {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

ReplicationRow confirm(const FeatureScore& found, const FeatureScore* on_b) {
  ReplicationRow row{.feature = found.feature, .r_a = found.primary, .r_b = kNaN, .p_b = 1.0, .max_t_b = kNaN};
  if (on_b == nullptr) return row;
  row.r_b = on_b->primary;
  row.same_sign = row.r_a * row.r_b > 0.0;
  row.max_t_b = on_b->test.max_t;
  if (on_b->testable) row.p_b = row.r_a > 0.0 ? on_b->test.p_greater : on_b->test.p_less;
  return row;
}

}  // namespace

Replication replicate(const EfasResult& a, const EfasResult& b, double level) {
  if (a.features != b.features || a.primary != b.primary) {
    fail(ErrorKind::Usage, "replicate",
         std::string("got ") + score_name(a.primary) + " of " + std::to_string(a.features) + " features and " +
             score_name(b.primary) + " of " + std::to_string(b.features) +
             ", expected the same score of the same dictionary");
  }
  std::map<std::int64_t, const FeatureScore*> on_b;
  for (const FeatureScore& score : b.scores) on_b[score.feature] = &score;
  Replication replication;
  replication.underpowered = a.underpowered || b.underpowered;
  std::vector<double> p;
  for (const FeatureScore& score : a.scores) {
    if (!score.testable || !(score.test.bh_q <= level)) continue;
    const auto found = on_b.find(score.feature);
    replication.rows.push_back(confirm(score, found == on_b.end() ? nullptr : found->second));
    p.push_back(replication.rows.back().p_b);
  }
  const std::vector<double> adjusted = holm(p);
  double aa = 0.0, ab = 0.0;
  for (std::size_t i = 0; i < adjusted.size(); ++i) {
    ReplicationRow& row = replication.rows[i];
    row.holm_p_b = adjusted[i];
    row.confirmed = row.same_sign && row.holm_p_b <= level && !replication.underpowered;
    replication.same_sign += row.same_sign;
    replication.confirmed += row.confirmed;
    if (std::isnan(row.r_b)) continue;
    aa += row.r_a * row.r_a;
    ab += row.r_a * row.r_b;
  }
  replication.shrinkage = aa > 0.0 ? ab / aa : kNaN;
  return replication;
}

}  // namespace energy_lens
