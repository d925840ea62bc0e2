#include "energy_lens/stats/split.h"

#include "energy_lens/core/error.h"
#include "energy_lens/core/philox.h"

namespace energy_lens {

Split split_of(std::string_view document_id, std::uint64_t seed, const SplitShares& shares) {
  if (!(shares.s >= 0.0 && shares.a >= 0.0 && shares.s + shares.a <= 1.0)) {
    fail(ErrorKind::Usage, "split_of",
         "got shares S = " + std::to_string(shares.s) + ", A = " + std::to_string(shares.a) +
             ", expected numbers >= 0 with a sum of at most 1");
  }
  const double u = Philox(seed, "split/" + std::string(document_id)).uniform();
  if (u < shares.s) return Split::S;
  return u < shares.s + shares.a ? Split::A : Split::B;
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
