// Dictionaries coded by orthogonal matching pursuit: learned, random, or read from a file.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "energy_lens/core/progress.h"
#include "energy_lens/dictionary/dictionary.h"
#include "energy_lens/dictionary/omp.h"

namespace energy_lens {

class OmpDictionary : public Dictionary {
 public:
  // atoms [K, D] are scaled to unit rows. Errors: BadInput (shapes, NaN, a zero atom), Usage (active).
  OmpDictionary(at::Tensor atoms, at::Tensor mean, std::int64_t active);
  const at::Tensor& atoms() const override { return atoms_; }
  const at::Tensor& mean() const override { return mean_; }
  SparseCodes encode(const at::Tensor& x) const override;
  std::string kind() const override { return "omp"; }
  std::int64_t active() const { return active_; }

 private:
  at::Tensor atoms_, mean_;
  std::int64_t active_;
  std::optional<OmpCoder> coder_;  // of atoms_
};

struct LearnOptions {
  std::int64_t atoms = 512;  // K
  std::int64_t active = 8;   // k
  std::int64_t iterations = 8;
  std::uint64_t seed = 0;
};

// K-SVD (Aharon, Elad and Bruckstein 2006), each atom's rank-one step by one power iteration: starts from K training
// rows; atoms that no row uses, or that repeat another (cosine above .99), become the worst represented rows.
// x [N, D] fp32. Errors: BadInput (N < K, NaN or Inf), Usage (options), Interrupted.
std::shared_ptr<const OmpDictionary> learn_dictionary(const at::Tensor& x, const LearnOptions& options,
                                                      Progress& progress = no_progress());

// Fewer than 50 rows an atom: what is learned may not hold on other rows.
bool few_samples(std::int64_t rows, std::int64_t atoms);

// The control: isotropic random unit atoms, coded the same way around the same mean.
std::shared_ptr<const OmpDictionary> random_dictionary(std::int64_t atoms, const at::Tensor& mean, std::int64_t active,
                                                       std::uint64_t seed);

// One safetensors file: "atoms", "mean", and metadata. Errors of reading: NotFound, BadInput.
void save_dictionary(const std::filesystem::path& path, const OmpDictionary& dictionary);
std::shared_ptr<const OmpDictionary> load_dictionary(const std::filesystem::path& path);

}  // namespace energy_lens
