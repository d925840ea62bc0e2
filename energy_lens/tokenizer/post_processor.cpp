#include "energy_lens/tokenizer/post_processor.h"

#include <algorithm>

#include "energy_lens/io/utf8.h"
#include "energy_lens/tokenizer/steps.h"
#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens {
namespace {

constexpr char32_t kAlphabetSpace = 0x120;

// One member of the part, for read_steps.
struct Step {
  std::optional<std::int64_t> first_token;
  std::optional<bool> trims;
};

std::unique_ptr<Step> read_byte_level(const JsonFields& fields) {
  auto step = std::make_unique<Step>();
  if (fields.flag("trim_offsets", true)) step->trims = fields.flag("add_prefix_space", true);
  return step;
}

std::int64_t special_id(const JsonFields& fields, const std::string& name) {
  const JsonFields known(fields.at("special_tokens"), "special_tokens");
  const SortedJson& ids = JsonFields(known.at(name.c_str()), "special token").list("ids");
  if (ids.size() != 1 || !ids[0].is_number_unsigned()) {
    fields.refuse("special token '" + utf8_prefix(name, 100) + "' is not exactly one id");
  }
  return ids[0].get<std::int64_t>();
}

std::unique_ptr<Step> read_template(const JsonFields& fields) {
  auto step = std::make_unique<Step>();
  bool after_text = false;
  for (const SortedJson& part : fields.list("single")) {
    const JsonFields member(part, "template part");
    if (member.has("Sequence")) {
      after_text = true;
      continue;
    }
    const std::string name = JsonFields(member.at("SpecialToken"), "SpecialToken").text("id");
    if (after_text) fields.refuse("puts '" + utf8_prefix(name, 100) + "' behind the text, which is not supported");
    if (step->first_token) fields.refuse("puts more than one token in front of the text, which is not supported");
    step->first_token = special_id(fields, name);
  }
  return step;
}

constexpr std::array<StepType<Step>, 2> kTypes = {
    {{"ByteLevel", read_byte_level}, {"TemplateProcessing", read_template}}};

std::size_t space_run(std::string_view token, std::size_t at, bool backward) {
  std::size_t count = 0;
  while (backward ? at > 0 : at < token.size()) {
    const std::size_t length = backward ? skip_characters_back(token, at, 1) : skip_characters(token, at, 1);
    const char32_t code = character_at(token, backward ? at - length : at).code;
    if (code != kAlphabetSpace && !is_white_space(code)) break;
    at = backward ? at - length : at + length;
    ++count;
  }
  return count;
}

}  // namespace

PostProcessor read_post_processor(const SortedJson& json) {
  Steps<Step> steps;
  read_steps<Step>(json, "post_processor", "processors", kTypes, steps);
  PostProcessor made;
  for (const auto& step : steps) {
    if (step->trims) made.trims.push_back(*step->trims);
    if (step->first_token) made.first_token = step->first_token;
  }
  return made;
}

std::size_t leading_space(std::string_view token) { return space_run(token, 0, false); }
std::size_t trailing_space(std::string_view token) { return space_run(token, token.size(), true); }

void trim(std::vector<PlacedToken>& tokens, std::string_view source, bool adds_prefix_space) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    auto& [begin, end] = tokens[i].source;
    std::size_t leading = tokens[i].leading;
    if (leading == 1 && adds_prefix_space && (i == 0 || begin == 0)) leading = 0;
    begin = std::min(begin + skip_characters(source, begin, leading), end);
    end = std::max(end - skip_characters_back(source, end, tokens[i].trailing), begin);
  }
}

}  // namespace energy_lens
