// The document-permutation test of every feature against one series: permutations drawn, within-document products,
// p-values, max-T and BH.
#include <memory>
#include <numeric>

#include "benchmarks/ours/work.h"
#include "energy_lens/alignment/permutation_family.h"

namespace energy_lens::bench {
namespace {

class Permutation : public Work {
 public:
  void prepare(const Json& params, const Tensors& inputs) override {
    const at::Tensor s = inputs.at("s").to(at::kDouble).contiguous();  // [D, T]
    s_.assign(s.data_ptr<double>(), s.data_ptr<double>() + s.numel());
    windows_ = make_windows(s.size(0), s.size(1));
    codes_ = {inputs.at("atoms").to(at::kLong), inputs.at("values").clone()};
    features_ = params.at("features");
    count_ = params.at("permutations");
    sample_ = params.at("sample").get<std::vector<std::int64_t>>();
  }

  void run() override {
    std::vector<std::int64_t> positions(static_cast<std::size_t>(windows_.tokens)), all(features_);
    std::iota(positions.begin(), positions.end(), std::int64_t{0});
    std::iota(all.begin(), all.end(), std::int64_t{0});
    const auto features = static_cast<std::int64_t>(features_);
    index_ = std::make_unique<FeatureIndex>(codes_, features, windows_.documents, positions);
    permutations_ = document_permutations(windows_.documents, count_, /*seed=*/7);
    tests_ = test(all);
  }

  // p and BH of all features; of the sample as a family of its own also the adjusted p, which a plain reference of few
  // features can follow.
  Tensors answer() override {
    Tensors answer;
    answer["index"] = at::tensor(std::vector<int>(permutations_.index.begin(), permutations_.index.end()))
                          .view({windows_.documents, count_});
    answer["p"] = column(tests_, &AlignmentTest::p);
    answer["bh"] = column(tests_, &AlignmentTest::bh_q);
    answer["max_t"] = column(tests_, &AlignmentTest::max_t);
    const std::vector<AlignmentTest> family = test(sample_);
    answer["statistic"] = column(family, &AlignmentTest::statistic);
    answer["greater"] = column(family, &AlignmentTest::p_greater);
    answer["less"] = column(family, &AlignmentTest::p_less);
    answer["family_max_t"] = column(family, &AlignmentTest::max_t);
    answer["family_step_down"] = column(family, &AlignmentTest::step_down);
    return answer;
  }

 private:
  std::vector<AlignmentTest> test(std::span<const std::int64_t> features) const {
    const SeriesColumns columns = within_columns(s_, windows_);
    const auto shared = [&](std::span<const std::int64_t> ids) {
      return std::vector<SeriesColumns>(ids.size(), columns);
    };
    return test_alignment(*index_, windows_, features, shared, permutations_, no_progress());
  }

  static at::Tensor column(const std::vector<AlignmentTest>& tests, double AlignmentTest::* field) {
    std::vector<double> values;
    for (const AlignmentTest& test : tests) values.push_back(test.*field);
    return at::tensor(values, at::kDouble);
  }

  std::vector<double> s_;
  Windows windows_;
  SparseCodes codes_;
  std::size_t features_ = 0;
  std::int64_t count_ = 0;
  std::vector<std::int64_t> sample_;
  std::unique_ptr<FeatureIndex> index_;
  Permutations permutations_;
  std::vector<AlignmentTest> tests_;
};

}  // namespace

std::unique_ptr<Work> make_permutation() { return std::make_unique<Permutation>(); }

}  // namespace energy_lens::bench
