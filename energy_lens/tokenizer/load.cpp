// Reads the tokenizer files of a model folder into ByteLevelParts.
#include <algorithm>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/tokenizer/byte_alphabet.h"
#include "energy_lens/tokenizer/byte_level.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kMaxId = 1 << 24;  // no vocabulary is near it; a larger id is a broken file

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
  fail(ErrorKind::BadInput, "load_tokenizer", file.string() + ": " + what);
}

const Json& member(const fs::path& file, const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) refuse(file, std::string("\"") + name + "\" is missing");
  return object.at(name);
}

void put_token(const fs::path& file, ByteLevelParts& parts, const Json& id, std::string bytes) {
  if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > kMaxId) {
    refuse(file, "token id " + id.dump() + " is not a whole number in 0 to " + std::to_string(kMaxId));
  }
  const auto at = id.get<std::size_t>();
  if (at >= parts.tokens.size()) parts.tokens.resize(at + 1);
  if (!parts.tokens[at].empty() && parts.tokens[at] != bytes) refuse(file, "two tokens have id " + std::to_string(at));
  parts.tokens[at] = std::move(bytes);
}

using IdOf = std::unordered_map<std::string, std::int64_t>;

IdOf read_vocabulary(const fs::path& file, const Json& vocabulary, ByteLevelParts& parts) {
  if (!vocabulary.is_object() || vocabulary.empty()) refuse(file, "the vocabulary is not an object of token ids");
  IdOf id_of;
  for (const auto& item : vocabulary.items()) {
    std::string bytes;
    // Specials may be written outside the byte alphabet; they then stand for their own UTF-8.
    if (!alphabet_to_bytes(item.key(), bytes)) bytes = item.key();
    put_token(file, parts, item.value(), bytes);
    id_of[item.key()] = item.value().get<std::int64_t>();
  }
  return id_of;
}

void add_merge(const fs::path& file, ByteLevelParts& parts, const IdOf& id_of, const std::string& left,
               const std::string& right) {
  const auto l = id_of.find(left), r = id_of.find(right), m = id_of.find(left + right);
  if (l == id_of.end() || r == id_of.end() || m == id_of.end()) {
    refuse(file, "merge \"" + left + " " + right + "\" names a token that the vocabulary lacks");
  }
  if (!parts.merges.add(l->second, r->second, m->second)) {
    refuse(file, "merge \"" + left + " " + right + "\" stands twice");
  }
}

void add_merge_line(const fs::path& file, ByteLevelParts& parts, const IdOf& id_of, const std::string& line) {
  const std::size_t space = line.find(' ');
  if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
    refuse(file, "merge \"" + line + "\" is not two tokens and a space");
  }
  add_merge(file, parts, id_of, line.substr(0, space), line.substr(space + 1));
}

