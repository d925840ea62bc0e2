#include "energy_lens/io/gguf_cursor.h"

#include <algorithm>
#include <array>

#include "energy_lens/core/error.h"

namespace energy_lens {
namespace {

constexpr std::uint64_t kMaxList = 1u << 22;     // the largest vocabularies have 2^18 tokens and 2^19 merges
constexpr std::uint64_t kMaxDecoded = 1u << 16;  // vocabularies are skipped; lists that are read have a value a layer
constexpr std::uint64_t kMaxText = 1u << 20;     // chat templates, the longest, have some thousands
constexpr std::uint32_t kText = 8, kList = 9;

template <class Number>
Json decode(GgufCursor& cursor) {
  return cursor.number<Number>();
}
Json decode_flag(GgufCursor& cursor) { return cursor.number<std::uint8_t>() != 0; }
Json decode_text(GgufCursor& cursor) {
  const std::string_view text = cursor.text();
  if (text.size() > kMaxText) {
    cursor.refuse("has a text of " + std::to_string(text.size()) + " bytes, expected at most " +
                  std::to_string(kMaxText));
  }
  return std::string(text);
}

struct ValueType {
  std::uint32_t id;
  std::uint64_t size;  // bytes; of a text, its shortest
  Json (*decode)(GgufCursor& cursor);
};

constexpr auto kValueTypes = std::to_array<ValueType>({{0, 1, decode<std::uint8_t>},
                                                       {1, 1, decode<std::int8_t>},
                                                       {2, 2, decode<std::uint16_t>},
                                                       {3, 2, decode<std::int16_t>},
                                                       {4, 4, decode<std::uint32_t>},
                                                       {5, 4, decode<std::int32_t>},
                                                       {6, 4, decode<float>},
                                                       {7, 1, decode_flag},
                                                       {kText, 8, decode_text},
                                                       {10, 8, decode<std::uint64_t>},
                                                       {11, 8, decode<std::int64_t>},
                                                       {12, 8, decode<double>}});

const ValueType& value_type(const GgufCursor& cursor, std::uint32_t id) {
  const auto found = std::ranges::find(kValueTypes, id, &ValueType::id);
  if (found == kValueTypes.end()) cursor.refuse("has a value of unknown type " + std::to_string(id));
  return *found;
}

}  // namespace

void GgufCursor::refuse(const std::string& reason) const {
  fail(ErrorKind::BadInput, "gguf", path_.string() + " at byte " + std::to_string(at_) + " " + reason);
}

const std::uint8_t* GgufCursor::take(std::uint64_t size) {
  if (size > left()) {
    refuse("needs " + std::to_string(size) + " more bytes, " + std::to_string(left()) +
           " are left: truncated or damaged");
  }
  at_ += size;
  return bytes_.data() + at_ - size;
}

std::string_view GgufCursor::text() {
  const auto size = number<std::uint64_t>();
  return {reinterpret_cast<const char*>(take(size)), size};
}

GgufCursor::ListHead GgufCursor::list_head() {
  ListHead head{};
  head.type = number<std::uint32_t>();
  head.count = number<std::uint64_t>();
  if (head.type == kList) refuse("has a list of lists");
  if (head.count > kMaxList || head.count * value_type(*this, head.type).size > left()) {
    refuse("has a list of " + std::to_string(head.count) + " values, more than the file can hold or a model can need");
  }
  return head;
}

void GgufCursor::skip_value() {
  const auto type = number<std::uint32_t>();
  const ListHead head = type == kList ? list_head() : ListHead{type, 1};
  const ValueType& entry = value_type(*this, head.type);
  if (head.type != kText) {
    take(head.count * entry.size);
    return;
  }
  for (std::uint64_t i = 0; i < head.count; ++i) text();
}

Json GgufCursor::value() {
  const auto type = number<std::uint32_t>();
  if (type != kList) return value_type(*this, type).decode(*this);
  const ListHead head = list_head();
  if (head.count > kMaxDecoded) {
    refuse("has a list of " + std::to_string(head.count) + " values, expected at most " + std::to_string(kMaxDecoded));
  }
  const ValueType& entry = value_type(*this, head.type);
  Json list = Json::array();
  for (std::uint64_t i = 0; i < head.count; ++i) list.push_back(entry.decode(*this));
  return list;
}

}  // namespace energy_lens
