// Which tokens begin and end a text, from the files beside a tokenizer.
#include <algorithm>
#include <array>

#include "energy_lens/tokenizer/tokenizer_json.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kMaxFile = 16 << 20;

// "<s>" or {"content": "<s>"}; nothing where the file names none or one that the vocabulary lacks.
std::optional<std::int64_t> special_id(const JsonFields& config, const char* name, const Vocabulary& vocabulary) {
  if (!config.has(name)) return std::nullopt;
  const SortedJson& token = config.at(name);
  if (token.is_string()) return vocabulary.find(token.get<std::string>());
  return vocabulary.find(JsonFields(token, name).text("content"));
}

}  // namespace

void read_special_tokens(const fs::path& folder, TokenizerParts& parts) {
  std::optional<std::int64_t> bos, eos;
  bool has_config = false;
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    if (!fs::exists(folder / name)) continue;
    has_config = true;
    const SortedJson json = read_sorted_json(folder / name, kMaxFile);
    const JsonFields config(json, name);
    if (!bos) bos = special_id(config, "bos_token", *parts.vocabulary);
    if (!eos) eos = special_id(config, "eos_token", *parts.vocabulary);
    if (config.has("add_bos_token")) parts.adds_bos = config.flag("add_bos_token", false);
  }
  if (!has_config) bos = eos = parts.vocabulary->find("<|endoftext|>");
  if (!parts.bos) parts.bos = bos;
  if (eos || !parts.eos) parts.eos = eos;
  parts.adds_bos = parts.adds_bos && parts.bos;
}

}  // namespace energy_lens
