#include "energy_lens/model/checkpoint.h"

#include <set>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/io/shard_index.h"
#include "energy_lens/model/weight_files.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExpected =
    ", expected a model's folder, with config.json, weights and a tokenizer, or a file of weights with config.json "
    "beside it (GGUF and llama2.c files need none)";
constexpr std::string_view kIndexEnding = ".index.json";

std::vector<fs::path> files_of_index(const fs::path& index) {
  std::set<std::string> names;
  for (const auto& [tensor, name] : read_shard_index(index)) names.insert(name);
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const std::string& name : names) {
    files.push_back(index.parent_path() / name);
    if (!fs::exists(fs::symlink_status(files.back(), ignored))) {
      fail(ErrorKind::BadInput, "load_model",
           index.string() + " names shard '" + name + "', which is not beside it; fetch the model again");
    }
  }
  return files;
}

std::vector<fs::path> only_file(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored) && format_of_file(entry.path()) != nullptr) found.push_back(entry.path());
  }
  if (found.size() > 1) {
    fail(ErrorKind::BadInput, "load_model",
         folder.string() + " holds " + found[0].filename().string() + " and " + found[1].filename().string() +
             ", expected one file of weights; give the path of the one you mean");
  }
  return found;
}

std::vector<fs::path> weight_files(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    return path.string().ends_with(kIndexEnding) ? files_of_index(path) : std::vector{path};
  }
  for (const WeightFile& file : kWeightFiles) {
    // A link that leads nowhere is there too, and is then reported.
    if (fs::exists(fs::symlink_status(path / file.name, ignored))) return weight_files(path / file.name);
  }
  return only_file(path);
}

}  // namespace

Checkpoint::Checkpoint(const fs::path& path) : path_(path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    fail(kind_of_missing(path), "load_model",
         path.string() + " does not exist, or is a link that leads nowhere" + kExpected);
  }
  const bool is_folder = fs::is_directory(path, ignored);
  folder_ = is_folder ? path : path.parent_path();
  files_ = weight_files(path);
  if (files_.empty()) return;
  // A folder may be asked for its config.json alone.
  format_ = is_folder ? format_of_file(files_.front()) : &known_format(files_.front());
}

fs::path Checkpoint::config_path() const { return describes_itself() ? files_.front() : folder_ / "config.json"; }

Json Checkpoint::config() const {
  if (describes_itself()) return format_->config(files_.front());
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(config_path(), ignored))) {
    fail(kind_of_missing(path_), "load_model",
         path_.string() + " has no config.json" + (folder_ == path_ ? "" : " beside it") + kExpected);
  }
  return read_json(config_path(), 16u << 20);
}

std::unique_ptr<WeightSource> Checkpoint::weights(std::vector<std::string> prefixes) const {
  if (files_.empty()) {
    std::string names;
    for (const WeightFile& file : kWeightFiles) names += std::string(file.name) + ", ";
    fail(kind_of_missing(path_), "load_model",
         path_.string() + " has no weights: none of " + names + "and no other checkpoint");
  }
  return std::make_unique<WeightFiles>(path_, config_path(), files_, std::move(prefixes));
}

}  // namespace energy_lens
