#define PCRE2_CODE_UNIT_WIDTH 8
#include "energy_lens/tokenizer/split_pattern.h"

#include <pcre2.h>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

std::string message_of(int code) {
  unsigned char text[256];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

const pcre2_code* compiled(const std::shared_ptr<const void>& code) {
  return static_cast<const pcre2_code*>(code.get());
}

}  // namespace

SplitPattern::SplitPattern(const std::string& expression) {
  int error = 0;
  std::size_t where = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &error, &where, nullptr);
  if (code == nullptr) {
    fail(ErrorKind::BadInput, "load_tokenizer",
         "the split pattern fails at character " + std::to_string(where) + ": " + message_of(error));
  }
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where there is no JIT the interpreter runs
  code_ = std::shared_ptr<const void>(
      code, [](const void* p) { pcre2_code_free(const_cast<pcre2_code*>(static_cast<const pcre2_code*>(p))); });
}

void SplitPattern::split(std::string_view text, const std::function<void(std::size_t, std::size_t)>& piece) const {
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(compiled(code_), nullptr), pcre2_match_data_free);
  std::size_t done = 0, from = 0;
  while (from < text.size()) {
    const int count = pcre2_match(compiled(code_), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, 0,
                                  match.get(), nullptr);
    if (count == PCRE2_ERROR_NOMATCH) break;
    if (count < 0) fail(ErrorKind::Resource, "encode", "the split pattern gave up: " + message_of(count));
    const std::size_t* range = pcre2_get_ovector_pointer(match.get());
    if (range[0] > done) piece(done, range[0]);
    if (range[1] > range[0]) piece(range[0], range[1]);
    done = range[1];
    from = range[1] > range[0] ? range[1] : range[1] + 1;
  }
  if (done < text.size()) piece(done, text.size());
}

const std::string& gpt2_pattern() {
  static const std::string space =
      R"(\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
  static const std::string pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^)" + space + R"(\p{L}\p{N}]+|[)" +
                                     space + R"(]+(?![^)" + space + R"(])|[)" + space + "]+";
  return pattern;
}

}  // namespace energy_lens
