// open_main <kind> <path> ...: opens models ("model", a forward pass of three tokens) or tokenizers ("tokenizer", a
// text encoded), for scripts that damage files. For each path one line, "0" or the error's exit code and message; then
// "peak <kB>", the most memory that was resident.
#include <cstring>

#include "energy_lens/model/model.h"
#include "energy_lens/tokenizer/tokenizer.h"
#include "tests/support/each_file.h"

namespace {

using namespace energy_lens;

void open_model(const char* path) { load_model(path)->forward(pad_right({{1, 0, 1}})); }

void open_tokenizer(const char* path) {
  const auto tokenizer = load_tokenizer(path);
  tokenizer->decode(tokenizer->encode("Once upon a time,  \xC3\xA9\xF0\x9F\x98\x80 1234\n<s>").ids);
}

}  // namespace

int main(int argc, char** argv) {
  return energy_lens::testing::each_file(argc, argv, std::strcmp(argv[1], "model") == 0 ? open_model : open_tokenizer);
}
