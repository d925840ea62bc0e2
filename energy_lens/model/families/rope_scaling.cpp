// The ways in which config.json's rope_scaling stretches rotary positions to longer contexts: linear (Chen et al.
// 2306.15595), llama3 (Llama 3.1), YaRN (Peng et al. 2309.00071), LongRoPE (Ding et al. 2402.13753), dynamic NTK.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "energy_lens/core/error.h"
#include "energy_lens/model/families/config_reader.h"

namespace energy_lens {
namespace {

constexpr double kTurn = 2.0 * std::numbers::pi;
constexpr const char* kOriginal = "original_max_position_embeddings";

struct Scaling {
  const ConfigReader& reader;  // of the rope_scaling object
  const ConfigReader& whole;   // of what it stands in
  ModelConfig& config;
  std::int64_t width;
  double theta;
};

// Of llama3 and YaRN. Version 4 of the reference takes it from inside rope_scaling only, version 5 from beside it too.
double original_context(const Scaling& s) {
  if (!s.reader.has(kOriginal) && s.whole.has(kOriginal)) s.whole.refuse(kOriginal, "it inside rope_scaling");
  return s.reader.number_or(kOriginal, static_cast<double>(s.config.n_ctx));
}

void keep(const Scaling&, RotaryConfig&) {}

void scale_linear(const Scaling& s, RotaryConfig& rotary) {
  const auto factor = static_cast<float>(s.reader.number("factor"));
  for (float& f : rotary.inverse_frequencies) f /= factor;
}

// Short waves stay, long ones are stretched, those between are blended.
void scale_llama3(const Scaling& s, RotaryConfig& rotary) {
  const double factor = s.reader.number("factor"), low = s.reader.number("low_freq_factor"),
               high = s.reader.number("high_freq_factor"), context = original_context(s);
  for (float& f : rotary.inverse_frequencies) {
    const double wave = kTurn / f;
    if (wave < context / high) continue;
    const double blend = std::clamp((context / wave - low) / (high - low), 0.0, 1.0);
    f = static_cast<float>((1.0 - blend) * f / factor + blend * f);
  }
}

double yarn_attention_factor(const Scaling& s, double factor) {
  const auto logarithm = [&](double weight) { return factor <= 1.0 ? 1.0 : 0.1 * weight * std::log(factor) + 1.0; };
  const double mscale = s.reader.number_or("mscale", 0.0), all = s.reader.number_or("mscale_all_dim", 0.0);
  const double inferred = mscale != 0.0 && all != 0.0 ? logarithm(mscale) / logarithm(all) : logarithm(1.0);
  return s.reader.number_or("attention_factor", inferred);
}

void scale_yarn(const Scaling& s, RotaryConfig& rotary) {
  const double factor = s.reader.number("factor"), context = original_context(s);
  const double size = static_cast<double>(s.width);
  const auto coordinate = [&](double turns) {
    return size * std::log(context / (turns * kTurn)) / (2.0 * std::log(s.theta));
  };
  double low = coordinate(s.reader.number_or("beta_fast", 32.0)),
         high = coordinate(s.reader.number_or("beta_slow", 1.0));
  if (s.reader.flag_or("truncate", true)) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, size - 1.0);
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < rotary.inverse_frequencies.size(); ++i) {
    float& f = rotary.inverse_frequencies[i];
    const double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    f = static_cast<float>(stretched * f / factor + (1.0 - stretched) * f);
  }
  rotary.attention_factor = yarn_attention_factor(s, factor);
}

struct Stretch {
  std::int64_t original;  // context
  double attention_factor;
};

