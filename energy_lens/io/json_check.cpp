#include "energy_lens/io/json_check.h"

#include <set>
#include <vector>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

constexpr int kMaxDepth = 200;

// The parser reports every key as it comes, which is the only moment a duplicate can be seen.
template <typename Value>
class StructureGuard {
 public:
  explicit StructureGuard(const std::string& what) : what_(what) {}

  using Event = typename Value::parse_event_t;
  bool operator()(int depth, Event event, Value& parsed) {
    if (event == Event::object_start || event == Event::array_start) {
      if (depth > kMaxDepth) fail(ErrorKind::BadInput, "read_json", what_ + " is nested deeper than 200 levels");
      if (event == Event::object_start) keys_.emplace_back();
    } else if (event == Event::object_end) {
      keys_.pop_back();
    } else if (event == Event::key && !keys_.back().insert(parsed.template get<std::string>()).second) {
      fail(ErrorKind::BadInput, "read_json", what_ + " has the key '" + parsed.template get<std::string>() + "' twice");
    }
    return true;
  }

 private:
  const std::string& what_;
  std::vector<std::set<std::string>> keys_;
};

template <typename Value>
Value parse(std::string_view text, const std::string& what) {
  if (!is_utf8(text)) fail(ErrorKind::BadInput, "read_json", what + " is not UTF-8");
  StructureGuard<Value> guard(what);
  try {
    return Value::parse(text, std::ref(guard));
  } catch (const Json::exception& error) {
    fail(ErrorKind::BadInput, "read_json", what + " is not JSON: " + error.what());
  }
}

}  // namespace

Json parse_json(std::string_view text, const std::string& what) { return parse<Json>(text, what); }

Json read_json(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return parse<Json>(read_file(path, max_bytes), path.string());
}

SortedJson read_sorted_json(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return parse<SortedJson>(read_file(path, max_bytes), path.string());
}

}  // namespace energy_lens
