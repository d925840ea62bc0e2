#include "energy_lens/model/weight_files.h"

#include <algorithm>
#include <sstream>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/io/shard_index.h"

namespace energy_lens {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kPiece = 1 << 22;

}  // namespace

WeightFiles::WeightFiles(const fs::path& folder, std::vector<std::string> prefixes)
    : folder_(folder), prefixes_(std::move(prefixes)) {
  const fs::path single = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(single, ignored))) {
    files_.emplace(single.filename(), SafetensorsFile::open(single));
  } else if (fs::exists(index, ignored)) {
    open_shards(index);
  } else {
    fail(ErrorKind::NotFound, "load_model",
         folder.string() + " has neither model.safetensors nor model.safetensors.index.json");
  }
  for (const auto& [name, file] : files_) {
    for (const auto& [tensor, info] : file.tensors()) {
      if (!file_of_.emplace(tensor, name).second) {
        fail(ErrorKind::BadInput, "load_model", folder.string() + " holds tensor '" + tensor + "' in two shards");
      }
    }
  }
}

void WeightFiles::open_shards(const fs::path& index) {
  for (const auto& [tensor, name] : read_shard_index(index)) {
    if (!files_.contains(name)) files_.emplace(name, SafetensorsFile::open(folder_ / name));
  }
}

std::string WeightFiles::stored_name(const std::string& name) const {
  for (const std::string& prefix : prefixes_) {
    if (file_of_.contains(prefix + name)) return prefix + name;
  }
  return "";
}

void WeightFiles::fill(const std::string& name, const at::Tensor& out) const {
  const std::string stored = stored_name(name);
  if (stored.empty()) {
    fail(ErrorKind::BadInput, "load_model", folder_.string() + " has no tensor '" + name + "'");
  }
  const SafetensorsFile& file = files_.at(file_of_.at(stored));
  const at::Tensor view = file.view(stored);
  if (view.sizes() != out.sizes() || !at::isFloatingType(view.scalar_type())) {
    std::ostringstream message;
    message << folder_.string() << " tensor '" << stored << "' got " << view.sizes() << " "
            << at::toString(view.scalar_type()) << ", expected " << out.sizes() << " floating, as config.json says";
    fail(ErrorKind::BadInput, "load_model", message.str());
  }
  // In pieces, so that a check of a large tensor needs no second copy of it.
  const at::Tensor from = view.reshape({-1}), to = out.view({-1});
  for (std::int64_t begin = 0; begin < to.numel(); begin += kPiece) {
    const std::int64_t size = std::min(kPiece, to.numel() - begin);
    const at::Tensor piece = to.narrow(0, begin, size);
    piece.copy_(from.narrow(0, begin, size));
    if (!at::isfinite(piece).all().item<bool>()) {
      fail(ErrorKind::BadInput, "load_model", folder_.string() + " tensor '" + stored + "' holds NaN or Inf");
    }
  }
  used_.insert(stored);
}

void WeightFiles::check_all_used(const std::vector<std::string>& ignored) const {
  for (const auto& [name, file] : file_of_) {
    const bool known = used_.contains(name) || std::ranges::any_of(ignored, [&name](const std::string& part) {
                         return name.find(part) != std::string::npos;
                       });
    if (!known) {
      fail(ErrorKind::BadInput, "load_model",
           folder_.string() + " has tensor '" + name +
               "', which the architecture of its config.json does not have; the numbers would be wrong without it");
    }
  }
}

std::string WeightFiles::digest() const {
  if (files_.size() == 1) return sha256_hex_of_file(folder_ / files_.begin()->first);
  std::string joined;
  for (const auto& [name, file] : files_) joined += sha256_hex_of_file(folder_ / name);
  return sha256_hex(joined);
}

}  // namespace energy_lens
