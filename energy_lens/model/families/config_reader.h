// config.json with every refusal naming the key, what it holds and what was expected. A null counts as absent.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "energy_lens/io/file.h"
#include "energy_lens/model/config.h"

namespace energy_lens {

class ConfigReader {
 public:
  // json must outlive the reader. Errors of all members: BadInput.
  explicit ConfigReader(const Json& json) : json_(json) {}

  bool has(const char* key) const;
  bool is_null(const char* key) const;  // there, and null: what the key stands for is off
  const Json& at(const char* key) const;
  std::int64_t integer(const char* key, std::int64_t low, std::int64_t high) const;
  std::int64_t integer_or(const char* key, std::int64_t low, std::int64_t high, std::int64_t absent) const;
  double number(const char* key) const;  // finite
  double number_or(const char* key, double absent) const;
  // One number that files give under either of two names, or under both if they agree.
  double number_of_either(const char* key, const char* other, double absent) const;
  bool flag_or(const char* key, bool absent) const;
  std::string text_or(const char* key, const std::string& absent) const;
  // An activation by its name in transformers; absent: such a name too.
  ActivationKind activation_or(const char* key, const std::string& absent) const;
  [[noreturn]] void refuse(const char* key, const std::string& expected) const;
  // Variants that would change the numbers silently are refused by name.
  void expect_flag(const char* key, bool built, bool absent) const;
  void expect_none(const char* key, const std::string& why) const;

 private:
  const Json& json_;
};

// A family's configuration class gives some keys values of its own where a file lacks them; a null stays.
Json with_defaults(Json json, const Json& defaults);

// The sizes and choices that most families spell alike (hidden_size, num_hidden_layers, num_key_value_heads, head_dim,
// ...), attention scaled by 1/sqrt(Dh), RMSNorm, a gated MLP, full attention in every layer.
ModelConfig read_decoder_config(const ConfigReader& reader, const std::string& family, bool tied_by_default);

// Refuses heads that share keys or are of another width than D / H, in families that have none.
void expect_plain_heads(const ConfigReader& reader, const ModelConfig& config);

// sliding_window; 0, no window, where it is null.
std::int64_t read_window(const ConfigReader& reader, std::int64_t absent);
// Windows from layer_types, or from is_sliding(layer) where the file has none.
void set_windows(const ConfigReader& reader, ModelConfig& config, std::int64_t window,
                 const std::function<bool(std::int64_t layer)>& is_sliding);

// One window, or none, for all layers: a layer_types that says anything else is refused, because the reference passes
// over it in these families.
void set_uniform_window(const ConfigReader& reader, ModelConfig& config, std::int64_t window);

// Rotary positions of `width` coordinates with config.json's rope_scaling (linear, llama3, yarn, longrope, dynamic).
// Shortens config.n_ctx where frequencies beyond it would depend on the length of the text (dynamic, longrope).
RotaryConfig read_rotary(const ConfigReader& reader, ModelConfig& config, std::int64_t width, double theta);
// The same of a share of each head, whose width is rounded down.
RotaryConfig read_partial_rotary(const ConfigReader& reader, ModelConfig& config, double share, double theta);
// Without scaling.
RotaryConfig plain_rotary(std::int64_t width, double theta);

}  // namespace energy_lens
