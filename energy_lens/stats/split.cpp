#include "energy_lens/stats/split.h"

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {

Split split_of(std::string_view document_key, std::uint64_t seed) {
  const double u = Philox(seed, "split/" + std::string(document_key)).uniform();
  if (u < 0.5) return Split::S;
  return u < 0.75 ? Split::A : Split::B;
}

std::string split_name(Split split) {
  switch (split) {
    case Split::S:
      return "S";
    case Split::A:
      return "A";
    case Split::B:
      return "B";
  }
  EL_ASSERT(false);
  return {};
}

}  // namespace energy_lens
