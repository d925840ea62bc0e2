#include "energy_lens/io/hasher.h"

#include <gtest/gtest.h>

#include <string>

namespace energy_lens {
namespace {

// The vectors of FIPS 180-4's examples.
TEST(Hasher, KnownDigests) {
  Hasher sha1(Hasher::Algorithm::Sha1), sha256(Hasher::Algorithm::Sha256);
  sha1.add("abc");
  sha256.add("abc");
  EXPECT_EQ(sha1.hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha256.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hasher, PiecesGiveTheDigestOfTheWhole) {
  Hasher pieces(Hasher::Algorithm::Sha1);
  for (int i = 0; i < 10000; ++i) pieces.add(std::string(100, 'a'));
  EXPECT_EQ(pieces.hex(), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

}  // namespace
}  // namespace energy_lens
