// llama2.c's tokenizer file: int32 length of the longest token, then for each token a float32 score, an int32 length
// and its bytes, all little-endian. Tokens 1 and 2 begin and end a text.
#include <bit>
#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/tokenizer/little_endian.h"
#include "energy_lens/tokenizer/scored_model.h"
#include "energy_lens/tokenizer/sentencepiece.h"

namespace energy_lens {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  fail(ErrorKind::BadInput, "load_tokenizer", "got a file that is no llama2.c tokenizer: " + what);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }
  std::uint32_t word() { return static_cast<std::uint32_t>(little_endian(take(4))); }
  std::string_view take(std::size_t count) {
    if (count > rest_.size())
      refuse(std::to_string(count) + " bytes are announced, " + std::to_string(rest_.size()) + " left");
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }

 private:
  std::string_view rest_;
};

}  // namespace

TokenizerParts read_llama2c_tokenizer(const std::filesystem::path& path) {
  constexpr std::uint64_t kMaxFile = 64 << 20;
  const std::string bytes = read_file(path, kMaxFile);
  Reader reader(bytes);
  const std::uint32_t longest = reader.word();
  TokenizerParts parts;
  ScoreMerges merges;
  for (std::int64_t id = 0; !reader.done(); ++id) {
    const float score = std::bit_cast<float>(reader.word());
    const std::uint32_t length = reader.word();
    if (!std::isfinite(score)) refuse("token " + std::to_string(id) + " has a score that is not finite");
    if (length > longest) refuse("token " + std::to_string(id) + " is longer than the longest");
    std::string token(reader.take(length));
    parts.vocabulary->add(token, id);
    merges.add(std::move(token), id, score, ScoreMerges::Kind::Normal);
  }
  if (parts.vocabulary->size() < 3) refuse("it has fewer than 3 tokens");
  merges.finish();
  parts.model = merging_scored_model(parts.vocabulary, std::move(merges), 0, true);
  parts.normalizers.push_back(prepend_normalizer(" "));  // what the vocabulary was made with
  parts.decoders = sentencepiece_decoders(" ", true);
  parts.bos = 1;
  parts.eos = 2;
  parts.adds_bos = true;
  return parts;
}

}  // namespace energy_lens
