#include "energy_lens/tokenizer/score_merges.h"

#include <algorithm>
#include <queue>
#include <tuple>

#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens {

void ScoreMerges::add(std::string token, std::int64_t id, float score, Kind kind) {
  entries_.try_emplace(std::move(token), Entry{id, score, kind});
}

void ScoreMerges::finish() {
  std::vector<std::pair<std::string, std::int64_t>> keys;
  for (const auto& [token, entry] : entries_) {
    if (entry.kind == Kind::Whole) keys.emplace_back(token, entry.id);
  }
  whole_ = ByteTrie(std::move(keys));
}

const ScoreMerges::Entry* ScoreMerges::find(std::string_view token) const {
  const auto found = entries_.find(token);
  return found == entries_.end() ? nullptr : &found->second;
}

// One text while it is merged. Symbols are stretches of it, linked both ways; a merged one is left empty.
class ScoreMerges::Run {
 public:
  Run(const ScoreMerges& merges, std::string_view text) : merges_(merges), text_(text) {
    for (std::size_t at = 0; at < text.size();) {
      const auto whole = merges.whole_.longest(text.substr(at));
      const std::size_t length = whole ? whole->length : character_at(text, at).length;
      const auto index = static_cast<std::ptrdiff_t>(symbols_.size());
      symbols_.push_back({at, length, index - 1, index + 1, whole.has_value()});
      at += length;
    }
    for (std::ptrdiff_t i = 0; i + 1 < count(); ++i) consider(i);
  }

  void merge_all() {
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      Symbol& left = at(best.left);
      // Either side may have been merged away since.
      if (left.size == 0 || left.next >= count() || left.next != best.right) continue;
      Symbol& right = at(best.right);
      if (left.size + right.size != best.size) continue;
      left.size += std::exchange(right.size, 0);
      left.next = right.next;
      if (left.next < count()) at(left.next).previous = best.left;
      consider(left.previous);
      consider(best.left);
    }
  }

  void append_to(std::vector<Subword>& tokens) const {
    for (const Symbol& symbol : symbols_) {
      if (symbol.size > 0) take_apart({symbol.begin, symbol.begin + symbol.size}, tokens);
    }
  }

 private:
  struct Symbol {
    std::size_t begin, size;
    std::ptrdiff_t previous, next;
    bool frozen;
  };
  struct Candidate {
    float score;
    std::ptrdiff_t left, right;
    std::size_t size;
    bool operator<(const Candidate& other) const {
      return std::tuple(score, -left) < std::tuple(other.score, -other.left);
    }
  };
  std::ptrdiff_t count() const { return static_cast<std::ptrdiff_t>(symbols_.size()); }
  Symbol& at(std::ptrdiff_t index) { return symbols_[static_cast<std::size_t>(index)]; }

  void consider(std::ptrdiff_t index) {
    if (index < 0 || at(index).next >= count()) return;
    const Symbol &left = at(index), &right = at(left.next);
    if (left.frozen || right.frozen) return;
    const std::string_view merged = text_.substr(left.begin, left.size + right.size);
    const Entry* entry = merges_.find(merged);
    if (entry == nullptr) return;
    queue_.push({entry->score, index, left.next, merged.size()});
    if (entry->kind == Kind::Unused) halves_[merged] = left.size;
  }

  void take_apart(Range range, std::vector<Subword>& tokens) const {
    std::vector<Range> open = {range};
    while (!open.empty()) {
      const Range last = open.back();
      open.pop_back();
      const std::string_view token = text_.substr(last.begin, last.end - last.begin);
      const Entry* entry = merges_.find(token);
      const auto half = entry != nullptr && entry->kind == Kind::Unused ? halves_.find(token) : halves_.end();
      if (half == halves_.end()) {
        tokens.push_back({entry == nullptr ? -1 : entry->id, last});
      } else {
        open.push_back({last.begin + half->second, last.end});
        open.push_back({last.begin, last.begin + half->second});
      }
    }
  }

  const ScoreMerges& merges_;
  std::string_view text_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate> queue_;
  std::unordered_map<std::string_view, std::size_t> halves_;  // of unused tokens: the size of the left one
};

void ScoreMerges::apply(std::string_view text, std::vector<Subword>& tokens) const {
  Run run(*this, text);
  run.merge_all();
  run.append_to(tokens);
}

}  // namespace energy_lens
