// What torch.save writes (io/torch_file.h): pytorch_model.bin, .pt, .pth.
#include "energy_lens/io/torch_file.h"
#include "energy_lens/model/formats/registry.h"

namespace energy_lens {
namespace {

class TorchWeights : public CheckpointFile {
 public:
  explicit TorchWeights(const std::filesystem::path& path) : file_(path) {
    for (const auto& [name, tensor] : file_.tensors()) tensors_[name] = {tensor.dtype, tensor.shape};
  }
  const std::map<std::string, StoredTensor>& tensors() const override { return tensors_; }
  void read(const std::string& name, const at::Tensor& out) const override { file_.read(name, out); }

 private:
  TorchFile file_;
  std::map<std::string, StoredTensor> tensors_;
};

std::unique_ptr<CheckpointFile> open(const std::filesystem::path& path) { return std::make_unique<TorchWeights>(path); }

}  // namespace

CheckpointFormat torch_format() { return {"PyTorch", looks_like_torch, open, nullptr}; }

}  // namespace energy_lens
