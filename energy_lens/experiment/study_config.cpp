#include "energy_lens/experiment/study_config.h"

#include <set>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

struct RangeCheck {
  void operator()(const char*, const std::string&, const char*) const {}
  void operator()(const char* name, const std::vector<std::int64_t>& values, const char*) const {
    if (values.empty()) fail(ErrorKind::Usage, "study", std::string("--") + name + " is empty, expected at least one");
    if (std::set<std::int64_t>(values.begin(), values.end()).size() != values.size()) {
      fail(ErrorKind::Usage, "study", std::string("--") + name + " names a value twice");
    }
  }
  void operator()(const char* name, std::int64_t value, const char*, std::int64_t low, std::int64_t high) const {
    if (value >= low && value <= high) return;
    fail(ErrorKind::Usage, "study",
         std::string("--") + name + " got " + std::to_string(value) + ", expected " + std::to_string(low) + " to " +
             std::to_string(high));
  }
};

struct Writer {
  Json& json;
  template <class Value, class... Range>
  void operator()(const char* name, const Value& value, const char*, Range...) const {
    json[name] = value;
  }
};

struct Reader {
  const Json& json;
  std::set<std::string>& known;
  template <class Value, class... Range>
  void operator()(const char* name, Value& value, const char*, Range...) const {
    known.insert(name);
    if (!json.contains(name)) return;
    try {
      value = json.at(name).get<Value>();
    } catch (const Json::exception&) {
      fail(ErrorKind::Usage, "config",
           std::string("parameter ") + name + " got " + json.at(name).dump() + ", which has the wrong type");
    }
  }
};

void check_choice(const char* name, const std::string& value, const std::set<std::string>& choices) {
  if (choices.contains(value)) return;
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "" : " or ") + choice;
  fail(ErrorKind::Usage, "study", std::string("--") + name + " got '" + value + "', expected " + list);
}

}  // namespace

void check_config(const StudyConfig& config) {
  visit_fields(config, RangeCheck{});
  check_choice("dtype", config.dtype, {"float32", "bfloat16"});
  check_choice("lens", config.lens, {"logit"});
  if (config.corpus.empty()) {
    fail(ErrorKind::Usage, "study", "--corpus is missing, expected a .jsonl or .txt file or a folder of them");
  }
  if (config.active > config.atoms) fail(ErrorKind::Usage, "study", "--active is larger than --atoms");
}

Json config_to_json(const StudyConfig& config) {
  Json json = Json::object();
  visit_fields(config, Writer{json});
  return json;
}

void apply_config_json(StudyConfig& config, const Json& json) {
  if (!json.is_object()) fail(ErrorKind::Usage, "config", "expected a JSON object of parameters");
  std::set<std::string> known;
  visit_fields(config, Reader{json, known});
  for (const auto& item : json.items()) {
    if (!known.contains(item.key())) fail(ErrorKind::Usage, "config", "unknown parameter '" + item.key() + "'");
  }
}

const std::vector<std::string>& default_texts() {
  static const std::vector<std::string> texts = {
      R"(The regex \d+ matches numbers in text strings effectively.)",
      R"(def parse_data(x): return x.strip().split(',') if x else [])",
      "The quick brown fox jumps over the lazy sleeping dog.",
      "The derivative of x squared equals two times x by power rule.",
      "Neural networks use backpropagation to optimize loss functions.",
  };
  return texts;
}

}  // namespace energy_lens
