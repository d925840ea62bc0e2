// Downloads from the mock hub, good and bad. The repository's account names the fault; see mock_hub.py.
#include "energy_lens/hub/fetch_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "energy_lens/core/error.h"
#include "energy_lens/hub/partial_file.h"
#include "tests/hub/mock_hub.h"

namespace energy_lens {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const std::string kMain(40, 'a'), kTag(40, 'b');

class FetchModelTest : public ::testing::Test {
 protected:
  fs::path fetch(const std::string& id, HubUse use = HubUse::IfNeeded) {
    return fetch_model(hub_.settings, parse_model_id(id), use, no_progress());
  }

  // The error of a fetch that must fail.
  Error refusal(const std::string& id) {
    try {
      fetch(id);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << id << " was fetched";
    return {ErrorKind::Internal, ""};
  }

  std::set<std::string> names_below(const fs::path& folder) const {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_directory()) names.insert(entry.path().lexically_relative(folder).string());
    }
    return names;
  }

  // Ranges that were asked for of `file`, in order; "" for the whole.
  std::vector<std::string> ranges(const std::string& file) {
    std::vector<std::string> asked;
    for (const Json& request : hub_.log()) {
      const bool is_get = request.at("method") == "GET" && request.at("path").get<std::string>().find("/cdn/") == 0;
      if (is_get && request.at("path").get<std::string>().find("/" + file) != std::string::npos) {
        asked.push_back(request.at("range").is_null() ? "" : request.at("range").get<std::string>());
      }
    }
    return asked;
  }

  std::size_t partial_files() const {
    std::size_t count = 0;
    if (!fs::exists(hub_.settings.cache)) return 0;
    for (const auto& entry : fs::recursive_directory_iterator(hub_.settings.cache)) {
      count += entry.path().string().ends_with(".incomplete");
    }
    return count;
  }

  testing::MockHub hub_;
};

TEST_F(FetchModelTest, WritesTheStandardLayout) {
  const fs::path folder = fetch("good/single@v1"), repository = hub_.settings.cache / "models--good--single";
  EXPECT_EQ(folder, repository / "snapshots" / kTag);
  EXPECT_EQ(read_file(repository / "refs/v1"), kTag);
  EXPECT_EQ(names_below(folder),
            (std::set<std::string>{"config.json", "tokenizer.json", "merges.txt", "model.safetensors"}));
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path target = fs::read_symlink(entry.path());
    EXPECT_EQ(target.parent_path(), "../../blobs");
    EXPECT_TRUE(fs::is_regular_file(entry.path()));
    EXPECT_TRUE(
        fs::exists(hub_.settings.cache / ".locks/models--good--single" / (target.filename().string() + ".lock")));
  }
  EXPECT_EQ(sha256_hex_of_file(folder / "model.safetensors"),
            fs::read_symlink(folder / "model.safetensors").filename());
  EXPECT_TRUE(names_below(repository / ".no_exist" / kTag).contains("tokenizer.model"));
  EXPECT_THAT(read_file(hub_.settings.cache / "CACHEDIR.TAG"),
              HasSubstr("Signature: 8a477f597d28d172789f06886806bc55"));
  EXPECT_EQ(partial_files(), 0u);
}

TEST_F(FetchModelTest, ANameWithoutOrganisationIsFollowedToItsPlaceAndCachedUnderItself) {
  const fs::path folder = fetch("gpt2"), repository = hub_.settings.cache / "models--gpt2";
  EXPECT_EQ(folder, repository / "snapshots" / kMain);
  EXPECT_TRUE(fs::exists(folder / "model.safetensors"));
  const std::size_t requests = hub_.log().size();
  EXPECT_EQ(fetch("gpt2"), folder);
  EXPECT_EQ(hub_.log().size(), requests);
}

TEST_F(FetchModelTest, TakesTheFirstKindOfWeightsThereIs) {
  EXPECT_TRUE(names_below(fetch("good/sharded")).contains("s-2.safetensors"));
  EXPECT_TRUE(names_below(fetch("good/torch")).contains("pytorch_model.bin"));
  EXPECT_TRUE(names_below(fetch("good/torchsharded")).contains("p-1.bin"));
}

TEST_F(FetchModelTest, AWholeSnapshotNeedsNoNetwork) {
  for (const std::string id : {"good/single", "good/sharded", "good/notokenizer", "good/single@refs/pr/1"}) fetch(id);
  const std::size_t requests = hub_.log().size();
  for (const std::string id : {"good/single", "good/sharded", "good/notokenizer", "good/single@refs/pr/1"}) fetch(id);
  fetch("good/single@" + kMain, HubUse::Refresh);
  EXPECT_EQ(hub_.log().size(), requests);
  hub_.settings.endpoint = "http://127.0.0.1:9";  // nobody listens
  EXPECT_EQ(fetch("good/single").filename(), kMain);
}

