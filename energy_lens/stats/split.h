// Which part of the study a document belongs to, from its id alone: adding documents never moves another one.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace energy_lens {

enum class Split { S, A, B };  // S trains dictionaries and lenses, A discovers, B confirms

struct SplitShares {
  double s = 0.5;
  double a = 0.25;  // B takes what remains
};

// Errors: Usage (shares negative or above 1 together).
Split split_of(std::string_view document_id, std::uint64_t seed = 0, const SplitShares& shares = {});

std::string split_name(Split split);  // "S", "A", "B"

}  // namespace energy_lens
