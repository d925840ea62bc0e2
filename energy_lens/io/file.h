// Whole files: read, atomic write, digest.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "energy_lens/core/error.h"

namespace energy_lens {

using Json = nlohmann::ordered_json;

// Errors: NotFound; BadInput for a directory, or more than max_bytes.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes = 1ull << 31);

// Keys and values together: a number takes 16 bytes, an empty object or a key about 100. The tokenizers of the largest
// vocabularies have 2.4 million. Our own results may have more.
inline constexpr std::int64_t kMostJsonValues = 4'000'000, kMostResultValues = 1'000'000'000;

// Parses JSON. Errors: BadInput naming the file and the position; duplicate keys, NaN and depth > 200 are refused.
Json read_json(const std::filesystem::path& path, std::uint64_t max_bytes = 256ull << 20,
               std::int64_t max_values = kMostJsonValues);

// Temporary name beside `path`, fsync, rename. Errors: Resource; the old file, if any, is then untouched.
void write_file(const std::filesystem::path& path, std::string_view bytes);

// The kind of error when something is missing from `place`: BadInput where there is a file, a folder or a link, which
// is then not what it should be, else NotFound.
ErrorKind kind_of_missing(const std::filesystem::path& place);

// Lower-case hex SHA-256.
std::string sha256_hex(std::string_view bytes);
std::string sha256_hex_of_file(const std::filesystem::path& path);

// True when bytes are well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view bytes);

}  // namespace energy_lens
