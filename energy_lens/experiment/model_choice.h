// The model and tokenizer that a run asks for, loaded and checked against each other.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "energy_lens/model/model.h"
#include "energy_lens/tokenizer/tokenizer.h"

namespace energy_lens {

struct ModelChoice {
  std::string model;      // folder or file; "" is the embedded demo model, which the caller resolves
  std::string tokenizer;  // folder or file; "" for the one in the model's folder, or beside its file
  std::string dtype = "float32";
  std::string device = "cpu";
  std::int64_t random_weights = -1;  // seed of drawn weights; -1: the model's own
};

// The parameters every configuration that has a model shares; see config_fields.h.
template <class Config, class Visitor>
void visit_model_fields(Config& c, Visitor&& visit) {
  visit(
      "model", c.model,
      "model folder or file, or hub id [ORG/]NAME[@REVISION] such as openai-community/gpt2 (default: the embedded demo "
      "model)");
  visit("tokenizer", c.tokenizer, "tokenizer folder or file (default: the model's own)");
  visit("device", c.device, "where the forward pass runs: cpu, cuda, cuda:<number>, mps or auto");
  visit("dtype", c.dtype, "weights and products: float32 or bfloat16");
  visit("random-weights", c.random_weights, "seed of drawn weights, a control; -1 uses the model's own", -1, INT64_MAX);
}

// Errors: Usage (a dtype that is neither).
void check_model_fields(const char* operation, const ModelChoice& choice);

struct ChosenModel {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
};

// The tokenizer alone. Errors: those of load_tokenizer.
std::unique_ptr<Tokenizer> load_chosen_tokenizer(const ModelChoice& choice);

// Errors: those of load_model and load_tokenizer; BadInput where the tokenizer's own vocabulary has ids
// that the model lacks (added tokens may: they cannot be run).
ChosenModel load_chosen(const ModelChoice& choice);

// What may follow --layers where a model's last layer is `last`, for a message.
std::string layers_in_words(std::int64_t last);

// Asked-for layers, or 0..L when none are named. Errors: Usage naming the layers of the model.
std::vector<std::int64_t> chosen_layers(const char* operation, const Model& model,
                                        const std::vector<std::int64_t>& asked);

LoadOptions load_options(const ModelChoice& choice);
// The devices that choice.device stands for on this machine, "cuda:0, cuda:1". Errors: those of devices_named.
std::string devices_used(const ModelChoice& choice);
at::ScalarType parse_dtype(const std::string& name);

}  // namespace energy_lens
