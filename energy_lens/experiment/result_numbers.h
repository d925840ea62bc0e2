// Numbers that several sections of results.json are made of.
#pragma once
#include <ATen/ATen.h>

#include <cmath>

#include "energy_lens/io/file.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {

inline Json interval_json(const Interval& interval) { return {interval.low, interval.high}; }

// null is an undefined number.
inline double real(const Json& value) { return value.is_number() ? value.get<double>() : std::nan(""); }

// In fp64.
inline double mean_of(const at::Tensor& values) { return values.to(at::kDouble).mean().item<double>(); }

}  // namespace energy_lens
