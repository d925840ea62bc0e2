#include "energy_lens/model/families/config_reader.h"

#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "energy_lens/core/error.h"
#include "energy_lens/io/utf8.h"

namespace energy_lens {
namespace {

struct NamedActivation {
  std::string_view name;
  ActivationKind kind;
};

constexpr std::array<NamedActivation, 7> kActivations = {{{"gelu_new", ActivationKind::GeluTanh},
                                                          {"gelu_fast", ActivationKind::GeluTanh},
                                                          {"gelu_pytorch_tanh", ActivationKind::GeluTanh},
                                                          {"gelu", ActivationKind::GeluErf},
                                                          {"relu", ActivationKind::Relu},
                                                          {"silu", ActivationKind::Silu},
                                                          {"swish", ActivationKind::Silu}}};

// Whether each layer slides: by layer_types, or by is_sliding(layer) where the file has none.
std::vector<bool> sliding_layers(const ConfigReader& reader, const ModelConfig& config,
                                 const std::function<bool(std::int64_t)>& is_sliding) {
  std::vector<bool> sliding;
  if (!reader.has("layer_types")) {
    for (std::int64_t layer = 0; layer < config.n_layers; ++layer) sliding.push_back(is_sliding(layer));
    return sliding;
  }
  const Json& names = reader.at("layer_types");
  if (!names.is_array() || names.size() != static_cast<std::size_t>(config.n_layers)) {
    reader.refuse("layer_types", "one name a layer");
  }
  for (const Json& name : names) {
    if (name != "full_attention" && name != "sliding_attention") {
      reader.refuse("layer_types", "\"full_attention\" and \"sliding_attention\" only");
    }
    sliding.push_back(name == "sliding_attention");
  }
  return sliding;
}

}  // namespace

bool ConfigReader::has(const char* key) const { return json_.contains(key) && !json_.at(key).is_null(); }

bool ConfigReader::is_null(const char* key) const { return json_.contains(key) && json_.at(key).is_null(); }

void ConfigReader::refuse(const char* key, const std::string& expected) const {
  const std::string got = json_.contains(key) ? utf8_prefix(json_.at(key).dump(), 200) : "missing";
  fail(ErrorKind::BadInput, "load_model",
       std::string("config.json has \"") + key + "\" " + got + ", expected " + expected);
}

const Json& ConfigReader::at(const char* key) const {
  if (!has(key)) refuse(key, "a value");
  return json_.at(key);
}

std::int64_t ConfigReader::integer(const char* key, std::int64_t low, std::int64_t high) const {
  const bool whole = json_.contains(key) && json_.at(key).is_number_integer();
  const std::int64_t value = whole ? json_.at(key).get<std::int64_t>() : 0;
  if (!whole || value < low || value > high) {
    refuse(key, "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

std::int64_t ConfigReader::integer_or(const char* key, std::int64_t low, std::int64_t high, std::int64_t absent) const {
  return has(key) ? integer(key, low, high) : absent;
}

double ConfigReader::number(const char* key) const {
  if (!has(key) || !json_.at(key).is_number() || !std::isfinite(json_.at(key).get<double>())) refuse(key, "a number");
  return json_.at(key).get<double>();
}

double ConfigReader::number_or(const char* key, double absent) const { return has(key) ? number(key) : absent; }

double ConfigReader::number_of_either(const char* key, const char* other, double absent) const {
  const double value = number_or(key, number_or(other, absent));
  if (number_or(other, value) != value) refuse(key, json_.at(other).dump() + ", as \"" + other + "\" says");
  return value;
}

bool ConfigReader::flag_or(const char* key, bool absent) const {
  if (!has(key)) return absent;
  if (!json_.at(key).is_boolean()) refuse(key, "true or false");
  return json_.at(key).get<bool>();
}

std::string ConfigReader::text_or(const char* key, const std::string& absent) const {
  if (!has(key)) return absent;
  if (!json_.at(key).is_string()) refuse(key, "a string");
  return json_.at(key).get<std::string>();
}

ActivationKind ConfigReader::activation_or(const char* key, const std::string& absent) const {
  const std::string name = text_or(key, absent);
  std::string known;
  for (const NamedActivation& entry : kActivations) {
    if (entry.name == name) return entry.kind;
    known += (known.empty() ? "one of " : ", ") + std::string(entry.name);
  }
  refuse(key, known);
}

void ConfigReader::expect_flag(const char* key, bool built, bool absent) const {
  if (flag_or(key, absent) != built) {
    refuse(key, std::string(built ? "true" : "false") + ": the other variant of this family is not built");
  }
}

void ConfigReader::expect_none(const char* key, const std::string& why) const {
  if (has(key)) refuse(key, "null: " + why);
}

Json with_defaults(Json json, const Json& defaults) {
  for (const auto& [key, value] : defaults.items()) {
    if (!json.contains(key)) json[key] = value;
  }
  return json;
}

ModelConfig read_decoder_config(const ConfigReader& reader, const std::string& family, bool tied_by_default) {
  ModelConfig config;
  config.family = family;
  config.d_model = reader.integer("hidden_size", 1, 1 << 17);
  config.n_layers = reader.integer("num_hidden_layers", 1, 1000);
  config.n_heads = reader.integer("num_attention_heads", 1, 1 << 12);
  config.n_kv_heads = reader.integer_or("num_key_value_heads", 1, config.n_heads, config.n_heads);
  if (config.n_heads % config.n_kv_heads != 0) reader.refuse("num_key_value_heads", "a divisor of num_attention_heads");
  if (!reader.has("head_dim") && config.d_model % config.n_heads != 0) {
    reader.refuse("hidden_size", "a multiple of num_attention_heads");
  }
  config.d_head = reader.integer_or("head_dim", 1, 1 << 14, config.d_model / config.n_heads);
  config.d_mlp = reader.integer("intermediate_size", 1, 1 << 20);
  config.n_ctx = reader.integer("max_position_embeddings", 1, 1 << 26);
  config.d_vocab = reader.integer("vocab_size", 2, 1 << 24);
  config.norm = NormKind::RmsNorm;
  config.norm_eps = reader.number_or("rms_norm_eps", 1e-6);
  config.activation = reader.activation_or("hidden_act", "silu");
  config.gated_mlp = true;
  config.tied_unembed = reader.flag_or("tie_word_embeddings", tied_by_default);
  config.attention_scale = 1.0 / std::sqrt(static_cast<double>(config.d_head));
  config.attention.resize(static_cast<std::size_t>(config.n_layers));
  return config;
}

void expect_plain_heads(const ConfigReader& reader, const ModelConfig& config) {
  if (config.n_kv_heads != config.n_heads) reader.refuse("num_key_value_heads", "as many as heads in this family");
  if (config.d_head * config.n_heads != config.d_model) reader.refuse("head_dim", "hidden_size over heads");
}

std::int64_t read_window(const ConfigReader& reader, std::int64_t absent) {
  return reader.is_null("sliding_window") ? 0 : reader.integer_or("sliding_window", 1, 1 << 26, absent);
}

void set_windows(const ConfigReader& reader, ModelConfig& config, std::int64_t window,
                 const std::function<bool(std::int64_t)>& is_sliding) {
  const std::vector<bool> sliding = sliding_layers(reader, config, is_sliding);
  for (std::size_t layer = 0; layer < sliding.size(); ++layer) {
    if (sliding[layer] && window == 0) reader.refuse("sliding_window", "the window of the layers that slide");
    config.attention[layer].window = sliding[layer] ? window : 0;
  }
}

void set_uniform_window(const ConfigReader& reader, ModelConfig& config, std::int64_t window) {
  for (const bool sliding : sliding_layers(reader, config, [&](std::int64_t) { return window > 0; })) {
    if (sliding != (window > 0)) {
      reader.refuse("layer_types", "what sliding_window says, in every layer: the reference passes over it here");
    }
  }
  for (LayerAttention& layer : config.attention) layer.window = window;
}

}  // namespace energy_lens
