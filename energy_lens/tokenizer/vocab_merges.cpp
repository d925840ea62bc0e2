// vocab.json with merges.txt, the form in which GPT-2's tokenizer was published.
#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/tokenizer/bpe_model.h"
#include "energy_lens/tokenizer/tokenizer_json.h"

namespace energy_lens {
namespace {

Merges read_merges_file(const std::filesystem::path& file, const Vocabulary& vocabulary) {
  Merges merges;
  const std::string text = read_file(file);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty() && !line.starts_with("#version")) add_merge_line(merges, vocabulary, line);
    begin = end + 1;
  }
  return merges;
}

}  // namespace

TokenizerParts read_vocabulary_and_merges(const std::filesystem::path& file) {
  constexpr std::uint64_t kMaxFile = 64 << 20;
  TokenizerParts parts;
  add_tokens(read_sorted_json(file, kMaxFile), *parts.vocabulary);
  Merges merges = read_merges_file(file.parent_path() / "merges.txt", *parts.vocabulary);
  parts.model = std::make_unique<BpeModel>(parts.vocabulary, std::move(merges), BpeOptions{}, true);
  parts.pre_tokenizers.push_back(byte_level_pre_tokenizer());
  parts.decoders.push_back(byte_level_decoder());
  return parts;
}

}  // namespace energy_lens
