#include "energy_lens/experiment/kept_parts.h"

#include "energy_lens/core/error.h"
#include "energy_lens/dictionary/omp_dictionary.h"

namespace energy_lens {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDictionariesComplete = "dictionaries";  // written after the last of them

bool has_key(const fs::path& file, const std::string& key) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) && read_file(file) == key;
}

}  // namespace

std::string interventions_part(std::size_t i) { return "interventions." + std::to_string(i); }

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

bool KeptParts::has(const std::string& file) const {
  std::error_code ignored;
  return fs::exists(folder_ / file, ignored);
}

std::string KeptParts::found(const std::vector<std::int64_t>& layers) const {
  std::string words;
  const auto add = [&](const std::string& file, const std::string& what) {
    if (has(file)) words += (words.empty() ? "" : ", ") + what;
  };
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string layer = " of layer " + std::to_string(layers[i]);
    add(kDictionariesComplete, "dictionary" + layer);
    add(interventions_part(i) + ".json", "interventions" + layer);
  }
  add(kAttractorsPart + std::string(".json"), kAttractorsPart);
  return words.empty() ? "" : words + " found in " + folder_.string();
}

// The key comes first: without it nothing that is kept is ever read.
fs::path KeptParts::place(const std::string& name) const {
  if (!has("key")) write_file(folder_ / "key", key_);
  return folder_ / name;
}

Json KeptParts::section(const std::string& name, const std::function<Json()>& make) const {
  if (!has(name + ".json")) {
    const std::string made = make().dump();
    write_file(place(name + ".json"), made);
  }
  return Json::parse(read_file(folder_ / (name + ".json")));
}

LayerDictionaries KeptParts::dictionaries(std::size_t layers, const std::function<LayerDictionaries()>& make) const {
  const auto name = [](std::size_t i) { return "dictionary." + std::to_string(i) + ".safetensors"; };
  LayerDictionaries dictionaries;
  if (has(kDictionariesComplete)) {
    for (std::size_t i = 0; i < layers; ++i) dictionaries.push_back(load_dictionary(folder_ / name(i)));
    return dictionaries;
  }
  dictionaries = make();
  for (std::size_t i = 0; i < layers; ++i) save_dictionary(place(name(i)), *dictionaries[i]);
  write_file(place(kDictionariesComplete), "");
  return dictionaries;
}

void KeptParts::finish() const {
  std::error_code ignored;  // the study is written; what stays is deleted by the next one
  fs::remove_all(folder_, ignored);
}

}  // namespace energy_lens