void read_merges(const fs::path& file, const Json& merges, const IdOf& id_of, ByteLevelParts& parts) {
  if (!merges.is_array()) refuse(file, "\"merges\" is not a list");
  for (const Json& merge : merges) {
    if (merge.is_string()) {
      add_merge_line(file, parts, id_of, merge.get<std::string>());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      add_merge(file, parts, id_of, merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      refuse(file, "merge " + merge.dump() + " is neither \"a b\" nor [\"a\", \"b\"]");
    }
  }
}

void read_added(const fs::path& file, const Json& added, ByteLevelParts& parts) {
  for (const Json& token : added) {
    AddedToken made;
    const Json& content = member(file, token, "content");
    if (!content.is_string()) refuse(file, "an added token's content is not a string");
    made.content = content.get<std::string>();
    if (token.value("single_word", false)) refuse(file, "added token '" + made.content + "' asks for single_word");
    put_token(file, parts, member(file, token, "id"), made.content);
    made.id = token.at("id").get<std::int64_t>();
    made.strips_left = token.value("lstrip", false);
    made.strips_right = token.value("rstrip", false);
    parts.added.push_back(made);
  }
}

void refuse_unless(const fs::path& file, bool supported, const char* what, const Json& got) {
  if (!supported) refuse(file, std::string(what) + " " + got.dump().substr(0, 200) + " is not supported");
}

void read_pre_tokenizer(const fs::path& file, const Json& pre, ByteLevelParts& parts) {
  refuse_unless(file, pre.is_object() && pre.value("type", "") == "ByteLevel" && pre.value("use_regex", true),
                "pre_tokenizer", pre);
  parts.add_prefix_space = pre.value("add_prefix_space", true);
}

void read_tokenizer_json(const fs::path& file, ByteLevelParts& parts) {
  const Json json = read_json(file);
  const Json& model = member(file, json, "model");
  refuse_unless(file, model.is_object() && model.value("type", "BPE") == "BPE", "model", model.value("type", Json()));
  refuse_unless(file, !json.contains("normalizer") || json["normalizer"].is_null(), "normalizer", json["normalizer"]);
  read_pre_tokenizer(file, member(file, json, "pre_tokenizer"), parts);
  parts.ignore_merges = model.value("ignore_merges", false);
  const IdOf id_of = read_vocabulary(file, member(file, model, "vocab"), parts);
  read_merges(file, member(file, model, "merges"), id_of, parts);
  if (json.contains("added_tokens") && json["added_tokens"].is_array()) read_added(file, json["added_tokens"], parts);
}

void read_merges_file(const fs::path& file, const IdOf& id_of, ByteLevelParts& parts) {
  const std::string text = read_file(file);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty() && !line.starts_with("#version")) add_merge_line(file, parts, id_of, line);
    begin = end + 1;
  }
}

// "<|endoftext|>" or {"content": "<|endoftext|>"}; null where the model has none.
std::optional<std::string> special_token(const Json& config, const char* name) {
  if (!config.contains(name)) return std::nullopt;
  const Json& token = config.at(name);
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string()) {
    return token["content"].get<std::string>();
  }
  return std::nullopt;
}

std::optional<std::int64_t> special_id(const ByteLevelParts& parts, const std::optional<std::string>& content) {
  if (!content) return std::nullopt;
  const auto found = std::find(parts.tokens.begin(), parts.tokens.end(), *content);
  if (found == parts.tokens.end()) return std::nullopt;
  return found - parts.tokens.begin();
}

void read_config(const fs::path& file, ByteLevelParts& parts, bool specials_are_added) {
  const Json config =
      fs::exists(file) ? read_json(file) : Json{{"bos_token", "<|endoftext|>"}, {"eos_token", "<|endoftext|>"}};
  if (!config.is_object()) refuse(file, "is not a JSON object");
  parts.bos = special_id(parts, special_token(config, "bos_token"));
  parts.eos = special_id(parts, special_token(config, "eos_token"));
  parts.adds_bos = config.value("add_bos_token", false);
  if (specials_are_added) return;
  for (const auto& id : {parts.bos, parts.eos}) {
    const auto same = [&](const AddedToken& token) { return id && token.id == *id; };
    if (id && std::none_of(parts.added.begin(), parts.added.end(), same))
      parts.added.push_back({parts.tokens[*id], *id});
  }
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& folder) {
  ByteLevelParts parts;
  parts.pattern = gpt2_pattern();
  const bool whole = fs::exists(folder / "tokenizer.json");
  if (whole) {
    read_tokenizer_json(folder / "tokenizer.json", parts);
  } else if (fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt")) {
    const IdOf id_of = read_vocabulary(folder / "vocab.json", read_json(folder / "vocab.json"), parts);
    read_merges_file(folder / "merges.txt", id_of, parts);
  } else {
    fail(ErrorKind::NotFound, "load_tokenizer",
         folder.string() + " holds neither tokenizer.json nor vocab.json with merges.txt");
  }
  read_config(folder / "tokenizer_config.json", parts, whole);
  return std::make_unique<ByteLevelTokenizer>(std::move(parts));
}

}  // namespace energy_lens
