// weights_dump <out folder> <file> ...: every tensor of .pt and GGUF files, as they are stored, for scripts that
// compare them with other readers. For each file one line, "0" with <out folder>/<stem>.safetensors written, or the
// error's exit code and message; then "peak <kB>", the most memory that was resident.
#include <fstream>
#include <map>
#include <string>

#include "energy_lens/io/gguf.h"
#include "energy_lens/io/safetensors.h"
#include "energy_lens/io/torch_file.h"
#include "tests/support/each_file.h"

namespace {

using namespace energy_lens;
namespace fs = std::filesystem;

std::map<std::string, at::Tensor> read_gguf(const fs::path& path) {
  const GgufFile file(path);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : file.tensors()) {
    tensors[name] = at::empty(tensor.shape, tensor.type->dtype);
    file.read(name, tensors[name]);
  }
  return tensors;
}

std::map<std::string, at::Tensor> read_torch(const fs::path& path) {
  const TorchFile file(path);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : file.tensors()) {
    tensors[name] = at::empty(tensor.shape, tensor.dtype == at::kShort ? at::kInt : tensor.dtype);
    file.read(name, tensors[name]);
  }
  return tensors;
}

bool is_gguf(const fs::path& path) {
  std::string head(4, '\0');
  std::ifstream(path, std::ios::binary).read(head.data(), 4);
  return looks_like_gguf(head);
}

}  // namespace

int main(int argc, char** argv) {
  return energy_lens::testing::each_file(argc, argv, [&](const fs::path& path) {
    write_safetensors(fs::path(argv[1]) / fs::path(path.stem()).concat(".safetensors"),
                      is_gguf(path) ? read_gguf(path) : read_torch(path));
  });
}
