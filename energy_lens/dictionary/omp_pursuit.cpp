#include "energy_lens/dictionary/omp_pursuit.h"

#include <algorithm>
#include <cmath>

// The two loops over all atoms take the widest vectors the machine has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define EL_WIDEST __attribute__((target_clones("default", "avx2", "avx512f"), optimize("O3")))
#else
#define EL_WIDEST
#endif

namespace energy_lens {
namespace {

constexpr double kPivotFloor = 1e-5;

EL_WIDEST void subtract_scaled(float* __restrict__ y, const float* __restrict__ x, float scale, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] -= scale * x[i];
}

EL_WIDEST float largest_magnitude(const float* __restrict__ x, std::int64_t n) {
  // Sixteen running maxima let the compiler use vectors; a maximum does not depend on the order.
  float lanes[16] = {};
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int lane = 0; lane < 16; ++lane) {
      const float magnitude = std::fabs(x[i + lane]);
      lanes[lane] = lanes[lane] > magnitude ? lanes[lane] : magnitude;
    }
  }
  float largest = 0.0f;
  for (const float lane : lanes) largest = std::max(largest, lane);
  for (; i < n; ++i) largest = std::max(largest, std::fabs(x[i]));
  return largest;
}

}  // namespace

OmpPursuit::OmpPursuit(const float* gram, std::int64_t atoms, std::int64_t active)
    : gram_(gram), atoms_(atoms), active_(active), correlation_(atoms), cholesky_(active * active), values_(active) {}

// Appends the atom's row to the Cholesky factor; false when the atom adds nothing to the span.
bool OmpPursuit::extend(std::int64_t atom, std::int64_t size) {
  double* row = cholesky_.data() + size * active_;
  double remaining = gram_[atom * atoms_ + atom];
  const double whole = remaining;
  for (std::int64_t i = 0; i < size; ++i) {
    double sum = gram_[atom * atoms_ + support_[i]];
    for (std::int64_t j = 0; j < i; ++j) sum -= row[j] * cholesky_[i * active_ + j];
    row[i] = sum / cholesky_[i * active_ + i];
    remaining -= row[i] * row[i];
  }
  if (!(remaining > kPivotFloor * whole)) return false;
  row[size] = std::sqrt(remaining);
  return true;
}

// L L^T values = products on the support.
void OmpPursuit::solve(const float* products, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    double sum = products[support_[i]];
    for (std::int64_t j = 0; j < i; ++j) sum -= cholesky_[i * active_ + j] * values_[j];
    values_[i] = sum / cholesky_[i * active_ + i];
  }
  for (std::int64_t i = size; i-- > 0;) {
    double sum = values_[i];
    for (std::int64_t j = i + 1; j < size; ++j) sum -= cholesky_[j * active_ + i] * values_[j];
    values_[i] = sum / cholesky_[i * active_ + i];
  }
}

void OmpPursuit::run(const float* products, double floor, std::int64_t* chosen, float* values) {
  support_.clear();
  std::vector<std::int64_t> refused;
  const auto reset = [&] { std::copy(products, products + atoms_, correlation_.begin()); };
  reset();
  while (static_cast<std::int64_t>(support_.size()) < active_) {
    const float largest = largest_magnitude(correlation_.data(), atoms_);
    if (!(largest > floor)) break;
    const auto size = static_cast<std::int64_t>(support_.size());
    const auto best = std::find_if(correlation_.begin(), correlation_.end(),
                                   [&](float value) { return std::fabs(value) == largest; });
    const std::int64_t atom = best - correlation_.begin();
    if (!extend(atom, size)) {
      refused.push_back(atom);
      correlation_[atom] = 0.0f;
      continue;
    }
    support_.push_back(atom);
    solve(products, size + 1);
    reset();
    for (std::int64_t i = 0; i <= size; ++i) {
      subtract_scaled(correlation_.data(), gram_ + support_[i] * atoms_, static_cast<float>(values_[i]), atoms_);
    }
    for (const std::int64_t used : support_) correlation_[used] = 0.0f;
    for (const std::int64_t used : refused) correlation_[used] = 0.0f;
  }
  for (std::size_t i = 0; i < support_.size(); ++i) {
    chosen[i] = support_[i];
    values[i] = static_cast<float>(values_[i]);
  }
}

}  // namespace energy_lens
