// open_main <kind> <path> ...: opens models ("model", a forward pass of three tokens) or tokenizers ("tokenizer", a
// text encoded), for scripts that damage files. For each path one line, "0" or the error's exit code and message; then
// "peak <kB>", the most memory that was resident.
#include <cstdio>
#include <cstring>
#include <fstream>

#include "energy_lens/core/error.h"
#include "energy_lens/model/model.h"
#include "energy_lens/tokenizer/tokenizer.h"

namespace {

using namespace energy_lens;

void open_model(const char* path) { load_model(path)->forward(pad_right({{1, 0, 1}})); }

void open_tokenizer(const char* path) {
  const auto tokenizer = load_tokenizer(path);
  tokenizer->decode(tokenizer->encode("Once upon a time,  \xC3\xA9\xF0\x9F\x98\x80 1234\n<s>").ids);
}

// Not getrusage(), which counts the parent's memory at the time it started us.
long peak_kilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  }
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    try {
      (std::strcmp(argv[1], "model") == 0 ? open_model : open_tokenizer)(argv[i]);
      std::printf("0\n");
    } catch (const Error& error) {
      std::printf("%d %s\n", static_cast<int>(error.kind()), error.what());
    }
    std::fflush(stdout);
  }
  std::printf("peak %ld\n", peak_kilobytes());
  return 0;
}