TEST_F(FetchModelTest, OfflineUsesTheCacheOrSaysWhatItLacks) {
  hub_.settings.offline = true;
  EXPECT_THAT(refusal("good/single").what(), HasSubstr("offline"));
  EXPECT_EQ(hub_.log().size(), 0u);
  hub_.settings.offline = false;
  const fs::path folder = fetch("good/sharded");
  const std::size_t requests = hub_.log().size();
  hub_.settings.offline = true;
  EXPECT_EQ(fetch("good/sharded", HubUse::Refresh), folder);
  fs::remove(folder / "s-1.safetensors");
  const Error error = refusal("good/sharded");
  EXPECT_EQ(error.kind(), ErrorKind::NotFound);
  EXPECT_THAT(error.what(), HasSubstr("weights"));
  EXPECT_EQ(hub_.log().size(), requests);
}

TEST_F(FetchModelTest, RefreshFollowsABranchThatMoved) {
  const fs::path reference = hub_.settings.cache / "models--good--single/refs/main";
  write_file(reference, kTag);
  fetch("good/single@v1");
  EXPECT_EQ(fetch("good/single").filename(), kTag);
  EXPECT_EQ(fetch("good/single", HubUse::Refresh).filename(), kMain);
  EXPECT_EQ(read_file(reference), kMain);
  EXPECT_EQ(ranges("model.safetensors").size(), 1u);  // the blob was there
}

TEST_F(FetchModelTest, TheTokenGoesToTheHubOnly) {
  hub_.settings.token = "hf_mock_token";
  fetch("renamed/single");
  std::size_t elsewhere = 0, redirected = 0;
  for (const Json& request : hub_.log()) {
    if (request.at("path") == "/log") continue;
    const bool is_hub = request.at("host").get<std::string>().starts_with("127.0.0.1:");
    EXPECT_EQ(request.at("authorization").is_null(), !is_hub) << request;
    EXPECT_EQ(request.at("encoding"), "identity");
    elsewhere += !is_hub;
    redirected += request.at("path").get<std::string>().starts_with("/moved/");
  }
  EXPECT_GE(elsewhere, 1u);
  EXPECT_GE(redirected, 4u);
}

// Another host that sends the request back is told nothing, and neither is whoever it names.
TEST_F(FetchModelTest, ATokenOnceHeldBackStaysSo) {
  hub_.settings.token = "hf_mock_token";
  fetch("bounce/single");
  std::size_t sent_back = 0;
  for (const Json& request : hub_.log()) {
    const std::string path = request.at("path");
    if (!path.starts_with("/cdn/")) continue;
    EXPECT_TRUE(request.at("authorization").is_null()) << request;
    sent_back += request.at("host").get<std::string>().starts_with("127.0.0.1:");
  }
  EXPECT_GE(sent_back, 1u);
}

// What a file is, is asked of the hub alone.
TEST_F(FetchModelTest, NoOtherHostIsAskedWhatAFileIs) {
  hub_.settings.token = "hf_mock_token";
  EXPECT_THAT(refusal("elsewhere/single").what(), HasSubstr("names no commit"));
  for (const Json& request : hub_.log()) {
    EXPECT_TRUE(request.at("host").get<std::string>().starts_with("127.0.0.1:")) << request;
  }
}

TEST_F(FetchModelTest, BrokenConnectionsGoOnFromWhereTheyStopped) {
  fetch("drop/single");
  EXPECT_EQ(ranges("model.safetensors"), (std::vector<std::string>{"", "bytes=1200000-", "bytes=2400000-"}));
}

TEST_F(FetchModelTest, RangesThatAreNotHonouredStartAgain) {
  for (const std::string account : {"norange", "badrange", "misrange"}) {
    const fs::path folder = fetch(account + "/single");
    EXPECT_EQ(fs::file_size(folder / "model.safetensors"), 3000000u) << account;
    EXPECT_EQ(sha256_hex_of_file(folder / "model.safetensors"),
              fs::read_symlink(folder / "model.safetensors").filename());
  }
}

TEST_F(FetchModelTest, FaultsThatPassAreRetried) {
  for (const std::string account : {"busyonce", "downtwice", "hanguponce"})
    EXPECT_NO_THROW(fetch(account + "/torch")) << account;
}

