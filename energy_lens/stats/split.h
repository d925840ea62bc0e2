// Which part of a study a document belongs to, from its key alone (studies give the digest of its text): adding
// documents never moves another one.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace energy_lens {

enum class Split { S, A, B };  // S trains dictionaries and lenses, A discovers, B confirms

// S with probability 1/2, A and B with 1/4 each.
Split split_of(std::string_view document_key, std::uint64_t seed = 0);

std::string split_name(Split split);  // "S", "A", "B"

}  // namespace energy_lens
