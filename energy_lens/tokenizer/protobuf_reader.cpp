#include "energy_lens/tokenizer/protobuf_reader.h"

#include <bit>
#include <string>

#include "energy_lens/core/error.h"
#include "energy_lens/tokenizer/little_endian.h"

namespace energy_lens {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  fail(ErrorKind::BadInput, "load_tokenizer", "got a SentencePiece model that " + what);
}

void expect(const ProtobufReader::Field& field, int wire_type) {
  if (field.wire_type != wire_type) {
    refuse("writes field " + std::to_string(field.number) + " as wire type " + std::to_string(field.wire_type) +
           ", expected " + std::to_string(wire_type));
  }
}

}  // namespace

bool ProtobufReader::Field::flag() const {
  expect(*this, 0);
  return value != 0;
}

std::int64_t ProtobufReader::Field::whole() const {
  expect(*this, 0);
  return static_cast<std::int64_t>(value);
}

float ProtobufReader::Field::real() const {
  expect(*this, 5);
  return std::bit_cast<float>(static_cast<std::uint32_t>(value));
}

std::string_view ProtobufReader::Field::text() const {
  expect(*this, 2);
  return bytes;
}

std::uint64_t ProtobufReader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) refuse("is cut off inside a number");
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  refuse("has a number of more than ten bytes");
}

std::uint64_t ProtobufReader::fixed(std::size_t bytes) {
  if (rest_.size() < bytes) refuse("is cut off inside a number");
  const std::uint64_t value = little_endian(rest_.substr(0, bytes));
  rest_.remove_prefix(bytes);
  return value;
}

std::optional<ProtobufReader::Field> ProtobufReader::next() {
  if (rest_.empty()) return std::nullopt;
  const std::uint64_t tag = varint();
  Field field;
  field.number = tag >> 3;
  field.wire_type = static_cast<int>(tag & 7);
  if (field.number == 0) refuse("has a field numbered 0");
  switch (field.wire_type) {
    case 0:
      field.value = varint();
      break;
    case 1:
      field.value = fixed(8);
      break;
    case 5:
      field.value = fixed(4);
      break;
    case 2: {
      const std::uint64_t length = varint();
      if (length > rest_.size()) {
        refuse("is cut off: field " + std::to_string(field.number) + " has " + std::to_string(length) + " bytes, " +
               std::to_string(rest_.size()) + " are left");
      }
      field.bytes = rest_.substr(0, length);
      rest_.remove_prefix(length);
      break;
    }
    default:
      refuse("has wire type " + std::to_string(field.wire_type) + ", which is not supported");
  }
  return field;
}

}  // namespace energy_lens
