#define PCRE2_CODE_UNIT_WIDTH 8
#include "energy_lens/tokenizer/pattern.h"

#include <pcre2.h>

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"
#include "energy_lens/tokenizer/regex_dialect.h"
#include "energy_lens/tokenizer/unicode.h"

namespace energy_lens {
namespace {

constexpr std::size_t kMaxExpression = 64 << 10;
constexpr std::uint32_t kMaxSteps = 5'000'000, kMaxHeapKiB = 64 << 10;
constexpr std::size_t kMaxJitStack = 16 << 20;

std::string message_of(int code) {
  unsigned char text[256];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

PCRE2_SPTR bytes_of(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

template <typename T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

pcre2_jit_stack* jit_stack() {
  thread_local const Owned<pcre2_jit_stack> stack(pcre2_jit_stack_create(32 << 10, kMaxJitStack, nullptr),
                                                  pcre2_jit_stack_free);
  return stack.get();
}

Owned<pcre2_match_context> bounded_context() {
  Owned<pcre2_match_context> context(pcre2_match_context_create(nullptr), pcre2_match_context_free);
  pcre2_set_match_limit(context.get(), kMaxSteps);
  pcre2_set_heap_limit(context.get(), kMaxHeapKiB);
  pcre2_jit_stack_assign(context.get(), nullptr, jit_stack());
  return context;
}

}  // namespace

Pattern Pattern::literal(std::string_view text) {
  if (text.empty()) fail(ErrorKind::BadInput, "load_tokenizer", "a pattern to search for is empty");
  Pattern made;
  made.source_ = text;
  return made;
}

Pattern Pattern::regex(std::string_view expression) {
  if (expression.size() > kMaxExpression) {
    fail(ErrorKind::BadInput, "load_tokenizer",
         "got a regular expression of " + std::to_string(expression.size()) + " bytes, expected at most " +
             std::to_string(kMaxExpression));
  }
  const std::string translated = to_pcre2(expression);
  const Owned<pcre2_compile_context> context(pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  std::size_t where = 0;
  pcre2_code* code = pcre2_compile(bytes_of(translated), translated.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &error, &where, context.get());
  if (code == nullptr) {
    fail(ErrorKind::BadInput, "load_tokenizer",
         "the regular expression '" + utf8_prefix(expression, 100) + "' does not compile: " + message_of(error));
  }
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where there is no JIT the interpreter runs
  Pattern made;
  made.source_ = expression;
  made.code_ = std::shared_ptr<const void>(
      code, [](const void* p) { pcre2_code_free(const_cast<pcre2_code*>(static_cast<const pcre2_code*>(p))); });
  return made;
}

std::vector<Range> Pattern::find(std::string_view text) const {
  if (code_ != nullptr) return find_regex(text);
  std::vector<Range> found;
  for (std::size_t at = text.find(source_); at != std::string_view::npos; at = text.find(source_, at)) {
    found.push_back({at, at + source_.size()});
    at += source_.size();
  }
  return found;
}

std::vector<Range> Pattern::find_regex(std::string_view text) const {
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  const Owned<pcre2_match_data> match_data(pcre2_match_data_create_from_pattern(code, nullptr), pcre2_match_data_free);
  const Owned<pcre2_match_context> context = bounded_context();
  std::vector<Range> found;
  for (std::size_t from = 0; from <= text.size();) {
    const int count = pcre2_match(code, bytes_of(text), text.size(), from, 0, match_data.get(), context.get());
    if (count == PCRE2_ERROR_NOMATCH) break;
    if (count < 0) {
      fail(ErrorKind::BadInput, "encode",
           "the tokenizer's regular expression '" + utf8_prefix(source_, 100) +
               "' gave up on this text: " + message_of(count));
    }
    const std::size_t* range = pcre2_get_ovector_pointer(match_data.get());
    const Range match{range[0], range[1]};
    if (match.begin == match.end && !found.empty() && found.back().end == match.end) {
      if (match.end >= text.size()) break;
      from = match.end + character_at(text, match.end).length;
      continue;
    }
    found.push_back(match);
    from = match.end;
  }
  return found;
}

const Pattern& gpt2_pattern() {
  static const Pattern pattern =
      Pattern::regex(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
  return pattern;
}

}  // namespace energy_lens
