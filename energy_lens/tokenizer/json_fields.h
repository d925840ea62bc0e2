// One object of a tokenizer's JSON, read strictly: a field of another type than expected is refused by name.
#pragma once
#include <string>

#include "energy_lens/io/json_check.h"

namespace energy_lens {

class JsonFields {
 public:
  // `what` names the object in messages ("normalizer"). The object must outlive this. Errors: BadInput when not one.
  JsonFields(const SortedJson& object, std::string what);

  [[noreturn]] void refuse(const std::string& why) const;  // BadInput
  bool has(const char* name) const;                        // present and not null
  const SortedJson& at(const char* name) const;            // errors: BadInput when absent
  std::string text(const char* name) const;
  std::string text_or(const char* name, const std::string& fallback) const;
  bool flag(const char* name, bool fallback) const;
  const SortedJson& list(const char* name) const;
  std::string type() const { return text("type"); }

 private:
  const SortedJson& object_;
  std::string what_;
};

}  // namespace energy_lens
