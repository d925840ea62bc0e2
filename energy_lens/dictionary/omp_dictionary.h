// Dictionaries coded by orthogonal matching pursuit: random, or read from a file (learn_dictionary.h learns them).
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

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

// The control: isotropic random unit atoms, coded the same way around the same mean.
std::shared_ptr<const OmpDictionary> random_dictionary(std::int64_t atoms, const at::Tensor& mean, std::int64_t active,
                                                       std::uint64_t seed);

// One safetensors file: "atoms", "mean", and metadata. Errors of reading: NotFound, BadInput.
void save_dictionary(const std::filesystem::path& path, const OmpDictionary& dictionary);
std::shared_ptr<const OmpDictionary> load_dictionary(const std::filesystem::path& path);

}  // namespace energy_lens
