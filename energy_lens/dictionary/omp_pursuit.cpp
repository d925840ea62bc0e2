#include "energy_lens/dictionary/omp_pursuit.h"

#include <algorithm>
#include <cmath>

namespace energy_lens {
namespace {

constexpr double kPivot = 1e-5;       // squared sine of the angle to the span below which an atom is skipped
constexpr double kExactPivot = 1e-2;  // below it the Gram entries are recomputed in fp64

LargestCorrelation update_correlations(const PursuitAtoms& atoms, const float* start, PursuitScratch& scratch) {
  static const PursuitKernel& kernel = best_pursuit_kernel();
  return kernel.update({.start = start,
                        .gram = atoms.gram,
                        .gram_stride = atoms.gram_stride,
                        .chosen = scratch.support.data(),
                        .coefficients = scratch.rounded.data(),
                        .count = static_cast<std::int64_t>(scratch.support.size()),
                        .padded = atoms.padded},
                       scratch.correlations.data());
}

// After the winner turned out to be taken or dependent: the best of the others.
LargestCorrelation best_remaining(const PursuitAtoms& atoms, PursuitScratch& scratch) {
  float* const correlations = scratch.correlations.data();
  for (const std::int64_t atom : scratch.excluded) correlations[atom] = 0.0f;
  LargestCorrelation best;
  for (std::int64_t atom = 0; atom < atoms.count; ++atom) {
    if (std::abs(correlations[atom]) > best.magnitude) best = {atom, std::abs(correlations[atom])};
  }
  return best;
}

double dot(const float* a, const float* b, std::int64_t size) {
  double lanes[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= size; i += 8) {
    for (int l = 0; l < 8; ++l) lanes[l] += static_cast<double>(a[i + l]) * b[i + l];
  }
  for (; i < size; ++i) lanes[0] += static_cast<double>(a[i]) * b[i];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

// projected = inverse * gram_column; returns the pivot: the squared distance of the new atom to the span.
double project(const PursuitAtoms& atoms, double square, PursuitScratch& s) {
  const std::int64_t chosen = static_cast<std::int64_t>(s.support.size());
  std::fill(s.projected.begin(), s.projected.begin() + chosen, 0.0);
  for (std::int64_t c = 0; c < chosen; ++c) {
    const double entry = s.gram_column[c];
    const double* const column = s.inverse_columns.data() + c * atoms.active;
    for (std::int64_t r = c; r < chosen; ++r) s.projected[r] += column[r] * entry;
  }
  double pivot = square;
  for (std::int64_t r = 0; r < chosen; ++r) pivot -= s.projected[r] * s.projected[r];
  return pivot;
}

double pivot_of(const PursuitAtoms& atoms, std::int64_t atom, PursuitScratch& s) {
  const float* const gram = atoms.gram + atom * atoms.gram_stride;
  for (std::size_t j = 0; j < s.support.size(); ++j) s.gram_column[j] = gram[s.support[j]];
  const double pivot = project(atoms, gram[atom], s);
  if (pivot >= kExactPivot) return pivot;
  const float* const self = atoms.atoms + atom * atoms.width;
  for (std::size_t j = 0; j < s.support.size(); ++j) {
    s.gram_column[j] = dot(self, atoms.atoms + s.support[j] * atoms.width, atoms.width);
  }
  return project(atoms, dot(self, self, atoms.width), s);
}

// Adds a row to the inverse factor and moves the coefficients along it. Returns the squared norm the residual loses.
double append(const PursuitAtoms& atoms, std::int64_t atom, double pivot, const float* start, PursuitScratch& s) {
  const std::int64_t chosen = static_cast<std::int64_t>(s.support.size());
  double* const row = s.inverse_rows.data() + chosen * atoms.active;
  std::fill(s.direction.begin(), s.direction.begin() + chosen, 0.0);
  for (std::int64_t r = 0; r < chosen; ++r) {
    const double* const earlier = s.inverse_rows.data() + r * atoms.active;
    for (std::int64_t c = 0; c <= r; ++c) s.direction[c] -= s.projected[r] * earlier[c];
  }
  s.direction[chosen] = 1.0;
  s.support.push_back(atom);
  s.excluded.push_back(atom);
  const double scale = 1.0 / std::sqrt(pivot);
  double step = 0.0;
  for (std::int64_t c = 0; c <= chosen; ++c) {
    row[c] = s.direction[c] * scale;
    s.inverse_columns[c * atoms.active + chosen] = row[c];
    step += row[c] * start[s.support[c]];
  }
  s.coefficients[chosen] = 0.0;
  for (std::int64_t c = 0; c <= chosen; ++c) {
    s.coefficients[c] += step * row[c];
    s.rounded[c] = static_cast<float>(s.coefficients[c]);
  }
  return step * step;
}

// The running |residual|^2 has lost its digits once it is far below |x|^2: then the residual is formed.
bool finished(const PursuitAtoms& atoms, const float* row, double norm, double left, const PursuitScratch& s) {
  const double goal = atoms.tolerance * norm;
  if (left > goal * goal + 1e-5 * norm * norm) return false;
  double square = 0.0;
  for (std::int64_t d = 0; d < atoms.width; ++d) {
    double value = row[d];
    for (std::size_t j = 0; j < s.support.size(); ++j) {
      value -= s.coefficients[j] * atoms.atoms[s.support[j] * atoms.width + d];
    }
    square += value * value;
  }
  return square <= goal * goal;
}

}  // namespace

PursuitScratch::PursuitScratch(const PursuitAtoms& atoms)
    : correlations(atoms.padded),
      inverse_rows(atoms.active * atoms.active),
      inverse_columns(atoms.active * atoms.active),
      gram_column(atoms.active),
      projected(atoms.active),
      coefficients(atoms.active),
      direction(atoms.active),
      rounded(atoms.active) {
  support.reserve(atoms.active);
  excluded.reserve(4 * atoms.active);
}

void pursue(const PursuitAtoms& atoms, const float* row, const float* start, double norm, PursuitScratch& s,
            std::int64_t* ids, float* values) {
  s.support.clear();
  s.excluded.clear();
  const double floor = atoms.floor * norm;
  double left = norm * norm;
  while (static_cast<std::int64_t>(s.support.size()) < atoms.active) {
    if (atoms.tolerance > 0.0 && finished(atoms, row, norm, left, s)) break;
    LargestCorrelation best = update_correlations(atoms, start, s);
    double pivot = 0.0;
    while (best.magnitude > floor) {
      const bool taken = std::find(s.excluded.begin(), s.excluded.end(), best.atom) != s.excluded.end();
      if (!taken && (pivot = pivot_of(atoms, best.atom, s)) > kPivot) break;
      if (!taken) s.excluded.push_back(best.atom);
      best = best_remaining(atoms, s);
    }
    if (!(best.magnitude > floor)) break;
    left -= append(atoms, best.atom, pivot, start, s);
  }
  const std::int64_t chosen = static_cast<std::int64_t>(s.support.size());
  for (std::int64_t j = 0; j < atoms.active; ++j) {
    ids[j] = j < chosen ? s.support[j] : -1;
    values[j] = j < chosen ? static_cast<float>(s.coefficients[j]) : 0.0f;
  }
}

}  // namespace energy_lens
