#include "benchmarks/ours/work.h"

namespace energy_lens::bench {

const std::vector<NamedWork>& works() {
  static const std::vector<NamedWork> list = {
      {"product", make_product},
  };
  return list;
}

}  // namespace energy_lens::bench
