#include "benchmarks/ours/work.h"

namespace energy_lens::bench {

const std::vector<NamedWork>& works() {
  static const std::vector<NamedWork> list = {
      {"product", make_product},
      {"lens", make_lens},
      {"study", make_study},
  };
  return list;
}

}  // namespace energy_lens::bench
