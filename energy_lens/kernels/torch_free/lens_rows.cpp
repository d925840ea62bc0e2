#include "energy_lens/kernels/torch_free/lens_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace energy_lens {
namespace {

// Sum over d of term(d), as eight sums that do not wait for each other.
template <class Term>
double sum_of(std::int64_t width, const Term& term) {
  constexpr std::int64_t kSums = 8;
  double sums[kSums] = {};
  std::int64_t d = 0;
  for (; d + kSums <= width; d += kSums) {
    for (std::int64_t i = 0; i < kSums; ++i) sums[i] += term(d + i);
  }
  for (; d < width; ++d) sums[d % kSums] += term(d);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

LensNorm norm_of(const float* row, std::int64_t width, const LensHead& head) {
  LensNorm norm;
  const double count = static_cast<double>(width);
  if (head.centre) norm.mean = sum_of(width, [&](std::int64_t d) -> double { return row[d]; }) / count;
  const double squares = sum_of(width, [&](std::int64_t d) {
    const double away = row[d] - norm.mean;
    return away * away;
  });
  norm.inverse = 1.0 / std::sqrt(squares / count + head.eps);
  return norm;
}

void put_row(const LensHead& head, const float* row, const LensNorm& norm, std::int64_t lanes, float* y) {
  for (std::int64_t d = 0; d < head.w.width; ++d) {
    const double unit = (row[d] - norm.mean) * norm.inverse;
    y[d * lanes] = static_cast<float>(unit * head.gamma[d] + (head.beta != nullptr ? head.beta[d] : 0.0f));
  }
}

// Row v of W_U, one column at a time.
class HeadRow {
 public:
  HeadRow(const LensMatrix& w, std::int64_t v) : bfloat16_(w.bfloat16) {
    if (bfloat16_) {
      half_ = static_cast<const std::uint16_t*>(w.values) + v * w.stride;
    } else {
      full_ = static_cast<const float*>(w.values) + v * w.stride;
    }
  }
  float operator[](std::int64_t d) const {
    return bfloat16_ ? std::bit_cast<float>(static_cast<std::uint32_t>(half_[d]) << 16) : full_[d];
  }

 private:
  bool bfloat16_;
  const float* full_ = nullptr;
  const std::uint16_t* half_ = nullptr;
};

void start_sums(const LensJob& job, LensGroup& group, std::int64_t lanes) {
  LensSums& sums = group.sums;
  for (std::int64_t r = 0; r < lanes; ++r) {
    sums.target[r] = r < group.count ? static_cast<std::int32_t>(job.targets[group.first + r]) : 0;
    sums.target_logit[r] = job.head.bias == nullptr ? 0.0f : job.head.bias[sums.target[r]];
    sums.others[r] = sums.weighted[r] = sums.differences[r] = sums.contrast[r] = 0.0;
    sums.rank[r] = 0;
  }
  std::fill_n(sums.kept_values, lanes * sums.kept, -std::numeric_limits<float>::infinity());
  std::fill_n(sums.kept_ids, lanes * sums.kept, -1);
}

// What the sums of one row say, target included; fp64.
struct RowSums {
  double at_target = 0.0;  // e^(z_t - m)
  double others = 0.0, total = 0.0, log_total = 0.0;
  double energy = 0.0, entropy = 0.0;
  double largest = 0.0;  // m
};

// E = log sum_v e^(z_v - z_t). Where the target leads, log1p over the others keeps energies below 1e-16 apart.
RowSums row_sums(const LensSums& sums, std::int64_t r) {
  RowSums row;
  row.largest = sums.largest[r];
  const double lead = static_cast<double>(sums.target_logit[r]) - row.largest;
  row.at_target = std::exp(lead);
  row.others = sums.others[r];
  row.total = row.others + row.at_target;
  row.log_total = lead == 0.0 ? std::log1p(row.others) : std::log(row.total);
  row.energy = row.log_total - lead;
  row.entropy = std::max(0.0, row.log_total - (sums.weighted[r] + row.at_target * lead) / row.total);
  return row;
}

// The largest logits, the target's among them: value descending, id ascending.
class Ranking {
 public:
  Ranking(const LensSums& sums, std::int64_t r)
      : values_(sums.kept_values + r * sums.kept),
        ids_(sums.kept_ids + r * sums.kept),
        kept_(sums.kept),
        target_value_(sums.target_logit[r]),
        target_(sums.target[r]) {}
  // Moves to the next; at most kept + 1 times.
  void next() {
    const bool others_first =
        at_ < kept_ && ids_[at_] >= 0 &&
        (used_ || values_[at_] > target_value_ || (values_[at_] == target_value_ && ids_[at_] < target_));
    if (others_first || used_) {
      value = values_[at_];
      id = ids_[at_++];
    } else {
      value = target_value_;
      id = target_;
      used_ = true;
    }
  }
  float value = 0.0f;
  std::int32_t id = 0;

 private:
  const float* values_;
  const std::int32_t* ids_;
  std::int64_t kept_, at_ = 0;
  float target_value_;
  std::int32_t target_;
  bool used_ = false;
};

void put(float* to, std::int64_t row, double value) {
  if (to != nullptr) to[row] = static_cast<float>(value);
}

void put_ranking(const LensJob& job, const LensLayer& layer, const LensSums& sums, const RowSums& row, std::int64_t r,
                 std::int64_t at) {
  Ranking ranking(sums, r);
  for (std::int64_t i = 0; i < job.top_k; ++i) {
    ranking.next();
    if (layer.top_ids != nullptr) layer.top_ids[at * job.top_k + i] = ranking.id;
    put(layer.top_log_probs, at * job.top_k + i, ranking.value - row.largest - row.log_total);
  }
  Ranking two(sums, r);
  two.next();
  const double first = two.value;
  two.next();
  put(layer.margin, at, first - two.value);
  put(layer.target_margin, at, static_cast<double>(sums.target_logit[r]) - sums.kept_values[r * sums.kept]);
  if (layer.rank != nullptr) layer.rank[at] = sums.rank[r];
}

void put_scalars(const LensJob& job, const LensGroup& group, const LensGroup& last, std::int64_t r, std::int64_t at) {
  const LensLayer& layer = *group.layer;
  const RowSums row = row_sums(group.sums, r), final_row = row_sums(last.sums, r);
  const double descent = row.energy - final_row.energy;
  // KL = E^l - E^L + mean over p^L of the difference of (z - z_t): both parts are exactly 0 for equal logits.
  const double contrast = &group == &last ? 0.0 : group.sums.contrast[r] / final_row.total;
  const double kl = std::max(0.0, descent + contrast);
  put(layer.energy, at, row.energy);
  put(layer.entropy, at, row.entropy);
  put(layer.kl_to_final, at, kl);
  put(layer.cross_entropy, at, final_row.entropy + kl);
  put(layer.confidence, at, 1.0 / row.total);
  put(layer.free_energy, at, group.sums.differences[r] / static_cast<double>(job.head.w.vocabulary) - row.energy);
  put(layer.depth_descent, at, descent);
  put_ranking(job, layer, group.sums, row, r, at);
}

double cap_slope(const LensHead& head, float logit) {
  if (head.cap == 0.0f) return 1.0;
  const double part = static_cast<double>(logit) / head.cap;
  return 1.0 - part * part;
}

// g [D] = d/dy -> d/dstream, through gamma and the closed form of LayerNorm or RMSNorm.
void pull_back(const LensHead& head, const float* row, const LensNorm& norm, double* g, float* out) {
  const std::int64_t width = head.w.width;
  const double count = static_cast<double>(width);
  for (std::int64_t d = 0; d < width; ++d) g[d] *= head.gamma[d];
  const double mean = head.centre ? sum_of(width, [&](std::int64_t d) { return g[d]; }) / count : 0.0;
  const double along =
      sum_of(width, [&](std::int64_t d) { return g[d] * (row[d] - norm.mean) * norm.inverse; }) / count;
  for (std::int64_t d = 0; d < width; ++d) {
    out[d] = static_cast<float>((g[d] - mean - (row[d] - norm.mean) * norm.inverse * along) * norm.inverse);
  }
}

}  // namespace

void begin_group(const LensJob& job, const LensTiles& tiles, std::int64_t padded_width, LensGroup& group,
                 float* scratch) {
  const LensHead& head = job.head;
  const std::int64_t lanes = tiles.lanes;
  start_sums(job, group, lanes);
  std::fill_n(group.y, padded_width * lanes, 0.0f);
  if (group.o != nullptr) std::fill_n(group.o, padded_width * lanes, 0.0f);
  if (group.expected != nullptr) std::fill_n(group.expected, padded_width * lanes, 0.0f);
  for (std::int64_t r = 0; r < group.count; ++r) {
    const float* const row = group.layer->stream + (group.first + r) * group.layer->stride;
    group.norms[r] = norm_of(row, head.w.width, head);
    put_row(head, row, group.norms[r], lanes, group.y + r);
  }
  if (tiles.ready != nullptr) tiles.ready(padded_width, scratch, group.y);
  std::fill_n(scratch + head.w.width * lanes, (padded_width - head.w.width) * lanes, 0.0f);
  for (std::int64_t r = 0; r < lanes; ++r) {
    const HeadRow row(head.w, group.sums.target[r]);
    for (std::int64_t d = 0; d < head.w.width; ++d) scratch[d * lanes + r] = row[d];
  }
  tiles.target_logits(padded_width, scratch, group.y, head.cap, group.sums.target_logit);
  std::copy_n(group.sums.target_logit, lanes, group.sums.largest);
  constexpr float kDown = -std::numeric_limits<float>::infinity();
  for (std::int64_t r = 0; r < lanes; ++r)
    group.sums.below_target[r] = std::nextafter(group.sums.target_logit[r], kDown);
}

void finish_group(const LensJob& job, const LensTiles& tiles, const LensGroup& group, const LensGroup& last,
                  double* scratch) {
  const LensHead& head = job.head;
  const LensLayer& layer = *group.layer;
  const std::int64_t lanes = tiles.lanes, width = head.w.width;
  for (std::int64_t r = 0; r < group.count; ++r) {
    const std::int64_t at = group.first + r;
    put_scalars(job, group, last, r, at);
    const RowSums row = row_sums(group.sums, r), final_row = row_sums(last.sums, r);
    const HeadRow target(head.w, group.sums.target[r]);
    const double slope = cap_slope(head, group.sums.target_logit[r]);
    if (layer.gradient != nullptr) {
      // p_t - 1 as minus the sum of the others.
      const double weight = -row.others / row.total * slope;
      for (std::int64_t d = 0; d < width; ++d) {
        scratch[d] = group.o[d * lanes + r] / row.total + weight * target[d];
      }
      pull_back(head, layer.stream + at * layer.stride, group.norms[r], scratch, layer.gradient + at * width);
    }
    if (layer.expected_gradient != nullptr) {
      const bool capped = group.expected != nullptr;
      const float* const under_final = capped ? group.expected : last.o;
      // group.expected holds the target's share of p^L; the last layer's own sums, which need no second copy, do not.
      const double at_final = capped ? 0.0 : final_row.at_target / final_row.total;
      const double weight = (row.at_target / row.total - at_final) * slope;
      for (std::int64_t d = 0; d < width; ++d) {
        scratch[d] =
            group.o[d * lanes + r] / row.total - under_final[d * lanes + r] / final_row.total + weight * target[d];
      }
      pull_back(head, layer.stream + at * layer.stride, group.norms[r], scratch, layer.expected_gradient + at * width);
    }
  }
}

}  // namespace energy_lens
