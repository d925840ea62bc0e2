// Tokenizers in the binary formats of SentencePiece (tokenizer.model) and llama2.c (tok512.bin).
#pragma once
#include <filesystem>

#include "energy_lens/tokenizer/pipeline.h"

namespace energy_lens {

// Text written like a control piece ("<s>") is plain text, as in SentencePiece.
// Errors: BadInput for a broken file and, by name, for what is not supported.
TokenizerParts read_sentencepiece(const std::filesystem::path& file);

// Errors: BadInput for a broken file.
TokenizerParts read_llama2c_tokenizer(const std::filesystem::path& file);

}  // namespace energy_lens