TEST_F(FetchModelTest, RefusalsSayWhatToDo) {
  const std::map<std::string, std::string> expected = {
      {"missing/single", "does not exist or is private"},
      {"private/single", "set HF_TOKEN"},
      {"gated/single", "accept its terms"},
      {"forbidden/single", "does not exist or is private"},
      {"expired/single", "the address may have run out"},
      {"good/single@nosuch", "no revision 'nosuch'"},
      {"good/noconfig", "no config.json"},
      {"good/noweights", "none of model.safetensors"},
      {"good/lostshard", "lacks its file s-1.safetensors"},
      {"busy/single", "too many requests"},
      {"down/single", "fault of its own"},
      {"hangup/single", "connection broke"},
      {"short/torch", "connection broke"},
      {"stall/single", "silence"},
      {"silent/torch", "silence"},
      {"odd404/single", "expected a Hugging Face hub"},
      {"notahub/single", "names no commit"},
      {"badcommit/single", "names no commit"},
      {"badetag/single", "names no commit"},
      {"loop/single", "more than 10 redirects"},
      {"early/torch", "ended after 400 of 9000"},
      {"huge/single", "Xet"},
  };
  for (const auto& [id, reason] : expected) {
    const Error error = refusal(id);
    EXPECT_EQ(error.kind(), ErrorKind::NotFound) << id;
    EXPECT_THAT(error.what(), HasSubstr(reason)) << id;
    EXPECT_EQ(std::string(error.what()).find('\x1b'), std::string::npos) << id;
    EXPECT_EQ(std::string(error.what()).find("signature"), std::string::npos) << id;
  }
}

TEST_F(FetchModelTest, NobodyListening) {
  hub_.settings.endpoint = "http://127.0.0.1:9";
  EXPECT_THAT(refusal("good/single").what(), HasSubstr("no connection"));
  hub_.settings.endpoint = "ftp://127.0.0.1";
  EXPECT_EQ(refusal("good/single").kind(), ErrorKind::Usage);
}

TEST_F(FetchModelTest, WrongBytesAreNotKept) {
  for (const std::string id :
       {"wronghash/single", "wronggit/single", "longer/single", "good/traversal", "good/absolute", "good/notjson"}) {
    EXPECT_EQ(refusal(id).kind(), ErrorKind::BadInput) << id;
    EXPECT_EQ(partial_files(), 0u) << id;
  }
  EXPECT_FALSE(fs::exists(hub_.settings.cache / "models--wronghash--single/snapshots" / kMain / "model.safetensors"));
  for (const auto& entry : fs::recursive_directory_iterator(hub_.settings.cache.parent_path())) {
    EXPECT_NE(entry.path().filename(), "escaped");
  }
}

TEST_F(FetchModelTest, WithoutSymlinksTheFilesAreInTheSnapshot) {
  hub_.settings.symlinks = false;
  const fs::path folder = fetch("good/sharded");
  for (const auto& entry : fs::directory_iterator(folder)) EXPECT_FALSE(entry.is_symlink()) << entry.path();
  EXPECT_EQ(fs::file_size(folder / "s-1.safetensors"), 70000u);
  hub_.settings.symlinks = true;
  const fs::path linked = fetch("good/single");
  hub_.settings.symlinks = false;
  const fs::path copied = fetch("good/single@v1");  // blobs that others link to are copied
  EXPECT_EQ(sha256_hex_of_file(copied / "model.safetensors"), sha256_hex_of_file(linked / "model.safetensors"));
  EXPECT_FALSE(fs::is_symlink(copied / "model.safetensors"));
}

TEST_F(FetchModelTest, StopsOnRequestAndGoesOnLater) {
  struct StopsSoon : Progress {
    void advance(std::int64_t count) override {
      done += count;
      if (done > 500000) cancel();
    }
    std::int64_t done = 0;
  } progress;
  try {
    fetch_model(hub_.settings, parse_model_id("slow/single"), HubUse::IfNeeded, progress);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Interrupted);
  }
  EXPECT_EQ(partial_files(), 1u);
  fetch("slow/single");
  EXPECT_EQ(partial_files(), 0u);
  const auto asked = ranges("model.safetensors");
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_GT(std::stoll(asked.back().substr(std::string("bytes=").size())), 400000);
}

TEST_F(FetchModelTest, CacheThatCannotBeWrittenOrHasNoRoom) {
  write_file(hub_.settings.cache, "a file where a folder should be");
  EXPECT_EQ(refusal("good/single").kind(), ErrorKind::Resource);
  try {
    PartialFile(hub_.settings.cache.parent_path() / std::string(64, 'a'), 1ull << 60, true, "weights", no_progress());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Resource);
    EXPECT_THAT(error.what(), HasSubstr("needs 1152921504606846976 bytes"));
  }
}

}  // namespace
}  // namespace energy_lens
