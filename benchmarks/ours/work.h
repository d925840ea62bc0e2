// One piece of work that a comparison measures. The worker reads requests and calls these in order.
#pragma once
#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "energy_lens/io/file.h"

namespace energy_lens::bench {

using Tensors = std::map<std::string, at::Tensor>;

class Work {
 public:
  virtual ~Work() = default;
  // Everything that is not timed: params are the row's parameters, inputs what both sides are given.
  virtual void prepare(const Json& params, const Tensors& inputs) = 0;
  // The timed part.
  virtual void run() = 0;
  // What run() computed, for the check against the rival and the fp64 reference.
  virtual Tensors answer() = 0;
};

struct NamedWork {
  std::string name;
  std::unique_ptr<Work> (*make)();
};

// The one list of works (works.cpp).
const std::vector<NamedWork>& works();

// One function a file.
std::unique_ptr<Work> make_product();
std::unique_ptr<Work> make_roof();
std::unique_ptr<Work> make_lens();
std::unique_ptr<Work> make_study();
std::unique_ptr<Work> make_forward();
std::unique_ptr<Work> make_omp();
std::unique_ptr<Work> make_command();
std::unique_ptr<Work> make_permutation();

}  // namespace energy_lens::bench
