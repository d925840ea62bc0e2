#include "energy_lens/experiment/kept_parts.h"

#include "energy_lens/core/error.h"
#include "energy_lens/dictionary/omp_dictionary.h"

namespace energy_lens {

namespace fs = std::filesystem;

namespace {

bool has_key(const fs::path& file, const std::string& key) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) && read_file(file) == key;
}

}  // namespace

// "out/demo/" and "out/demo" are one folder.
fs::path parts_folder(const fs::path& out) {
  fs::path folder = fs::absolute(out).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  folder += ".unfinished";
  return folder;
}

KeptParts::KeptParts(const fs::path& out, const std::string& key) : folder_(parts_folder(out)), key_(key) {
  std::error_code problem;
  if (fs::exists(out, problem) && !fs::is_directory(out, problem)) {
    fail(ErrorKind::BadInput, "study", "got the file " + out.string() + " as --out, expected a folder or a new name");
  }
  if (has_key(folder_ / "key", key) || !fs::exists(fs::symlink_status(folder_, problem))) return;
  if (!fs::is_regular_file(folder_ / "key", problem)) {
    fail(ErrorKind::BadInput, "study",
         "got a file or folder " + folder_.string() + " that no study left, expected none; move it away");
  }
  fail(
      ErrorKind::BadInput, "study",
      "got " + folder_.string() +
          ", finished parts of a stopped study with other parameters, model, texts or version; run that study again to "
          "go on with it, remove the folder, or choose another --out");
}

// The key comes first: without it nothing that is kept is ever read.
fs::path KeptParts::place(const std::string& name) const {
  std::error_code ignored;
  if (!fs::exists(folder_ / "key", ignored)) write_file(folder_ / "key", key_);
  return folder_ / name;
}

Json KeptParts::section(const std::string& name, const std::function<Json()>& make) const {
  std::error_code ignored;
  if (!fs::exists(folder_ / (name + ".json"), ignored)) {
    const std::string made = make().dump();
    write_file(place(name + ".json"), made);
  }
  return Json::parse(read_file(folder_ / (name + ".json")));
}

LayerDictionaries KeptParts::dictionaries(std::size_t layers, const std::function<LayerDictionaries()>& make) const {
  const auto name = [](std::size_t i) { return "dictionary." + std::to_string(i) + ".safetensors"; };
  const std::string complete = "dictionaries";
  std::error_code ignored;
  LayerDictionaries dictionaries;
  if (fs::exists(folder_ / complete, ignored)) {
    for (std::size_t i = 0; i < layers; ++i) dictionaries.push_back(load_dictionary(folder_ / name(i)));
    return dictionaries;
  }
  dictionaries = make();
  for (std::size_t i = 0; i < layers; ++i) save_dictionary(place(name(i)), *dictionaries[i]);
  write_file(place(complete), "");
  return dictionaries;
}

void KeptParts::finish() const {
  std::error_code ignored;  // the study is written; what stays is deleted by the next one
  fs::remove_all(folder_, ignored);
}

}  // namespace energy_lens
