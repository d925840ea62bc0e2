// The lens of one row written from its definitions in fp64, and random problems for it. No tensor library.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "energy_lens/core/philox.h"
#include "energy_lens/kernels/torch_free/lens_kernel.h"

namespace energy_lens::testing {

struct LensShape {
  std::string name;
  std::int64_t rows = 37, width = 40, vocabulary = 301, layers = 3;
  double weight_scale = 0.3;  // 0.01: flat logits; 3: peaked ones
  bool centre = true, bias = true, bfloat16 = false;
  float cap = 0.0f;
  double mean_stream = 0.0;
  std::int64_t top_k = 7;
};

inline std::vector<float> random_numbers(const std::string& purpose, std::int64_t count, double scale,
                                         double mean = 0.0) {
  Philox random(5, purpose, 0);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& x : numbers) x = static_cast<float>(mean + scale * random.normal());
  return numbers;
}

// One layer's outputs, as the kernel writes them.
struct LensOutputs {
  std::vector<float> energy, cross_entropy, entropy, kl_to_final, margin, target_margin, confidence, free_energy,
      depth_descent, top_log_probs, gradient, expected_gradient;
  std::vector<std::int64_t> rank, top_ids;
  bool operator==(const LensOutputs&) const = default;
};

// A random problem, owning every array that its job points to.
class LensProblem {
 public:
  explicit LensProblem(const LensShape& shape) : shape(shape) {
    const std::int64_t d = shape.width, v = shape.vocabulary;
    w = random_numbers("w", v * d, shape.weight_scale);
    if (shape.bfloat16) round_weights();
    bias = random_numbers("bias", v, 0.5);
    gamma = random_numbers("gamma", d, 0.3, 1.0);
    beta = random_numbers("beta", d, 0.3);
    for (std::int64_t l = 0; l < shape.layers; ++l) {
      streams.push_back(random_numbers("stream" + std::to_string(l), shape.rows * d, 1.0 + l, shape.mean_stream));
    }
    Philox random(5, "targets", 0);
    for (std::int64_t i = 0; i < shape.rows; ++i) targets.push_back(static_cast<std::int64_t>(random.below(v)));
  }

  LensHead head() const {
    LensHead made;
    const void* const values = shape.bfloat16 ? static_cast<const void*>(half.data()) : w.data();
    made.w = {values, shape.bfloat16, shape.width, shape.vocabulary, shape.width};
    made.bias = shape.bias ? bias.data() : nullptr;
    made.cap = shape.cap;
    made.gamma = gamma.data();
    made.beta = shape.centre ? beta.data() : nullptr;
    made.centre = shape.centre;
    made.eps = 1e-5;
    return made;
  }

  // The job, and where its results go.
  LensJob job(std::vector<LensOutputs>& out, bool gradients = true) const {
    LensJob made;
    made.head = head();
    made.targets = targets.data();
    made.rows = shape.rows;
    made.top_k = shape.top_k;
    out.assign(streams.size(), {});
    for (std::size_t l = 0; l < streams.size(); ++l) made.layers.push_back(layer(l, out[l], gradients));
    return made;
  }

  const LensShape shape;
  std::vector<float> w, bias, gamma, beta;
  std::vector<std::uint16_t> half;
  std::vector<std::vector<float>> streams;
  std::vector<std::int64_t> targets;

 private:
  void round_weights() {
    for (float& x : w) {
      half.push_back(static_cast<std::uint16_t>((std::bit_cast<std::uint32_t>(x) + 0x8000u) >> 16));
      x = std::bit_cast<float>(static_cast<std::uint32_t>(half.back()) << 16);
    }
  }

