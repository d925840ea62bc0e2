// Which of a tokenizer's formats a folder or file is in.
#include <array>

#include "energy_lens/core/error.h"
#include "energy_lens/tokenizer/sentencepiece.h"
#include "energy_lens/tokenizer/tokenizer_json.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

TokenizerParts read_tokenizer_json_with_config(const fs::path& file) {
  TokenizerParts parts = read_tokenizer_json(file);
  read_special_tokens(file.parent_path(), parts);
  return parts;
}

TokenizerParts read_sentencepiece_with_config(const fs::path& file) {
  TokenizerParts parts = read_sentencepiece(file);
  read_special_tokens(file.parent_path(), parts);
  return parts;
}

// The format has no list of added tokens: its special ones are.
TokenizerParts read_vocabulary_with_config(const fs::path& file) {
  TokenizerParts parts = read_vocabulary_and_merges(file);
  read_special_tokens(file.parent_path(), parts);
  for (const auto& id : {parts.bos, parts.eos}) {
    if (!id || (!parts.added.empty() && parts.added.back().id == *id)) continue;
    AddedToken token;
    token.content = parts.vocabulary->token(*id);
    token.id = *id;
    token.special = true;
    parts.added.push_back(std::move(token));
  }
  return parts;
}

struct Format {
  const char* file;       // the name that a folder is searched for; "" for none
  const char* extension;  // of a file given by itself
  TokenizerParts (*read)(const fs::path& file);
};

// In the order of preference.
constexpr std::array<Format, 4> kFormats = {{{"tokenizer.json", ".json", read_tokenizer_json_with_config},
                                             {"tokenizer.model", ".model", read_sentencepiece_with_config},
                                             {"vocab.json", "", read_vocabulary_with_config},
                                             {"", ".bin", read_llama2c_tokenizer}}};

struct Source {
  fs::path file;
  TokenizerParts (*read)(const fs::path& file);
};

std::optional<Source> find_in_folder(const fs::path& folder) {
  for (const Format& format : kFormats) {
    if (*format.file != '\0' && fs::exists(folder / format.file)) return Source{folder / format.file, format.read};
  }
  return std::nullopt;
}

std::optional<Source> recognize(const fs::path& file) {
  for (const Format& format : kFormats) {
    if (file.filename() == format.file) return Source{file, format.read};
  }
  for (const Format& format : kFormats) {
    if (*format.extension != '\0' && file.extension() == format.extension) return Source{file, format.read};
  }
  return std::nullopt;
}

Source find_source(const fs::path& path) {
  const auto found = fs::is_directory(path) ? find_in_folder(path) : recognize(path);
  if (found) return *found;
  fail(ErrorKind::BadInput, "load_tokenizer",
       path.string() +
           " holds no tokenizer: expected a folder with tokenizer.json, tokenizer.model or vocab.json and "
           "merges.txt, or such a file; --tokenizer names another place");
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    fail(kind_of_missing(path), "load_tokenizer", path.string() + " does not exist, or is a link that leads nowhere");
  }
  const Source source = find_source(path);
  try {
    return std::make_unique<PipelineTokenizer>(source.read(source.file));
  } catch (const Error& error) {
    const std::string message = error.what();
    if (message.find(source.file.string()) != std::string::npos) throw;
    throw Error(error.kind(), message + " (in " + source.file.string() + ")");
  }
}

}  // namespace energy_lens
