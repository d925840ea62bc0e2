#include "energy_lens/hub/model_id.h"

#include <gtest/gtest.h>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

TEST(ModelId, ReadsRepositoryAndRevision) {
  EXPECT_EQ(parse_model_id("openai-community/gpt2").repository, "openai-community/gpt2");
  EXPECT_EQ(parse_model_id("openai-community/gpt2").revision, "main");
  EXPECT_EQ(parse_model_id("a/B_c.d-1@refs/pr/1").revision, "refs/pr/1");
  EXPECT_EQ(parse_model_id("EleutherAI/pythia-70m@step3000").revision, "step3000");
}

TEST(ModelId, NamesWithoutOrganisationAreOldModels) {
  EXPECT_EQ(parse_model_id("gpt2").repository, "gpt2");
  EXPECT_EQ(parse_model_id("distilgpt2@v1").revision, "v1");
  EXPECT_TRUE(is_model_id("gpt2-medium"));
}

TEST(ModelId, RefusesWhatNoHubHasOrWhatLeadsOutOfTheCache) {
  for (const char* text :
       {"model.gguf", "a b",         ".",          "..",       "a--b",     "",           "a/",
        "/b",         "a/b/c",       "../b",       "a/..",     "./b",      "a/.b",       "a/b.",
        "a/b-",       "-a/b",        "a--b/c",     "a/b--c",   "a b/c",    "a/b.git",    "a/b@",
        "a/b@..",     "a/b@../../x", "a/b@/x",     "a/b@x/",   "a/b@x//y", "a/b@.x",     "a/b@x/.y",
        "a/b@x y",    "a/b@-x",      "a/b@x@{1}~", "a/b@x\ny", "a\nb/c",   "/tmp/model", "models/demo/x"}) {
    EXPECT_FALSE(is_model_id(text)) << text;
    EXPECT_THROW(parse_model_id(text), Error) << text;
  }
  EXPECT_FALSE(is_model_id("a/" + std::string(97, 'b')));
}

TEST(ModelId, KnowsCommits) {
  EXPECT_TRUE(is_commit(std::string(40, 'a')));
  EXPECT_FALSE(is_commit(std::string(40, 'A')));
  EXPECT_FALSE(is_commit(std::string(39, 'a')));
  EXPECT_FALSE(is_commit("main"));
}

}  // namespace
}  // namespace energy_lens
