#include "energy_lens/experiment/model_choice.h"

#include "energy_lens/core/error.h"
#include "energy_lens/experiment/config_fields.h"
#include "energy_lens/lens/streams.h"
#include "energy_lens/model/placement.h"

namespace energy_lens {

void check_model_fields(const char* operation, const ModelChoice& choice) {
  check_choice(operation, "dtype", choice.dtype, {"float32", "bfloat16"});
}

std::string layers_in_words(std::int64_t last) {
  const std::string end = std::to_string(last);
  return "layers 0 to " + end + " of this model, such as --layers 0," + std::to_string(last / 2) + "," + end +
         " or --layers all";
}

std::vector<std::int64_t> chosen_layers(const char* operation, const Model& model,
                                        const std::vector<std::int64_t>& asked) {
  const std::int64_t last = model.config().n_layers;
  for (const std::int64_t layer : asked) {
    if (layer >= 0 && layer <= last) continue;
    fail(ErrorKind::Usage, operation, "--layers got " + std::to_string(layer) + ", expected " + layers_in_words(last));
  }
  return asked.empty() ? every_layer(model) : asked;
}

at::ScalarType parse_dtype(const std::string& name) { return name == "bfloat16" ? at::kBFloat16 : at::kFloat; }

LoadOptions load_options(const ModelChoice& choice) {
  check_model_fields("load_model", choice);
  LoadOptions options;
  options.dtype = parse_dtype(choice.dtype);
  options.device = choice.device;
  if (choice.random_weights >= 0) {
    options.random = RandomInit{.seed = static_cast<std::uint64_t>(choice.random_weights)};
  }
  return options;
}

std::string devices_used(const ModelChoice& choice) {
  std::string names;
  for (const at::Device& device : devices_named(choice.device)) names += (names.empty() ? "" : ", ") + device.str();
  return names;
}

namespace {

// Where none is named, the one that lies beside the weights.
std::filesystem::path tokenizer_place(const ModelChoice& choice) {
  if (!choice.tokenizer.empty()) return choice.tokenizer;
  std::error_code ignored;
  const std::filesystem::path model = choice.model;
  return std::filesystem::is_regular_file(model, ignored) ? std::filesystem::absolute(model).parent_path() : model;
}

}  // namespace

std::unique_ptr<Tokenizer> load_chosen_tokenizer(const ModelChoice& choice) {
  return load_tokenizer(tokenizer_place(choice));
}

ChosenModel load_chosen(const ModelChoice& choice) {
  ChosenModel chosen;
  // First, because where there is no model its missing tokenizer is not what to mend.
  const std::int64_t rows = read_model_config(choice.model).d_vocab;
  chosen.tokenizer = load_chosen_tokenizer(choice);
  // Tokens added to a vocabulary may have no row (Gemma 3's image token in models of text): only a text that uses one
  // is refused. Fewer ids than rows say nothing: embeddings are padded, and no share of padding is too large.
  const std::int64_t ids = chosen.tokenizer->model_vocab_size();
  if (ids > rows) {
    fail(ErrorKind::BadInput, "load_tokenizer",
         "the tokenizer's own vocabulary has ids up to " + std::to_string(ids - 1) + ", the model embeds " +
             std::to_string(rows) + " tokens; they do not belong together");
  }
  chosen.model = load_model(choice.model, load_options(choice));
  return chosen;
}

}  // namespace energy_lens
