#include "energy_lens/tokenizer/tokenizer_json.h"

#include <array>

#include "energy_lens/core/error.h"
#include "energy_lens/tokenizer/bpe_model.h"
#include "energy_lens/tokenizer/unigram_model.h"

namespace energy_lens {
namespace {

constexpr std::uint64_t kMaxFile = 64 << 20;  // the largest of the families in use has 33 MB

struct ModelType {
  const char* name;
  std::unique_ptr<SubwordModel> (*read)(const JsonFields&, const std::shared_ptr<Vocabulary>&, bool byte_level);
};

constexpr std::array<ModelType, 2> kModelTypes = {{{"BPE", read_bpe}, {"Unigram", read_unigram}}};

std::unique_ptr<SubwordModel> read_model(const SortedJson& json, const std::shared_ptr<Vocabulary>& vocabulary,
                                         bool byte_level) {
  const JsonFields fields(json, "model");
  const std::string type = fields.text_or("type", "BPE");
  for (const ModelType& known : kModelTypes) {
    if (type == known.name) return known.read(fields, vocabulary, byte_level);
  }
  fields.refuse("type " + type.substr(0, 100) + " is not supported; supported are BPE and Unigram");
}

const SortedJson& part(const SortedJson& json, const char* name) {
  static const SortedJson null;
  return json.contains(name) ? json.at(name) : null;
}

// Whether the pieces reach the model in the byte alphabet.
bool ends_in_byte_level(const SortedJson& pre_tokenizer) {
  if (!pre_tokenizer.is_object()) return false;
  const JsonFields fields(pre_tokenizer, "pre_tokenizer");
  if (fields.type() != "Sequence") return fields.type() == "ByteLevel";
  const SortedJson& members = fields.list("pretokenizers");
  return !members.empty() && ends_in_byte_level(members.back());
}

}  // namespace

TokenizerParts read_tokenizer_json(const std::filesystem::path& file) {
  const SortedJson json = read_sorted_json(file, kMaxFile);
  const JsonFields fields(json, "tokenizer");
  TokenizerParts parts;
  parts.normalizers = read_normalizers(part(json, "normalizer"));
  parts.pre_tokenizers = read_pre_tokenizers(part(json, "pre_tokenizer"));
  parts.model = read_model(fields.at("model"), parts.vocabulary, ends_in_byte_level(part(json, "pre_tokenizer")));
  parts.model_ids = parts.vocabulary->size();
  parts.added = read_added_tokens(part(json, "added_tokens"), *parts.vocabulary);
  parts.post_processor = read_post_processor(part(json, "post_processor"));
  parts.decoders = read_decoders(part(json, "decoder"));
  parts.bos = parts.post_processor.first_token;
  parts.adds_bos = parts.bos.has_value();
  if (parts.bos && *parts.bos >= parts.vocabulary->size()) {
    fields.refuse("post_processor puts token " + std::to_string(*parts.bos) + " in front, which does not exist");
  }
  return parts;
}

}  // namespace energy_lens
