// The model and tokenizer that a run asks for, loaded and checked against each other.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "energy_lens/model/model.h"
#include "energy_lens/tokenizer/tokenizer.h"

namespace energy_lens {

struct ModelChoice {
  std::string model;      // folder or file
  std::string tokenizer;  // folder or file; "" for the model's own
  std::string dtype = "float32";
  std::string device = "cpu";
  std::int64_t random_weights = -1;  // seed of drawn weights; -1: the model's own
};

struct ChosenModel {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
};

// Errors: those of load_model and load_tokenizer; BadInput where the tokenizer has ids that the model lacks.
ChosenModel load_chosen(const ModelChoice& choice);

LoadOptions load_options(const ModelChoice& choice);
at::ScalarType parse_dtype(const std::string& name);

}  // namespace energy_lens
