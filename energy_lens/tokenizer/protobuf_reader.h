// The protocol buffer wire format, as far as reading a SentencePiece model needs it: fields one after another, every
// length checked against what is there. Fields that the caller does not ask for are skipped.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace energy_lens {

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  struct Field {
    std::uint64_t number = 0;
    int wire_type = 0;        // 0 varint, 1 eight bytes, 2 a string of bytes, 5 four bytes
    std::uint64_t value = 0;  // of wire types 0, 1 and 5
    std::string_view bytes;   // of wire type 2

    // Errors: BadInput when the field is written as another type.
    bool flag() const;
    std::int64_t whole() const;
    float real() const;
    std::string_view text() const;
  };
  // Nothing at the end. Errors: BadInput when the message is cut off or uses groups.
  std::optional<Field> next();

 private:
  std::uint64_t varint();
  std::uint64_t fixed(std::size_t bytes);
  std::string_view rest_;
};

}  // namespace energy_lens
