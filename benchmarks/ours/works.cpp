#include "benchmarks/ours/work.h"

namespace energy_lens::bench {

const std::vector<NamedWork>& works() {
  static const std::vector<NamedWork> list = {
      {"product", make_product}, {"roof", make_roof}, {"lens", make_lens},       {"study", make_study},
      {"forward", make_forward}, {"omp", make_omp},   {"command", make_command}, {"permutation", make_permutation},
  };
  return list;
}

}  // namespace energy_lens::bench
