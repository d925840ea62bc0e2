#include "energy_lens/io/shard_index.h"

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"

namespace energy_lens {
namespace {

bool is_plain_file_name(const std::string& name) {
  if (name.empty() || name.size() > 255 || name.front() == '.') return false;
  for (const char c : name) {
    if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20) return false;
  }
  return true;
}

}  // namespace

std::map<std::string, std::string> read_shard_index(const std::filesystem::path& path) {
  const Json index = read_json(path);
  if (!index.is_object() || !index.contains("weight_map") || !index.at("weight_map").is_object() ||
      index.at("weight_map").empty()) {
    fail(ErrorKind::BadInput, "load_model", path.string() + " has no \"weight_map\" object that names files");
  }
  std::map<std::string, std::string> file_of;
  for (const auto& item : index.at("weight_map").items()) {
    const std::string name = item.value().is_string() ? item.value().get<std::string>() : "";
    if (!is_plain_file_name(name)) {
      fail(ErrorKind::BadInput, "load_model",
           path.string() + " maps '" + item.key() + "' to " + item.value().dump() +
               ", expected a file of its own folder");
    }
    file_of.emplace(item.key(), name);
  }
  return file_of;
}

}  // namespace energy_lens
