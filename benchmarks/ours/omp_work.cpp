// Sparse coding of many signals, the Gram matrix of the atoms included.
#include "benchmarks/ours/work.h"
#include "energy_lens/dictionary/omp.h"

namespace energy_lens::bench {
namespace {

class Omp : public Work {
 public:
  void prepare(const Json& params, const Tensors& inputs) override {
    atoms_ = inputs.at("atoms").clone();
    signals_ = inputs.at("signals").clone();
    options_.active = params.at("active");
  }
  void run() override { codes_ = omp_encode(signals_, atoms_, options_); }
  Tensors answer() override { return {{"ids", codes_.atoms}, {"values", codes_.values}}; }

 private:
  at::Tensor atoms_, signals_;
  OmpOptions options_;
  SparseCodes codes_;
};

}  // namespace

std::unique_ptr<Work> make_omp() { return std::make_unique<Omp>(); }

}  // namespace energy_lens::bench
