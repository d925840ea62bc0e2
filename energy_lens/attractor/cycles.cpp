#include "energy_lens/attractor/cycles.h"

#include <algorithm>

namespace energy_lens {

std::int64_t least_rotation(std::span<const std::int64_t> word) {
  const auto n = static_cast<std::int64_t>(word.size());
  // failure is that of Knuth, Morris and Pratt for the best rotation so far, over the word written twice.
  std::vector<std::int64_t> failure(2 * word.size(), -1);
  std::int64_t best = 0;
  for (std::int64_t j = 1; j < 2 * n; ++j) {
    const std::int64_t letter = word[j % n];
    std::int64_t i = failure[j - best - 1];
    while (i != -1 && letter != word[(best + i + 1) % n]) {
      if (letter < word[(best + i + 1) % n]) best = j - i - 1;
      i = failure[i];
    }
    if (i == -1 && letter != word[best % n]) {
      if (letter < word[best % n]) best = j;
      failure[j - best] = -1;
    } else {
      failure[j - best] = i + 1;
    }
  }
  return n == 0 ? 0 : best % n;
}

std::vector<std::int64_t> canonical_rotation(std::span<const std::int64_t> word) {
  std::vector<std::int64_t> rotated(word.begin(), word.end());
  std::rotate(rotated.begin(), rotated.begin() + least_rotation(word), rotated.end());
  return rotated;
}

}  // namespace energy_lens
