// The options that say which model a command works on.
#pragma once
#include <CLI/CLI.hpp>

#include "energy_lens/experiment/model_choice.h"

namespace energy_lens::cli {

inline void add_model_options(CLI::App& command, ModelChoice& choice) {
  command.add_option("--model", choice.model,
                     "model folder or file, or hub id such as openai-community/gpt2 (default: the embedded demo model)");
  command.add_option("--tokenizer", choice.tokenizer, "tokenizer folder or file (default: the model's own)");
  command.add_option("--dtype", choice.dtype, "float32 or bfloat16")
      ->check(CLI::IsMember({"float32", "bfloat16"}))
      ->capture_default_str();
  command.add_option("--device", choice.device, "where the forward pass runs: cpu, cuda, cuda:<number>, mps or auto")
      ->capture_default_str();
  command.add_option("--random-weights", choice.random_weights, "seed of drawn weights; -1 uses the model's own")
      ->check(CLI::Range(std::int64_t{-1}, INT64_MAX))
      ->capture_default_str();
}

}  // namespace energy_lens::cli
