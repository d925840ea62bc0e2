// Counter-based randomness: Philox4x32-10 (Salmon et al., SC 2011). A stream is named by (seed, purpose, index), so a
// number never depends on threads, batch size or the order of calls elsewhere.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace energy_lens {

class Philox {
 public:
  // purpose: what the stream is for ("omp/random-dictionary"); index: which one (a permutation, a document).
  Philox(std::uint64_t seed, std::string_view purpose, std::uint64_t index = 0);

  std::uint32_t next();                         // uniform on [0, 2^32)
  double uniform();                             // uniform on [0, 1), 53 bits
  double normal();                              // standard normal, Box-Muller
  std::uint64_t below(std::uint64_t bound);     // uniform on [0, bound), unbiased; bound > 0
  void shuffle(std::span<std::int64_t> items);  // Fisher-Yates

 private:
  void refill();
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
  double spare_ = 0.0;
  bool has_spare_ = false;
};

// The ten rounds on one counter, exposed for the known-answer test.
std::array<std::uint32_t, 4> philox4x32_10(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

}  // namespace energy_lens
