// Errors of the library. Two families (and nothing else is thrown on purpose):
//   * Error: the caller's fault or the world's (bad file, no memory, interrupted). Its message starts with the
//     operation's name: "[load_tokenizer] got ..., expected ...". The kind decides the command's exit code.
//   * EL_ASSERT: our own bug; throws Error of kind Internal naming file and line.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace energy_lens {

// The numeric values are the exit codes of the command line.
enum class ErrorKind { Usage = 2, BadInput = 3, NotFound = 4, Resource = 5, Internal = 70, Interrupted = 130 };

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// Throws Error{kind, "[operation] message"}.
[[noreturn]] void fail(ErrorKind kind, std::string_view operation, std::string_view message);

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace energy_lens

#define EL_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::energy_lens::assertion_failed(#condition, __FILE__, __LINE__))
