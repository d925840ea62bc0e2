// Tokenizers in the JSON formats of Hugging Face.
#pragma once
#include <filesystem>

#include "energy_lens/tokenizer/pipeline.h"

namespace energy_lens {

// Errors: BadInput for a broken file and, by name, for what is not supported.
TokenizerParts read_tokenizer_json(const std::filesystem::path& file);

// vocab.json and, beside it, merges.txt: GPT-2's byte-level BPE. Errors: BadInput.
TokenizerParts read_vocabulary_and_merges(const std::filesystem::path& vocabulary_file);

// Beginning and end of text, from tokenizer_config.json and special_tokens_map.json in `folder`; either may be absent.
// Errors: BadInput for files that are not JSON objects.
void read_special_tokens(const std::filesystem::path& folder, TokenizerParts& parts);

}  // namespace energy_lens
