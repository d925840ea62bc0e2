#include "energy_lens/io/pickle.h"

#include <gtest/gtest.h>

#include <array>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

using namespace std::string_literals;
constexpr std::array<std::string_view, 1> kAllowed = {"torch.FloatStorage"};

Pickle parse(const std::string& bytes) {
  return Pickle::parse(std::vector<char>(bytes.begin(), bytes.end()), kAllowed, "case");
}

TEST(Pickle, NumbersAndTextsAreRead) {
  const std::vector<std::pair<std::string, std::int64_t>> integers = {
      {"K\xff"s, 255},
      {"M\x34\x12"s, 0x1234},
      {"J\xff\xff\xff\xff"s, -1},
      {"\x8a\x00"s, 0},
      {"\x8a\x01\x80"s, -128},
      {"\x8a\x05\x00\x00\x00\x00\x01"s, 1ll << 32},
      {"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80"s, INT64_MIN}};
  for (const auto& [code, value] : integers) {
    const Pickle pickle = parse("\x80\x02"s + code + ".");
    EXPECT_EQ(pickle[pickle.root()].integer, value);
  }
  const Pickle real = parse("G\x3f\xf8\x00\x00\x00\x00\x00\x00."s);
  EXPECT_EQ(real[real.root()].real, 1.5);
  const Pickle text = parse("\x8c\x03"s + "abc.");
  EXPECT_EQ(text[text.root()].text, "abc");
}

TEST(Pickle, AnOrderedDictIsADictWithoutItsAttributes) {
  const Pickle pickle =
      parse("\x80\x02"s + "ccollections\nOrderedDict\nq\x00)Rq\x01(\x8c\x01"s + "aK\x01u}\x8c\x02_mNsb.");
  const Pickle::Node& root = pickle[pickle.root()];
  ASSERT_EQ(root.kind, Pickle::Kind::Dict);
  ASSERT_EQ(root.items.size(), 2u);
  EXPECT_EQ(pickle[root.items[0]].text, "a");
  EXPECT_EQ(pickle[root.items[1]].integer, 1);
}

TEST(Pickle, AnAllowedGlobalAppliedToArgumentsIsOnlyNamed) {
  const Pickle pickle = parse("\x80\x02"s + "ctorch\nFloatStorage\n(K\x07tR."s);
  const Pickle::Node& root = pickle[pickle.root()];
  ASSERT_EQ(root.kind, Pickle::Kind::Call);
  EXPECT_EQ(pickle[root.items[0]].text, "torch.FloatStorage");
  EXPECT_EQ(pickle[pickle[root.items[1]].items[0]].integer, 7);
}

TEST(Pickle, HostilePicklesAreRefusedInOneLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"empty", ""s},
      {"protocol 1", "\x80\x01N."s},
      {"protocol 9", "\x80\x09N."s},
      {"no stop", "N"s},
      {"os.system", "cos\nsystem\n(\x8c\x02lstR."s},
      {"builtins.eval by stack", "\x8c\x08"s + "builtins\x8c\x04" + "eval\x93."},
      {"a global by number", "K\x01K\x02\x93."s},
      {"a name that does not end", "cos"s},
      {"a name with control characters", "c\x1b[31mos\nsys\ttem\n."s},
      {"calls text", "\x8c\x01"s + "a)R."},
      {"calls what a call gave", "ctorch\nFloatStorage\n)R)R."s},
      {"arguments that are no tuple", "ctorch\nFloatStorage\n]R."s},
      {"OrderedDict of arguments", "ccollections\nOrderedDict\n(]tR."s},
      {"attributes of a global", "ctorch\nFloatStorage\n}b."s},
      {"attributes that are no dictionary", "}\x8c\x01xb."s},
      {"INST", "(ios\nsystem\n."s},
      {"OBJ", "(cos\nsystem\no."s},
      {"NEWOBJ", "ctorch\nFloatStorage\n)\x81."s},
      {"EXT1", "\x82\x01."s},
      {"PERSID", "P1\n."s},
      {"a text of 2^32 - 1 bytes", "X\xff\xff\xff\xff"s + "abc."},
      {"a text of 2^64 - 1 bytes", "\x8d\xff\xff\xff\xff\xff\xff\xff\xff"s + "abc."},
      {"LONG of 9 bytes", "\x8a\x09"s + std::string(9, '\x01') + "."},
      {"LONG4", "\x8b\xff\xff\xff\x7f."s},
      {"memo index 2^32 - 1", "Nr\xff\xff\xff\xff."s},
      {"memo index that was never set", "h\x05."s},
      {"memo of nothing", "q\x00."s},
      {"stack underflow", "R."s},
      {"mark underflow", "t."s},
      {"pop below a mark", "N(\x85."s},
      {"items for a number", "K\x01(N\x65."s},
      {"a key without a value", "}(Nu."s},
      {"objects left", "NN."s},
      {"a mark left", "(N."s},
      {"too many objects", std::string((1 << 21) + 1, 'N') + "."}};
  for (const auto& [what, bytes] : cases) {
    try {
      parse(bytes);
      ADD_FAILURE() << what << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadInput) << what << ": " << error.what();
      for (const char c : std::string(error.what())) EXPECT_TRUE(c >= ' ' && c <= '~') << what;
    }
  }
}

TEST(Pickle, ARefusedGlobalIsNamed) {
  try {
    parse("cposix\nsystem\n."s);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("posix.system"), std::string::npos) << error.what();
  }
}

TEST(Pickle, DeepNestingNeedsNoStack) {
  constexpr int kDepth = 200000;
  const Pickle pickle = parse(std::string(kDepth, ']') + std::string(kDepth - 1, 'a') + ".");
  EXPECT_EQ(pickle[pickle.root()].kind, Pickle::Kind::List);
}

}  // namespace
}  // namespace energy_lens
