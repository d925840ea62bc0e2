#include "energy_lens/model/formats/registry.h"

#include <array>
#include <fstream>

#include "energy_lens/core/error.h"
#include "energy_lens/io/mapped_file.h"

namespace energy_lens {

namespace fs = std::filesystem;

// safetensors has no magic number, only a brace after its length, so it comes last.
const std::vector<CheckpointFormat>& checkpoint_formats() {
  static const std::vector<CheckpointFormat> list = {torch_format(), gguf_format(), llama2c_format(),
                                                     safetensors_format()};
  return list;
}

const CheckpointFormat* format_of_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return nullptr;
  std::array<char, 64> bytes{};
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), bytes.size());
  const std::string_view head(bytes.data(), static_cast<std::size_t>(file.gcount()));
  for (const CheckpointFormat& format : checkpoint_formats()) {
    if (format.recognises(head)) return &format;
  }
  return nullptr;
}

const CheckpointFormat& known_format(const fs::path& path) {
  if (const CheckpointFormat* format = format_of_file(path)) return *format;
  MappedFile::open(path);  // says what is wrong with a file that cannot be read
  std::string known;
  for (const CheckpointFormat& format : checkpoint_formats()) {
    known += (known.empty() ? "" : ", ") + std::string(format.name);
  }
  fail(ErrorKind::BadInput, "load_model",
       path.string() + " is no checkpoint: its first bytes are of no known format, expected one of " + known);
}

}  // namespace energy_lens
