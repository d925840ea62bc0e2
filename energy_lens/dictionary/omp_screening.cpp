#include "energy_lens/dictionary/omp_screening.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace energy_lens {
namespace {

constexpr double kWeightSum = 65000.0;  // of weights' magnitudes before they are rounded to integers
constexpr double kSmallest = 1e-35;     // what fp32 loses where its numbers have fewer digits
constexpr double kRounding = 0x1p-24;
constexpr float kOut = std::numeric_limits<float>::quiet_NaN();
// More candidates than this cost more to look at than to form all correlations anew.
constexpr std::int64_t kFewCandidates = 16;

const PursuitKernel& kernel() {
  static const PursuitKernel& best = best_pursuit_kernel();
  return best;
}

// base = all correlations as they are now.
void rebase(const PursuitAtoms& atoms, const float* start, const PursuitSupport& support, PursuitScreening& s) {
  std::copy_n(start, atoms.gram->count(), s.base.begin());
  std::fill(s.base.begin() + atoms.gram->count(), s.base.end(), kOut);
  for (std::int64_t j = 0; j < support.size(); ++j) {
    const double unit = atoms.gram->unit(support.atoms[j]);
    kernel().subtract(atoms.gram->row(support.atoms[j]), static_cast<float>(support.coefficients[j] * unit),
                      atoms.gram->padded(), s.base.data());
    s.based[j] = support.coefficients[j];
  }
  for (const std::int64_t atom : s.excluded) s.base[atom] = kOut;
}

struct Weighting {
  double unit = 0.0;   // of a product of two integers
  double error = 0.0;  // of a magnitude, at most
};

// Weights of the rows' upper halves for what has moved since the last rebase. They are wrong by half a step an entry
// and half a step a weight, besides the rounding of base and of the sums in fp32.
Weighting weigh(const PursuitAtoms& atoms, double norm, const PursuitSupport& support, PursuitScreening& s) {
  const std::int64_t count = support.size();
  double sum = 0.0, largest = 0.0, formed = norm * atoms.gram->longest();
  for (std::int64_t j = 0; j < count; ++j) {
    const double step = 65536.0 * atoms.gram->unit(support.atoms[j]);
    s.changes[j] = (support.coefficients[j] - s.based[j]) * step;
    sum += std::abs(s.changes[j]);
    largest = std::max(largest, std::abs(s.changes[j]));
    formed += (std::abs(support.coefficients[j]) + std::abs(s.based[j])) * step * kPursuitSteps;
  }
  const double unit = std::max(sum / kWeightSum, largest / kPursuitSteps), scale = unit > 0.0 ? 1.0 / unit : 0.0;
  std::fill(s.weights.begin(), s.weights.end(), 0u);
  for (std::int64_t j = 0; j < count; ++j) {
    const double weight = s.changes[j] * scale;
    const auto bits = static_cast<std::uint16_t>(static_cast<std::int32_t>(weight + std::copysign(0.5, weight)));
    s.weights[j / 2] |= std::uint32_t{bits} << 16 * (j % 2);
  }
  const auto terms = static_cast<double>(count);
  return {unit, 0.51 * sum + 0.5 * kPursuitSteps * terms * unit + (terms + 6.0) * kRounding * formed + kSmallest};
}

// Puts the atoms that may have the largest correlation first among the candidates; returns how many they are.
std::int64_t screen(const PursuitAtoms& atoms, double norm, const PursuitSupport& support, PursuitScreening& s) {
  const Weighting weighting = weigh(atoms, norm, support, s);
  const PursuitScreen job{.base = s.base.data(),
                          .upper = s.upper.data(),
                          .weights = s.weights.data(),
                          .pairs = (support.size() + 1) / 2,
                          .padded = atoms.gram->padded(),
                          .unit = static_cast<float>(weighting.unit)};
  const PursuitLargest largest = kernel().screen(job, s.magnitudes.data());
  const auto least = static_cast<float>(largest.first - 2.0 * weighting.error);
  if (largest.second >= least) {
    return kernel().find(s.magnitudes.data(), atoms.gram->padded(), least, s.candidates.data());
  }
  s.candidates[0] = largest.atom;
  return 1;
}

double correlation(const PursuitAtoms& atoms, std::int64_t atom, const float* start, const PursuitSupport& support) {
  const std::int64_t position = kernel().position(atom);
  double value = start[atom];
  for (std::int64_t j = 0; j < support.size(); ++j) {
    value -= support.coefficients[j] * atoms.gram->entry(support.atoms[j], position);
  }
  return value;
}

}  // namespace

void begin_screening(const PursuitAtoms& atoms, const float* start, PursuitScreening& s) {
  s.excluded.clear();
  rebase(atoms, start, {}, s);
}

void exclude(std::int64_t atom, PursuitScreening& s) {
  s.excluded.push_back(atom);
  s.base[atom] = kOut;
}

void follow_atom(const PursuitAtoms& atoms, std::int64_t atom, std::int64_t slot, PursuitScreening& s) {
  exclude(atom, s);
  s.based[slot] = 0.0;
  s.upper[slot] = s.upper[slot + 1] = atoms.gram->row(atom).upper;
}

PursuitChoice choose_atom(const PursuitAtoms& atoms, const float* start, double norm, const PursuitSupport& support,
                          PursuitScreening& s) {
  std::int64_t count = screen(atoms, norm, support, s);
  if (count > kFewCandidates) {
    rebase(atoms, start, support, s);
    count = screen(atoms, norm, support, s);
  }
  PursuitChoice best;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t atom = s.candidates[i];
    const double magnitude = std::abs(correlation(atoms, atom, start, support));
    if (magnitude > best.magnitude) best = {atom, magnitude};
  }
  return best;
}

}  // namespace energy_lens
