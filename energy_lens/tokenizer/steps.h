// A part of tokenizer.json that is one step or a "Sequence" of steps, each with a "type" out of one list.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "energy_lens/io/utf8.h"
#include "energy_lens/tokenizer/json_fields.h"

namespace energy_lens {

constexpr std::size_t kMaxSteps = 64;  // no tokenizer has a tenth of it; more only costs time

template <typename Step>
struct StepType {
  const char* name;
  std::unique_ptr<Step> (*read)(const JsonFields& fields);
};

template <typename Step>
using Steps = std::vector<std::unique_ptr<Step>>;

// Appends what `json` describes; null is no step. `part` names it in messages ("normalizer"), and its plural names the
// members of a sequence. Errors: BadInput for a type that is not in `types`, naming it, and for too many steps.
template <typename Step>
void read_steps(const SortedJson& json, const std::string& part, const char* members,
                std::span<const StepType<Step>> types, Steps<Step>& steps) {
  if (json.is_null()) return;
  const std::string type = JsonFields(json, part).type();
  const JsonFields fields(json, part + " " + utf8_prefix(type, 100));
  if (type == "Sequence") {
    for (const SortedJson& member : fields.list(members)) read_steps(member, part, members, types, steps);
    return;
  }
  if (steps.size() == kMaxSteps) fields.refuse("has more than " + std::to_string(kMaxSteps) + " steps");
  for (const StepType<Step>& known : types) {
    if (type == known.name) return steps.push_back(known.read(fields));
  }
  std::string names = "Sequence";
  for (const StepType<Step>& known : types) names += std::string(", ") + known.name;
  fields.refuse("is not supported; supported are " + names);
}

}  // namespace energy_lens
