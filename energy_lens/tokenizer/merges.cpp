#include "energy_lens/tokenizer/merges.h"

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

namespace energy_lens {
namespace {

std::uint64_t key(std::int64_t left, std::int64_t right) {
  return (static_cast<std::uint64_t>(left) << 32) | static_cast<std::uint64_t>(right);
}

// A possible merge of the symbol at `at` with its right neighbour, as they were when it was queued.
struct Candidate {
  std::int64_t rank, at, left, right, merged;
  bool operator>(const Candidate& other) const { return std::tie(rank, at) > std::tie(other.rank, other.at); }
};

constexpr std::int64_t kGone = -1;

}  // namespace

bool Merges::add(std::int64_t left, std::int64_t right, std::int64_t merged) {
  return merges_.try_emplace(key(left, right), Merge{static_cast<std::int64_t>(merges_.size()), merged}).second;
}

const Merges::Merge* Merges::find(std::int64_t left, std::int64_t right) const {
  const auto found = merges_.find(key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void Merges::apply(std::vector<std::int64_t>& ids, std::vector<std::size_t>& lengths) const {
  const auto count = static_cast<std::int64_t>(ids.size());
  std::vector<std::int64_t> next(count), previous(count);
  for (std::int64_t i = 0; i < count; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](std::int64_t at) {
    if (at < 0 || next[at] >= count) return;
    const std::int64_t left = ids[at], right = ids[next[at]];
    if (const Merge* merge = find(left, right)) queue.push({merge->rank, at, left, right, merge->merged});
  };
  for (std::int64_t i = 0; i < count; ++i) consider(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const std::int64_t right = next[best.at];
    // Either symbol may have been merged away since.
    if (ids[best.at] != best.left || right >= count || ids[right] != best.right) continue;
    ids[best.at] = best.merged;
    lengths[best.at] += std::exchange(lengths[right], 0);
    ids[right] = kGone;
    next[best.at] = next[right];
    if (next[right] < count) previous[next[right]] = best.at;
    consider(previous[best.at]);
    consider(best.at);
  }
  std::erase(ids, kGone);
  std::erase(lengths, 0u);
}

}  // namespace energy_lens
