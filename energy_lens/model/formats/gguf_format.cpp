// GGUF (io/gguf.h): tensors under llama.cpp's names, the model's sizes in the metadata.
#include <algorithm>
#include <array>

#include "energy_lens/core/error.h"
#include "energy_lens/model/formats/gguf_architecture.h"
#include "energy_lens/model/formats/registry.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

// Tensors that the configuration has read.
constexpr auto kRotaryFactors =
    std::to_array<std::string_view>({"rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"});

Json config_of(const GgufFile& file) {
  const GgufArchitecture& architecture = gguf_architecture(file);
  const GgufConfig metadata(file, std::string(architecture.name));
  Json config = architecture.config(metadata);
  metadata.check_all_used();
  return config;
}

struct Placed {
  std::string stored;
  const GgufTensorName* name = nullptr;  // null: a name the architecture does not have
};

// "blk.3.attn_q.weight": block 3's "attn_q" and ".weight".
struct SplitName {
  std::string block, stem, suffix;
};

SplitName split(const std::string& stored) {
  const std::size_t dot = stored.rfind('.');
  SplitName parts;
  parts.suffix = dot == std::string::npos ? "" : stored.substr(dot);
  parts.stem = stored.substr(0, dot);
  if (parts.stem.starts_with("blk.")) {
    const std::size_t end = parts.stem.find('.', 4);
    if (end != std::string::npos) {
      parts.block = parts.stem.substr(4, end - 3);  // "3."
      parts.stem.erase(0, end + 1);
    }
  }
  return parts;
}

class GgufWeights : public CheckpointFile {
 public:
  explicit GgufWeights(const fs::path& path)
      : file_(path), architecture_(gguf_architecture(file_)), config_(config_of(file_)) {
    for (const auto& [stored, tensor] : file_.tensors()) {
      if (std::ranges::find(kRotaryFactors, stored) == kRotaryFactors.end()) add(stored, tensor);
    }
  }
  const std::map<std::string, StoredTensor>& tensors() const override { return tensors_; }

  void read(const std::string& name, const at::Tensor& out) const override {
    const Placed& placed = placed_.at(name);
    if (placed.name == nullptr || (placed.name->place == nullptr && !is_transposed(placed))) {
      return file_.read(placed.stored, out);
    }
    const at::Tensor stored = at::empty(file_.tensors().at(placed.stored).shape, out.scalar_type());
    file_.read(placed.stored, stored);
    if (is_transposed(placed)) {
      out.copy_(stored.t());
    } else {
      placed.name->place(stored, out, config_);
    }
  }

 private:
  bool is_transposed(const Placed& placed) const {
    return placed.name != nullptr && placed.name->transposed && file_.tensors().at(placed.stored).shape.size() == 2;
  }
  void add(const std::string& stored, const GgufTensor& tensor) {
    const SplitName parts = split(stored);
    const auto& names = parts.block.empty() ? architecture_.whole : architecture_.block;
    const auto found = std::ranges::find(names, parts.stem, &GgufTensorName::stored);
    const Placed placed{stored, found == names.end() ? nullptr : &*found};
    std::string ours = stored;
    if (placed.name != nullptr) {
      const std::string prefix = parts.block.empty() ? "" : std::string(architecture_.block_prefix) + parts.block;
      ours = prefix + std::string(placed.name->ours) + parts.suffix;
    }
    std::vector<std::int64_t> shape = tensor.shape;
    if (is_transposed(placed)) std::ranges::reverse(shape);
    if (!placed_.emplace(ours, placed).second) {
      fail(ErrorKind::BadInput, "gguf", file_.path().string() + " holds '" + ours + "' under two names");
    }
    tensors_[ours] = {tensor.type->dtype, std::move(shape)};
  }

  GgufFile file_;
  const GgufArchitecture& architecture_;
  Json config_;
  std::map<std::string, StoredTensor> tensors_;
  std::map<std::string, Placed> placed_;
};

std::unique_ptr<CheckpointFile> open(const fs::path& path) { return std::make_unique<GgufWeights>(path); }

Json config(const fs::path& path) { return config_of(GgufFile(path)); }

}  // namespace

CheckpointFormat gguf_format() { return {"GGUF", looks_like_gguf, open, config}; }

}  // namespace energy_lens