  LensLayer layer(std::size_t l, LensOutputs& o, bool gradients) const {
    const auto n = static_cast<std::size_t>(shape.rows), k = static_cast<std::size_t>(shape.top_k);
    for (auto* scalar : {&o.energy, &o.cross_entropy, &o.entropy, &o.kl_to_final, &o.margin, &o.target_margin,
                         &o.confidence, &o.free_energy, &o.depth_descent}) {
      scalar->resize(n);
    }
    o.rank.resize(n);
    o.top_ids.resize(n * k);
    o.top_log_probs.resize(n * k);
    LensLayer made{streams[l].data(),   shape.width,           o.energy.data(),        o.cross_entropy.data(),
                   o.entropy.data(),    o.kl_to_final.data(),  o.margin.data(),        o.target_margin.data(),
                   o.confidence.data(), o.free_energy.data(),  o.depth_descent.data(), o.rank.data(),
                   o.top_ids.data(),    o.top_log_probs.data()};
    if (gradients) {
      o.gradient.resize(n * static_cast<std::size_t>(shape.width));
      o.expected_gradient.resize(o.gradient.size());
      made.gradient = o.gradient.data();
      made.expected_gradient = o.expected_gradient.data();
    }
    return made;
  }
};

// One row at one layer, in fp64.
struct PlainRow {
  std::vector<double> y, z, slope, log_p;
  double inverse_sigma = 0.0, mean = 0.0;
  double size = 0.0;  // largest sum_d |W[v, d] y[d]| + |b[v]|: rounding of z is a multiple of it
};

inline PlainRow plain_row(const LensProblem& p, std::size_t layer, std::int64_t row) {
  const std::int64_t width = p.shape.width;
  const float* const x = p.streams[layer].data() + row * width;
  PlainRow r;
  if (p.shape.centre) r.mean = std::accumulate(x, x + width, 0.0) / width;
  double squares = 0.0;
  for (std::int64_t d = 0; d < width; ++d) squares += (x[d] - r.mean) * (x[d] - r.mean);
  r.inverse_sigma = 1.0 / std::sqrt(squares / width + 1e-5);
  for (std::int64_t d = 0; d < width; ++d) {
    r.y.push_back((x[d] - r.mean) * r.inverse_sigma * p.gamma[d] + (p.shape.centre ? p.beta[d] : 0.0f));
  }
  for (std::int64_t v = 0; v < p.shape.vocabulary; ++v) {
    double z = p.shape.bias ? p.bias[v] : 0.0f, size = std::abs(z);
    for (std::int64_t d = 0; d < width; ++d) {
      z += static_cast<double>(p.w[v * width + d]) * r.y[d];
      size += std::abs(static_cast<double>(p.w[v * width + d]) * r.y[d]);
    }
    r.size = std::max(r.size, size);
    if (p.shape.cap != 0.0f) z = p.shape.cap * std::tanh(z / p.shape.cap);
    r.z.push_back(z);
    r.slope.push_back(p.shape.cap == 0.0f ? 1.0 : 1.0 - z / p.shape.cap * (z / p.shape.cap));
  }
  const double largest = *std::ranges::max_element(r.z);
  double total = 0.0;
  for (const double z : r.z) total += std::exp(z - largest);
  for (const double z : r.z) r.log_p.push_back(z - largest - std::log(total));
  return r;
}

// d/dstream of sum_v weights[v] z[v].
inline std::vector<double> plain_gradient(const LensProblem& p, std::size_t layer, std::int64_t row, const PlainRow& r,
                                          const std::vector<double>& weights) {
  const std::int64_t width = p.shape.width;
  const float* const x = p.streams[layer].data() + row * width;
  std::vector<double> g(static_cast<std::size_t>(width), 0.0);
  for (std::int64_t v = 0; v < p.shape.vocabulary; ++v) {
    for (std::int64_t d = 0; d < width; ++d) g[d] += weights[v] * r.slope[v] * p.w[v * width + d] * p.gamma[d];
  }
  double mean = 0.0, along = 0.0;
  for (std::int64_t d = 0; d < width; ++d) {
    mean += p.shape.centre ? g[d] / width : 0.0;
    along += g[d] * (x[d] - r.mean) * r.inverse_sigma / width;
  }
  for (std::int64_t d = 0; d < width; ++d) {
    g[d] = (g[d] - mean - (x[d] - r.mean) * r.inverse_sigma * along) * r.inverse_sigma;
  }
  return g;
}

}  // namespace energy_lens::testing
