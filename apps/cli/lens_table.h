// The lens's result as a table for a person to read.
#pragma once
#include <string>

#include "energy_lens/io/file.h"
#include "energy_lens/tokenizer/tokenizer.h"

namespace energy_lens::cli {

// result: as run_lens() returns it; tokenizer: the one that it used. A text is a block of one row a token, with five of
// its layers at most. Control characters of the texts come out as escapes, for a terminal would obey them.
std::string lens_table(const Json& result, const Tokenizer& tokenizer);

}  // namespace energy_lens::cli
