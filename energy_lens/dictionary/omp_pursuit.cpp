#include "energy_lens/dictionary/omp_pursuit.h"

#include <algorithm>
#include <cmath>

#include "energy_lens/dictionary/omp_screening.h"

namespace energy_lens {
namespace {

constexpr double kPivot = 1e-5;       // squared sine of the angle to the span below which an atom is skipped
constexpr double kExactPivot = 1e-2;  // below it the Gram entries are recomputed in fp64

// projected = inverse * gram_column; returns the pivot: the squared distance of the new atom to the span.
double project(const PursuitAtoms& atoms, double square, PursuitSupport& s) {
  const std::int64_t chosen = s.size();
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

double pivot_of(const PursuitAtoms& atoms, std::int64_t atom, PursuitSupport& s) {
  const std::int64_t position = best_pursuit_kernel().position(atom);
  for (std::int64_t j = 0; j < s.size(); ++j) s.gram_column[j] = atoms.gram->entry(s.atoms[j], position);
  const double pivot = project(atoms, atoms.gram->square(atom), s);
  if (pivot >= kExactPivot) return pivot;
  const float* const self = atoms.atoms + atom * atoms.width;
  for (std::int64_t j = 0; j < s.size(); ++j) {
    s.gram_column[j] = dot(self, atoms.atoms + s.atoms[j] * atoms.width, atoms.width);
  }
  return project(atoms, dot(self, self, atoms.width), s);
}

// Adds a row to the inverse factor and moves the coefficients along it. Returns the squared norm the residual loses.
double append(const PursuitAtoms& atoms, std::int64_t atom, double pivot, const float* start, PursuitSupport& s) {
  const std::int64_t chosen = s.size();
  double* const row = s.inverse_rows.data() + chosen * atoms.active;
  std::fill(s.direction.begin(), s.direction.begin() + chosen, 0.0);
  for (std::int64_t r = 0; r < chosen; ++r) {
    const double* const earlier = s.inverse_rows.data() + r * atoms.active;
    for (std::int64_t c = 0; c <= r; ++c) s.direction[c] -= s.projected[r] * earlier[c];
  }
  s.direction[chosen] = 1.0;
  s.atoms.push_back(atom);
  const double scale = 1.0 / std::sqrt(pivot);
  double step = 0.0;
  for (std::int64_t c = 0; c <= chosen; ++c) {
    row[c] = s.direction[c] * scale;
    s.inverse_columns[c * atoms.active + chosen] = row[c];
    step += row[c] * start[s.atoms[c]];
  }
  s.coefficients[chosen] = 0.0;
  for (std::int64_t c = 0; c <= chosen; ++c) s.coefficients[c] += step * row[c];
  return step * step;
}

// The next pass over the atoms reads this row from far away: it may come nearer while the support grows.
void fetch(const std::int16_t* row, std::int64_t size) {
  for (std::int64_t i = 0; i < size; i += 32) __builtin_prefetch(row + i, 0, 2);
}

// The running |residual|^2 has lost its digits once it is far below |x|^2: then the residual is formed.
bool finished(const PursuitAtoms& atoms, const float* row, double norm, double left, const PursuitSupport& s) {
  const double goal = atoms.tolerance * norm;
  if (left > goal * goal + 1e-5 * norm * norm) return false;
  double square = 0.0;
  for (std::int64_t d = 0; d < atoms.width; ++d) {
    double value = row[d];
    for (std::int64_t j = 0; j < s.size(); ++j) {
      value -= s.coefficients[j] * atoms.atoms[s.atoms[j] * atoms.width + d];
    }
    square += value * value;
  }
  return square <= goal * goal;
}

}  // namespace

double dot(const float* a, const float* b, std::int64_t size) {
  double lanes[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= size; i += 8) {
    for (int l = 0; l < 8; ++l) lanes[l] += static_cast<double>(a[i + l]) * b[i + l];
  }
  for (; i < size; ++i) lanes[0] += static_cast<double>(a[i]) * b[i];
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

void PursuitScratch::fit(const PursuitAtoms& atoms) {
  const std::int64_t active = atoms.active;
  support.inverse_rows.resize(active * active);
  support.inverse_columns.resize(active * active);
  for (auto* numbers : {&support.coefficients, &support.gram_column, &support.projected, &support.direction,
                        &screening.based, &screening.changes}) {
    numbers->resize(active);
  }
  screening.base.resize(atoms.gram->padded());
  screening.magnitudes.resize(atoms.gram->padded());
  screening.candidates.resize(atoms.gram->padded());
  screening.upper.resize(active + 1);
  screening.weights.resize((active + 1) / 2);
}

void pursue(const PursuitAtoms& atoms, const float* row, const float* start, double norm, PursuitScratch& scratch,
            std::int64_t* ids, float* values) {
  PursuitSupport& support = scratch.support;
  PursuitScreening& screening = scratch.screening;
  support.atoms.clear();
  begin_screening(atoms, start, screening);
  const double floor = atoms.floor * norm;
  double left = norm * norm;
  while (support.size() < atoms.active) {
    if (atoms.tolerance > 0.0 && finished(atoms, row, norm, left, support)) break;
    PursuitChoice best;
    double pivot = 0.0;
    while ((best = choose_atom(atoms, start, norm, support, screening)).magnitude > floor) {
      fetch(atoms.gram->row(best.atom).upper, atoms.gram->padded());
      if ((pivot = pivot_of(atoms, best.atom, support)) > kPivot) break;
      exclude(best.atom, screening);
    }
    if (!(best.magnitude > floor)) break;
    follow_atom(atoms, best.atom, support.size(), screening);
    left -= append(atoms, best.atom, pivot, start, support);
  }
  const std::int64_t chosen = support.size();
  for (std::int64_t j = 0; j < atoms.active; ++j) {
    ids[j] = j < chosen ? support.atoms[j] : -1;
    values[j] = j < chosen ? static_cast<float>(support.coefficients[j]) : 0.0f;
  }
}

}  // namespace energy_lens
