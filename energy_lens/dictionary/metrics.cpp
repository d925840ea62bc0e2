#include "energy_lens/dictionary/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "energy_lens/core/error.h"
#include "energy_lens/core/parallel.h"
#include "energy_lens/core/shape.h"

namespace energy_lens {

constexpr std::int64_t kBlockRows = 1024;  // whose fp64 copies stand in memory at once

ReconstructionMetrics reconstruction_metrics(const at::Tensor& x, const at::Tensor& reconstruction) {
  check_shape("reconstruction_metrics", "x", x, {{"N"}, {"D"}});
  check_shape("reconstruction_metrics", "reconstruction", reconstruction, {{"N", x.size(0)}, {"D", x.size(1)}});
  ReconstructionMetrics m;
  in_one_thread([&] {
    const at::Tensor mean = x.mean(at::IntArrayRef{0}, false, at::kDouble);
    double total_error = 0.0, total_spread = 0.0;
    for (std::int64_t begin = 0; begin < x.size(0); begin += kBlockRows) {
      const std::int64_t rows = std::min(kBlockRows, x.size(0) - begin);
      const at::Tensor truth = x.narrow(0, begin, rows).to(at::kDouble);
      const at::Tensor error = (truth - reconstruction.narrow(0, begin, rows).to(at::kDouble)).square().sum(-1);
      const at::Tensor spread = (truth - mean).square().sum(-1);
      total_error += error.sum().item<double>();
      total_spread += spread.sum().item<double>();
      m.ev_token += (1.0 - error / spread).sum().item<double>();
      m.nmse += (error / truth.square().sum(-1)).sum().item<double>();
    }
    m.ev = total_spread > 0 ? 1.0 - total_error / total_spread : std::nan("");
    m.ev_token /= static_cast<double>(x.size(0));
    m.nmse /= static_cast<double>(x.size(0));
  });
  return m;
}

double mean_active(const SparseCodes& codes) {
  return (codes.atoms >= 0).sum(-1).to(at::kDouble).mean().item<double>();
}

double dead_fraction(const SparseCodes& codes, std::int64_t atoms) {
  at::Tensor used = at::zeros({atoms}, at::kBool);
  used.index_fill_(0, codes.atoms.masked_select(codes.atoms >= 0), true);
  return 1.0 - used.to(at::kDouble).mean().item<double>();
}

double mean_max_cosine(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  const at::Tensor cosines = at::mm(x / x.norm(2, -1, true), (y / y.norm(2, -1, true)).t()).abs();
  return std::get<0>(cosines.max(-1)).mean().item<double>();
}

double cross_entropy_recovered(double ce_clean, double ce_zero, double ce) {
  return (ce_zero - ce) / (ce_zero - ce_clean);
}

// Shortest augmenting paths with potentials (Jonker and Volgenant 1987), on the cost -similarity; index 0 is a
// sentinel.
std::vector<std::int64_t> best_assignment(const at::Tensor& similarity) {
  const std::int64_t n = similarity.size(0);
  check_shape("best_assignment", "similarity", similarity, {{"K", n}, {"K", n}});
  const at::Tensor cost_tensor = -similarity.to(at::kDouble).contiguous();
  const double* cost = cost_tensor.data_ptr<double>();
  std::vector<double> row_potential(n + 1), column_potential(n + 1);
  std::vector<std::int64_t> row_of(n + 1), previous(n + 1);
  for (std::int64_t row = 1; row <= n; ++row) {
    std::vector<double> distance(n + 1, std::numeric_limits<double>::infinity());
    std::vector<char> done(n + 1);
    std::int64_t column = 0;
    row_of[0] = row;
    do {
      done[column] = 1;
      const std::int64_t current = row_of[column];
      std::int64_t next = 0;
      double step = std::numeric_limits<double>::infinity();
      for (std::int64_t j = 1; j <= n; ++j) {
        if (done[j]) continue;
        const double reduced = cost[(current - 1) * n + j - 1] - row_potential[current] - column_potential[j];
        if (reduced < distance[j]) {
          distance[j] = reduced;
          previous[j] = column;
        }
        if (distance[j] < step) {
          step = distance[j];
          next = j;
        }
      }
      for (std::int64_t j = 0; j <= n; ++j) {
        if (done[j]) {
          row_potential[row_of[j]] += step;
          column_potential[j] -= step;
        } else {
          distance[j] -= step;
        }
      }
      column = next;
    } while (row_of[column] != 0);
    for (; column != 0; column = previous[column]) row_of[column] = row_of[previous[column]];
  }
  std::vector<std::int64_t> partner(n);
  for (std::int64_t j = 1; j <= n; ++j) partner[row_of[j] - 1] = j - 1;
  return partner;
}

}  // namespace energy_lens
