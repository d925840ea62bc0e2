#include "energy_lens/hub/url.h"

#include <gtest/gtest.h>

namespace energy_lens {
namespace {

TEST(Url, OriginHoldsSchemeHostAndPort) {
  EXPECT_EQ(origin_of("https://Hub.Example/a?b"), "https://hub.example:443");
  EXPECT_EQ(origin_of("HTTP://h:8080"), "http://h:8080");
  EXPECT_EQ(origin_of("http://h"), "http://h:80");
  EXPECT_EQ(origin_of("http://[::1]:5/x"), "http://[::1]:5");
  // A name and password before the host do not make it another host.
  EXPECT_EQ(origin_of("https://hub.example@evil.example/"), "https://evil.example:443");
  for (const char* bad : {"", "hub.example", "ftp://h/", "file:///etc/passwd", "http://h:99999/"}) {
    EXPECT_EQ(origin_of(bad), "") << bad;
  }
}

TEST(Url, NoRedirectLeavesHttps) {
  const std::string https = origin_of("https://hub.example"), http = origin_of("http://hub.example");
  for (const char* url : {"https://hub.example/a", "https://cdn.example/a", "HTTPS://cdn.example:8443"}) {
    EXPECT_TRUE(may_go_on_to(https, url)) << url;
    EXPECT_TRUE(may_go_on_to(http, url)) << url;
  }
  for (const char* url : {"http://hub.example/a", "http://hub.example:443/a", "HTTP://cdn.example"}) {
    EXPECT_FALSE(may_go_on_to(https, url)) << url;
    EXPECT_TRUE(may_go_on_to(http, url)) << url;
  }
  for (const char* url : {"", "file:///etc/passwd", "ftp://hub.example/"}) {
    EXPECT_FALSE(may_go_on_to(https, url)) << url;
    EXPECT_FALSE(may_go_on_to(http, url)) << url;
  }
}

TEST(Url, RelativeLocationsStayOnTheHost) {
  for (const char* relative : {"/a/b", "b", "?x=1", "/a?u=http://other/"}) EXPECT_TRUE(is_relative_location(relative));
  for (const char* absolute : {"http://other/", "//other/a", "HTTPS:other", "\\\\other"}) {
    EXPECT_FALSE(is_relative_location(absolute)) << absolute;
  }
}

TEST(Url, LocationsResolveAgainstWhatWasAsked) {
  const std::string base = "https://h:1/a/b/c?d=1";
  EXPECT_EQ(resolve_location(base, "/x/y"), "https://h:1/x/y");
  EXPECT_EQ(resolve_location(base, "e"), "https://h:1/a/b/e");
  EXPECT_EQ(resolve_location(base, "//other/z"), "https://other/z");
  EXPECT_EQ(resolve_location(base, "http://other/z?q"), "http://other/z?q");
}

TEST(Url, EncodesEverythingThatMeansSomething) {
  EXPECT_EQ(encode_url_part("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(encode_url_part("a-B_9.~"), "a-B_9.~");
  EXPECT_EQ(encode_url_part("a b?#%\xC3\xA9"), "a%20b%3F%23%25%C3%A9");
}

}  // namespace
}  // namespace energy_lens
