// safetensors (io/safetensors.h), the usual format of Hugging Face's checkpoints.
#include "energy_lens/io/safetensors.h"
#include "energy_lens/model/formats/registry.h"

namespace energy_lens {
namespace {

class SafetensorsWeights : public CheckpointFile {
 public:
  explicit SafetensorsWeights(const std::filesystem::path& path) : file_(SafetensorsFile::open(path)) {
    for (const auto& [name, info] : file_.tensors()) tensors_[name] = {info.dtype, info.shape};
  }
  const std::map<std::string, StoredTensor>& tensors() const override { return tensors_; }
  void read(const std::string& name, const at::Tensor& out) const override { file_.read(name, out); }

 private:
  SafetensorsFile file_;
  std::map<std::string, StoredTensor> tensors_;
};

bool recognises(std::string_view head) { return head.size() > 8 && head[8] == '{'; }

std::unique_ptr<CheckpointFile> open(const std::filesystem::path& path) {
  return std::make_unique<SafetensorsWeights>(path);
}

}  // namespace

CheckpointFormat safetensors_format() { return {"safetensors", recognises, open, nullptr}; }

}  // namespace energy_lens
