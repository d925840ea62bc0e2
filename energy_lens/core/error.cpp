#include "energy_lens/core/error.h"

namespace energy_lens {

void fail(ErrorKind kind, std::string_view operation, std::string_view message) {
  throw Error(kind, "[" + std::string(operation) + "] " + std::string(message));
}

void assertion_failed(const char* condition, const char* file, int line) {
  fail(ErrorKind::Internal, "assert",
       std::string(condition) + " does not hold at " + file + ":" + std::to_string(line) +
           "; this is a bug of Energy-Lens");
}

}  // namespace energy_lens
