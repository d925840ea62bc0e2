#include "energy_lens/io/json_check.h"

#include <set>
#include <vector>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

constexpr int kMaxDepth = 200;

// The parser reports every key as it comes, which is the only moment a duplicate can be seen.
class StructureGuard {
 public:
  explicit StructureGuard(const std::string& what) : what_(what) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start) {
      if (depth > kMaxDepth) fail(ErrorKind::BadInput, "read_json", what_ + " is nested deeper than 200 levels");
      if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys_.pop_back();
    } else if (event == Json::parse_event_t::key && !keys_.back().insert(parsed.get<std::string>()).second) {
      fail(ErrorKind::BadInput, "read_json", what_ + " has the key '" + parsed.get<std::string>() + "' twice");
    }
    return true;
  }

 private:
  const std::string& what_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& what) {
  if (!is_utf8(text)) fail(ErrorKind::BadInput, "read_json", what + " is not UTF-8");
  StructureGuard guard(what);
  try {
    return Json::parse(text, std::ref(guard));
  } catch (const Json::exception& error) {
    fail(ErrorKind::BadInput, "read_json", what + " is not JSON: " + error.what());
  }
}

Json read_json(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return parse_json(read_file(path, max_bytes), path.string());
}

}  // namespace energy_lens
