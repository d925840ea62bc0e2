// Dictionaries learned for orthogonal matching pursuit.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <memory>

#include "energy_lens/core/progress.h"
#include "energy_lens/dictionary/omp_dictionary.h"

namespace energy_lens {

struct LearnOptions {
  std::int64_t atoms = 512;  // K
  std::int64_t active = 8;   // k
  std::int64_t iterations = 8;
  std::uint64_t seed = 0;
};

// Codes all rows, then moves the atoms one after the other (block coordinate descent; Mairal, Bach, Ponce and Sapiro,
// JMLR 2010, algorithm 2), and again. K-SVD's joint update of values would read the rows of every atom from all over
// the memory; the next coding finds them anyway, and planted dictionaries come back as often. Starts from K training
// rows; atoms that no row uses, or that repeat another (cosine above .99), become the worst represented rows. x [N, D]
// fp32. Advances the caller's stage by one an iteration. Bits depend on the seed alone. Errors: BadInput (N < K, NaN or
// Inf), Usage (options), Interrupted.
std::shared_ptr<const OmpDictionary> learn_dictionary(const at::Tensor& x, const LearnOptions& options,
                                                      Progress& progress = no_progress());

// With fewer rows than these an atom, what is learned may not hold on other rows.
inline constexpr std::int64_t kSamplesPerAtom = 50;
bool few_samples(std::int64_t rows, std::int64_t atoms);

}  // namespace energy_lens
