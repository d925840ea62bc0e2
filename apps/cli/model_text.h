// A model's description for a person to read.
#pragma once
#include <string>

#include "energy_lens/io/file.h"

namespace energy_lens::cli {

// "  name          value\n": one line of a block.
std::string line(const char* name, const std::string& value);

// A text as it is, anything else as JSON writes it.
std::string text_of(const Json& value);

std::string gigabytes(const Json& bytes);

// model: as describe_model() makes it, with its digest.
std::string model_in_words(const Json& model);

}  // namespace energy_lens::cli
