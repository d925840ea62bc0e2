// What results say about a model.
#pragma once
#include <string>

#include "energy_lens/experiment/model_choice.h"
#include "energy_lens/io/file.h"

namespace energy_lens {

// The model of a result: name (the last part of `path`), family, digest, n_layers, d_model, d_vocab, n_parameters.
Json model_summary(const Model& model, const std::string& path);

// All sizes of a model and the memory it needs in choice.dtype, from its configuration alone: "model" of
// `energy-lens doctor` and `energy-lens model info`. Errors: those of model_size.
Json describe_model(const ModelConfig& config, const ModelChoice& choice);

// Adds the digest of its weight files to the description of a model that is not loaded. Reads the files' headers, and
// every byte once. Errors: NotFound (no weights), BadInput (malformed).
Json describe_model_files(const ModelChoice& choice);

}  // namespace energy_lens
