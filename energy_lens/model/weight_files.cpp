#include "energy_lens/model/weight_files.h"

#include <algorithm>
#include <sstream>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/model/formats/registry.h"

namespace energy_lens {

namespace fs = std::filesystem;

namespace {

// In pieces, so that the check of a large tensor needs no second copy of it.
void check_finite(const at::Tensor& tensor, const std::string& what) {
  constexpr std::int64_t kPiece = 1 << 22;
  const at::Tensor flat = tensor.view({-1});
  for (std::int64_t begin = 0; begin < flat.numel(); begin += kPiece) {
    if (!at::isfinite(flat.narrow(0, begin, std::min(kPiece, flat.numel() - begin))).all().item<bool>()) {
      fail(ErrorKind::BadInput, "load_model", what + " holds NaN or Inf");
    }
  }
}

}  // namespace

WeightFiles::WeightFiles(fs::path what, fs::path config, std::vector<fs::path> paths, std::vector<std::string> prefixes)
    : what_(std::move(what)), config_(std::move(config)), paths_(std::move(paths)), prefixes_(std::move(prefixes)) {
  for (const fs::path& path : paths_) {
    files_.push_back(known_format(path).open(path));
    for (const auto& [name, tensor] : files_.back()->tensors()) {
      if (!file_of_.emplace(name, files_.back().get()).second) {
        fail(ErrorKind::BadInput, "load_model", what_.string() + " holds tensor '" + name + "' in two shards");
      }
    }
  }
}

std::string WeightFiles::stored_name(const std::string& name) const {
  for (const std::string& prefix : prefixes_) {
    if (file_of_.contains(prefix + name)) return prefix + name;
  }
  return "";
}

void WeightFiles::check(const std::string& name, at::IntArrayRef shape) const {
  const std::string stored = stored_name(name);
  if (stored.empty()) {
    fail(ErrorKind::BadInput, "load_model",
         what_.string() + " has no tensor '" + name + "', which " + config_.string() + " asks for");
  }
  const StoredTensor& tensor = file_of_.at(stored)->tensors().at(stored);
  if (shape != at::IntArrayRef(tensor.shape) || !at::isFloatingType(tensor.dtype)) {
    std::ostringstream message;
    message << what_.string() << " tensor '" << stored << "' got " << at::IntArrayRef(tensor.shape) << " "
            << at::toString(tensor.dtype) << ", expected " << shape << " floating, as " << config_.string() << " says";
    fail(ErrorKind::BadInput, "load_model", message.str());
  }
}

void WeightFiles::fill(const std::string& name, const at::Tensor& out) const {
  check(name, out.sizes());
  const std::string stored = stored_name(name);
  file_of_.at(stored)->read(stored, out);
  check_finite(out, what_.string() + " tensor '" + stored + "'");
  used_.insert(stored);
}

void WeightFiles::check_all_used(const std::vector<std::string>& ignored) const {
  for (const auto& [name, file] : file_of_) {
    const bool known = used_.contains(name) || std::ranges::any_of(ignored, [&name](const std::string& part) {
                         return name.find(part) != std::string::npos;
                       });
    if (!known) {
      fail(ErrorKind::BadInput, "load_model",
           what_.string() + " has tensor '" + name +
               "', which the architecture of its configuration does not have; the numbers would be wrong without it");
    }
  }
}

std::string WeightFiles::digest() const {
  if (paths_.size() == 1) return sha256_hex_of_file(paths_.front());
  std::string joined;
  for (const fs::path& path : paths_) joined += sha256_hex_of_file(path);
  return sha256_hex(joined);
}

}  // namespace energy_lens
