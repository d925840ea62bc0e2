// Numbers that several sections of results.json are made of.
#pragma once
#include <ATen/ATen.h>

#include "energy_lens/io/file.h"
#include "energy_lens/stats/correlation.h"

namespace energy_lens {

inline Json interval_json(const Interval& interval) { return {interval.low, interval.high}; }

// In fp64.
inline double mean_of(const at::Tensor& values) { return values.to(at::kDouble).mean().item<double>(); }

}  // namespace energy_lens
