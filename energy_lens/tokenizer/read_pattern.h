// Fields that several parts of tokenizer.json share: {"pattern": {"String"|"Regex": "..."}} and short texts.
#pragma once
#include <string>

#include "energy_lens/tokenizer/json_fields.h"
#include "energy_lens/tokenizer/pattern.h"

namespace energy_lens {

Pattern read_pattern(const JsonFields& fields);

// A text put in for something. Errors: BadInput when longer than 1024 bytes.
std::string read_content(const JsonFields& fields, const char* name);

}  // namespace energy_lens
