#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/model/observer.h"

namespace energy_lens {

TokenBatch pad_right(const std::vector<std::vector<std::int64_t>>& sequences, std::int64_t pad_id) {
  TokenBatch batch;
  std::size_t longest = 0;
  for (const auto& sequence : sequences) {
    if (sequence.empty()) fail(ErrorKind::BadInput, "pad_right", "got an empty sequence, expected at least one token");
    longest = std::max(longest, sequence.size());
    batch.lengths.push_back(static_cast<std::int64_t>(sequence.size()));
  }
  if (sequences.empty()) fail(ErrorKind::BadInput, "pad_right", "got no sequence");
  batch.ids =
      at::full({static_cast<std::int64_t>(sequences.size()), static_cast<std::int64_t>(longest)}, pad_id, at::kLong);
  for (std::size_t row = 0; row < sequences.size(); ++row) {
    std::copy(sequences[row].begin(), sequences[row].end(),
              batch.ids[static_cast<std::int64_t>(row)].data_ptr<std::int64_t>());
  }
  return batch;
}

}  // namespace energy_lens
