// The doctor on a small drawn model of every family.
#include "energy_lens/experiment/doctor.h"

#include <gtest/gtest.h>

#include "energy_lens/core/error.h"
#include "tests/support/family_configs.h"

namespace energy_lens {
namespace {

class DoctorOfEveryFamily : public ::testing::TestWithParam<std::string> {};

TEST_P(DoctorOfEveryFamily, CountsItAndFindsTheIdentitiesHolding) {
  const testing::FamilyFolder folder(GetParam());
  for (const std::string dtype : {"float32", "bfloat16"}) {
    ModelChoice choice;
    choice.model = folder.path().string();
    choice.dtype = dtype;
    choice.random_weights = 3;
    const DoctorOutcome outcome = run_doctor(choice);
    EXPECT_TRUE(outcome.healthy) << outcome.report.dump(1);
    EXPECT_EQ(outcome.report.at("identities").size(), 3u);
    for (const Json& check : outcome.report.at("identities")) {
      EXPECT_LE(check.at("tolerance").get<double>(), 1e-3) << check.dump();
    }
    const auto model = load_model(folder.path(), load_options(choice));
    const Json& report = outcome.report.at("model");
    EXPECT_EQ(report.at("family"), GetParam());
    EXPECT_EQ(report.at("parameters"), model->parameters());
    EXPECT_EQ(report.at("dtype"), dtype);
    // Norms and routers stay fp32.
    const std::int64_t size = dtype == "float32" ? 4 : 2;
    EXPECT_GE(report.at("weight_bytes").get<std::int64_t>(), size * model->parameters());
    EXPECT_LE(report.at("weight_bytes").get<std::int64_t>(), 4 * model->parameters());
    EXPECT_EQ(report.contains("experts"), model->config().experts.count > 0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, DoctorOfEveryFamily, ::testing::ValuesIn(testing::family_names()),
                         [](const auto& info) { return info.param; });

TEST(Doctor, AModelThatCannotBeReadIsRefused) {
  ModelChoice choice;
  choice.model = "/nowhere/at/all";
  try {
    run_doctor(choice);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::NotFound);
  }
}

}  // namespace
}  // namespace energy_lens
