#include "energy_lens/tokenizer/read_pattern.h"

namespace energy_lens {

Pattern read_pattern(const JsonFields& fields) {
  const JsonFields pattern(fields.at("pattern"), "pattern");
  if (pattern.has("String")) return Pattern::literal(pattern.text("String"));
  if (pattern.has("Regex")) return Pattern::regex(pattern.text("Regex"));
  fields.refuse("\"pattern\" has neither \"String\" nor \"Regex\"");
}

std::string read_content(const JsonFields& fields, const char* name) {
  constexpr std::size_t kMaxContent = 1024;
  std::string content = fields.text(name);
  if (content.size() > kMaxContent) {
    fields.refuse(std::string("\"") + name + "\" has " + std::to_string(content.size()) + " bytes, expected at most " +
                  std::to_string(kMaxContent));
  }
  return content;
}

}  // namespace energy_lens
