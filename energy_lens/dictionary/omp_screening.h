// Which atom has the largest correlation with what is left of a signal. A pass over all atoms reads the upper halves of
// the support's rows of the Gram matrix alone; how wrong that may be is known, and the few atoms that may be the
// largest are looked at in full. Private to dictionary/.
#pragma once
#include <cstdint>

#include "energy_lens/dictionary/omp_pursuit.h"

namespace energy_lens {

struct PursuitChoice {
  std::int64_t atom = -1;  // the lowest of equals
  double magnitude = 0.0;  // of its correlation
};

// All atoms are in question, none is chosen. start [P] are the signal's correlations with the atoms.
void begin_screening(const PursuitAtoms& atoms, const float* start, PursuitScreening& screening);

// The atom is out of question from now on.
void exclude(std::int64_t atom, PursuitScreening& screening);

// The same, and it takes this slot of the support.
void follow_atom(const PursuitAtoms& atoms, std::int64_t atom, std::int64_t slot, PursuitScreening& screening);

// Of the atoms in question; norm is the signal's length.
PursuitChoice choose_atom(const PursuitAtoms& atoms, const float* start, double norm, const PursuitSupport& support,
                          PursuitScreening& screening);

}  // namespace energy_lens
