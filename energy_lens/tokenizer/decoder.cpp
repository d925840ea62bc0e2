#include "energy_lens/tokenizer/decoder.h"

#include <array>
#include <cstdint>

#include "energy_lens/tokenizer/byte_alphabet.h"
#include "energy_lens/tokenizer/pattern.h"
#include "energy_lens/tokenizer/read_pattern.h"
#include "energy_lens/tokenizer/unicode.h"
#include "energy_lens/tokenizer/vocabulary.h"

namespace energy_lens {
namespace {

void fuse(std::vector<std::string>& tokens) {
  std::string all;
  for (const std::string& token : tokens) all += token;
  tokens = {std::move(all)};
}

class ByteLevelDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens, bool) const override {
    for (std::string& token : tokens) {
      std::string bytes;
      // An added token may be written outside the alphabet; it then stands for its own UTF-8.
      if (alphabet_to_bytes(token, bytes)) token = std::move(bytes);
    }
    fuse(tokens);
  }
  static std::unique_ptr<Decoder> read(const JsonFields&) { return std::make_unique<ByteLevelDecoder>(); }
};

class ByteFallbackDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens, bool) const override {
    for (std::string& token : tokens) {
      if (const auto byte = byte_of_token(token)) token = *byte;
    }
  }
  static std::unique_ptr<Decoder> read(const JsonFields&) { return std::make_unique<ByteFallbackDecoder>(); }
};

class FuseDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens, bool) const override { fuse(tokens); }
  static std::unique_ptr<Decoder> read(const JsonFields&) { return std::make_unique<FuseDecoder>(); }
};

class ReplaceDecoder : public Decoder {
 public:
  ReplaceDecoder(Pattern pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void apply(std::vector<std::string>& tokens, bool) const override {
    for (std::string& token : tokens) {
      std::string made;
      std::size_t done = 0;
      for (const Range& match : pattern_.find(token)) {
        made.append(token, done, match.begin - done);
        made += content_;
        done = match.end;
      }
      token = made.append(token, done);
    }
  }
  static std::unique_ptr<Decoder> read(const JsonFields& fields) {
    return std::make_unique<ReplaceDecoder>(read_pattern(fields), read_content(fields, "content"));
  }

 private:
  Pattern pattern_;
  std::string content_;
};

// Takes up to `start` of a character off the beginning of every text and `stop` off its end.
class StripDecoder : public Decoder {
 public:
  StripDecoder(std::string content, std::size_t start, std::size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  void apply(std::vector<std::string>& tokens, bool inside) const override {
    if (inside) return;
    for (std::string& token : tokens) {
      for (std::size_t i = 0; i < start_ && token.starts_with(content_); ++i) token.erase(0, content_.size());
      for (std::size_t i = 0; i < stop_ && token.ends_with(content_); ++i) token.resize(token.size() - content_.size());
    }
  }
  static std::unique_ptr<Decoder> read(const JsonFields& fields) {
    const auto count = [&](const char* name) {
      if (!fields.at(name).is_number_unsigned()) fields.refuse(std::string("\"") + name + "\" is not a whole number");
      return fields.at(name).get<std::size_t>();
    };
    const std::string content = fields.text("content");
    if (content.empty()) fields.refuse("\"content\" is empty");
    return std::make_unique<StripDecoder>(content, count("start"), count("stop"));
  }

 private:
  std::string content_;
  std::size_t start_, stop_;
};

class MetaspaceDecoder : public Decoder {
 public:
  MetaspaceDecoder(std::string replacement, bool prepended)
      : replacement_(std::move(replacement)), prepended_(prepended) {}
  void apply(std::vector<std::string>& tokens, bool inside) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const char* space = i == 0 && prepended_ && !inside ? "" : " ";
      std::string made;
      for (std::size_t at = 0; at < tokens[i].size();) {
        const std::size_t length = skip_characters(tokens[i], at, 1);
        const std::string_view character = std::string_view(tokens[i]).substr(at, length);
        made += character == replacement_ ? std::string_view(space) : character;
        at += length;
      }
      tokens[i] = std::move(made);
    }
  }
  static std::unique_ptr<Decoder> read(const JsonFields& fields) {
    const bool prepended =
        fields.text_or("prepend_scheme", "always") != "never" && fields.flag("add_prefix_space", true);
    return std::make_unique<MetaspaceDecoder>(fields.text("replacement"), prepended);
  }

 private:
  std::string replacement_;
  bool prepended_;
};

constexpr std::array<StepType<Decoder>, 6> kTypes = {{{"ByteLevel", ByteLevelDecoder::read},
                                                      {"ByteFallback", ByteFallbackDecoder::read},
                                                      {"Fuse", FuseDecoder::read},
                                                      {"Replace", ReplaceDecoder::read},
                                                      {"Strip", StripDecoder::read},
                                                      {"Metaspace", MetaspaceDecoder::read}}};

}  // namespace

Decoders read_decoders(const SortedJson& json) {
  Decoders made;
  read_steps<Decoder>(json, "decoder", "decoders", kTypes, made);
  return made;
}

std::unique_ptr<Decoder> byte_level_decoder() { return std::make_unique<ByteLevelDecoder>(); }

Decoders sentencepiece_decoders(const std::string& space, bool strips_first) {
  Decoders made;
  made.push_back(std::make_unique<ByteFallbackDecoder>());
  made.push_back(std::make_unique<ReplaceDecoder>(Pattern::literal(space), " "));
  made.push_back(std::make_unique<FuseDecoder>());
  if (strips_first) made.push_back(std::make_unique<StripDecoder>(" ", 1, 0));
  return made;
}

}  // namespace energy_lens
