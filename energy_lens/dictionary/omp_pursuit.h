// The pursuit of one signal after its products with all atoms are known. Private to dictionary/.
#pragma once
#include <cstdint>
#include <vector>

namespace energy_lens {

class OmpPursuit {
 public:
  // gram [K, K], not owned. The object is scratch memory, reused from signal to signal.
  OmpPursuit(const float* gram, std::int64_t atoms, std::int64_t active);

  // products [K]: D x. Writes up to `active` chosen atoms and their values; slots beyond are left alone.
  void run(const float* products, double floor, std::int64_t* chosen, float* values);

 private:
  bool extend(std::int64_t atom, std::int64_t size);
  void solve(const float* products, std::int64_t size);
  const float* gram_;
  std::int64_t atoms_, active_;
  std::vector<float> correlation_;  // [K] D residual
  std::vector<std::int64_t> support_;
  std::vector<double> cholesky_;  // [k, k] lower triangle, L L^T = Gram of the support
  std::vector<double> values_;    // [k]
};

}  // namespace energy_lens
