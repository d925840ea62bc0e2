// tokenize_main <model folder>: one JSON text a line on stdin, {"text": "..."} or {"hex": "..."} for bytes that are no
// UTF-8; one line {"ids", "offsets", "decoded" (hex)} a text on stdout. {"about": true} is answered with "adds_bos" and
// "bos_id" (null for none). The parity tests drive it.
#include <cstdio>
#include <iostream>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/tokenizer/tokenizer.h"

namespace {

std::string to_hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : bytes) hex += {kDigits[byte >> 4], kDigits[byte & 15]};
  return hex;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const auto tokenizer = energy_lens::load_tokenizer(argv[1]);
    for (std::string line; std::getline(std::cin, line);) {
      const auto request = energy_lens::Json::parse(line);
      if (request.contains("about")) {
        const auto bos = tokenizer->bos_id();
        const energy_lens::Json reply{{"adds_bos", tokenizer->adds_bos()},
                                      {"bos_id", bos ? energy_lens::Json(*bos) : energy_lens::Json()}};
        std::puts(reply.dump().c_str());
        continue;
      }
      const std::string text =
          request.contains("hex") ? from_hex(request["hex"]) : request.at("text").get<std::string>();
      const energy_lens::Encoding encoding = tokenizer->encode(text);
      const energy_lens::Json reply{
          {"ids", encoding.ids}, {"offsets", encoding.offsets}, {"decoded", to_hex(tokenizer->decode(encoding.ids))}};
      std::puts(reply.dump().c_str());
    }
  } catch (const energy_lens::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.kind());
  }
  return 0;
}