// Version 4 of the reference takes the original context from beside rope_scaling only, version 5 from inside as well; a
// factor beside the original context is passed over by version 4 alone. Files that they read differently are refused.
Stretch longrope_stretch(const Scaling& s) {
  const bool known = s.whole.has(kOriginal);
  const std::int64_t original = s.whole.integer_or(kOriginal, 2, 1 << 26, s.config.n_ctx);
  if (s.reader.has(kOriginal) && s.reader.at(kOriginal) != (known ? Json(original) : Json())) {
    s.reader.refuse(kOriginal, "the same beside rope_scaling, where the reference looks for it");
  }
  if (s.reader.has("attention_factor")) return {original, s.reader.number("attention_factor")};
  const double ratio = static_cast<double>(s.config.n_ctx) / static_cast<double>(original);
  const double factor = known ? s.reader.number_or("factor", ratio) : s.reader.number("factor");
  if (known && factor != ratio) s.reader.refuse("factor", "none, or max_position_embeddings over the original ones");
  return {original, factor <= 1.0 ? 1.0 : std::sqrt(1.0 + std::log(factor) / std::log(static_cast<double>(original)))};
}

// Beyond the original context another list of factors holds for the whole text, so texts are kept within it.
void scale_longrope(const Scaling& s, RotaryConfig& rotary) {
  const Json& factors = s.reader.at("short_factor");
  if (!factors.is_array() || factors.size() != rotary.inverse_frequencies.size()) {
    s.reader.refuse("short_factor", "a list of " + std::to_string(rotary.inverse_frequencies.size()) + " numbers");
  }
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if (!factors[i].is_number() || !(factors[i].get<double>() > 0.0))
      s.reader.refuse("short_factor", "positive numbers");
    rotary.inverse_frequencies[i] /= factors[i].get<float>();
  }
  const Stretch stretch = longrope_stretch(s);
  rotary.attention_factor = stretch.attention_factor;
  s.config.n_ctx = std::min(s.config.n_ctx, stretch.original);
}

struct NamedScaling {
  std::string_view name;
  void (*apply)(const Scaling&, RotaryConfig&);
};

// "dynamic" changes nothing up to max_position_embeddings, and longer texts are refused.
constexpr std::array<NamedScaling, 6> kScalings = {{{"default", keep},
                                                    {"dynamic", keep},
                                                    {"linear", scale_linear},
                                                    {"llama3", scale_llama3},
                                                    {"yarn", scale_yarn},
                                                    {"longrope", scale_longrope}}};

}  // namespace

RotaryConfig plain_rotary(std::int64_t width, double theta) {
  RotaryConfig rotary;
  for (std::int64_t i = 0; i + 1 < width; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(width);
    rotary.inverse_frequencies.push_back(1.0F / std::pow(static_cast<float>(theta), exponent));
  }
  return rotary;
}

RotaryConfig read_rotary(const ConfigReader& reader, ModelConfig& config, std::int64_t width, double theta) {
  if (width < 2 || width % 2 != 0 || width > config.d_head || !(theta > 1.0)) {
    fail(ErrorKind::BadInput, "load_model",
         "config.json asks for rotary positions of " + std::to_string(width) + " coordinates and base " +
             std::to_string(theta) + ", expected an even width up to the head's and a base above 1");
  }
  RotaryConfig rotary = plain_rotary(width, theta);
  if (!reader.has("rope_scaling")) return rotary;
  if (!reader.at("rope_scaling").is_object()) reader.refuse("rope_scaling", "an object");
  const ConfigReader scaling(reader.at("rope_scaling"));
  if (scaling.number_or("rope_theta", theta) != theta)
    reader.refuse("rope_scaling", "no other rope_theta than beside it");
  const std::string kind = scaling.text_or("rope_type", scaling.text_or("type", ""));
  for (const NamedScaling& entry : kScalings) {
    if (entry.name != kind) continue;
    entry.apply({scaling, reader, config, width, theta}, rotary);
    return rotary;
  }
  reader.refuse(
      "rope_scaling",
      "rope_type default, dynamic, linear, llama3, yarn or longrope (rope_parameters is read as rope_scaling)");
}

RotaryConfig read_partial_rotary(const ConfigReader& reader, ModelConfig& config, double share, double theta) {
  // Clamped to what an integer holds; read_rotary refuses widths that the head does not have.
  const double width = std::clamp(static_cast<double>(config.d_head) * share, 0.0, 1e9);
  return read_rotary(reader, config, static_cast<std::int64_t>(width), theta);
}

}  // namespace energy_lens
