// Texts in, energies per layer and token out, as the JSON of `energy-lens lens`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "energy_lens/experiment/model_choice.h"
#include "energy_lens/io/file.h"

namespace energy_lens {

struct LensRecipe {
  ModelChoice choice;
  std::vector<std::int64_t> layers;  // empty: all, 0..L
  std::int64_t top_k = 10;
  bool bos = false;
  std::string kernel = "best";  // kLensKernels
};

// What `kernel` may be: LensKernel's values in words.
inline const std::vector<std::string> kLensKernels = {"best", "generic", "reference"};

// Schema "energy-lens/lens/1". Errors: BadInput (a text of fewer than two tokens, or longer than the context), Usage
// (a layer outside 0..L, an unknown kernel).
Json run_lens(const LensRecipe& recipe, const std::vector<std::string>& texts);

}  // namespace energy_lens
