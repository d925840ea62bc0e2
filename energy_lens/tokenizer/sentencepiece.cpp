#include "energy_lens/tokenizer/sentencepiece.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>

#include "energy_lens/core/error.h"
#include "energy_lens/io/file.h"
#include "energy_lens/tokenizer/protobuf_reader.h"
#include "energy_lens/tokenizer/scored_model.h"
#include "energy_lens/tokenizer/sentencepiece_normalizer.h"
#include "energy_lens/tokenizer/unigram_model.h"

namespace energy_lens {
namespace {

[[noreturn]] void refuse(const std::string& what) { fail(ErrorKind::BadInput, "load_tokenizer", what); }

enum class PieceType { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

struct Piece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::Normal;
};

// What of sentencepiece_model.proto (google/sentencepiece) decides about encoding.
struct ModelFile {
  std::vector<Piece> pieces;
  std::int64_t model_type = 1;  // 1 unigram, 2 BPE
  bool byte_fallback = false, whitespace_as_suffix = false;
  std::string bos = "<s>", eos = "</s>";
  SentencePieceSpec spec;
};

Piece read_piece(std::string_view message) {
  Piece piece;
  ProtobufReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == 1) piece.text = field->text();
    if (field->number == 2) piece.score = field->real();
    if (field->number == 3) {
      const std::int64_t type = field->whole();
      if (type < 1 || type > 6) refuse("a piece has type " + std::to_string(type) + ", expected 1 to 6");
      piece.type = static_cast<PieceType>(type);
    }
  }
  if (!is_utf8(piece.text)) refuse("a piece is not UTF-8");
  if (!std::isfinite(piece.score)) refuse("piece '" + piece.text.substr(0, 100) + "' has a score that is not finite");
  return piece;
}

void read_trainer_spec(std::string_view message, ModelFile& file) {
  ProtobufReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == 3) file.model_type = field->whole();
    if (field->number == 24) file.whitespace_as_suffix = field->flag();
    if (field->number == 35) file.byte_fallback = field->flag();
    if (field->number == 46) file.bos = field->text();
    if (field->number == 47) file.eos = field->text();
  }
}

void read_normalizer_spec(std::string_view message, SentencePieceSpec& spec) {
  ProtobufReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == 2 && !field->text().empty()) spec.map = CharacterMap(field->text());
    if (field->number == 3) spec.add_dummy_prefix = field->flag();
    if (field->number == 4) spec.remove_extra_whitespaces = field->flag();
    if (field->number == 5) spec.escape_whitespaces = field->flag();
  }
}

void refuse_denormalizer(std::string_view message) {
  ProtobufReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == 2 && !field->text().empty()) refuse("a denormalizer is not supported");
  }
}

ModelFile read_model(std::string_view message) {
  ModelFile file;
  ProtobufReader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == 1) file.pieces.push_back(read_piece(field->text()));
    if (field->number == 2) read_trainer_spec(field->text(), file);
    if (field->number == 3) read_normalizer_spec(field->text(), file.spec);
    if (field->number == 5) refuse_denormalizer(field->text());
  }
  if (file.pieces.empty()) refuse("it holds no pieces, expected a SentencePiece model");
  if (file.model_type != 1 && file.model_type != 2) {
    refuse("model type " + std::to_string(file.model_type) +
           " is not supported; supported are 1 (unigram) and 2 (BPE)");
  }
  if (file.whitespace_as_suffix) refuse("treat_whitespace_as_suffix is not supported");
  return file;
}

std::int64_t unknown_id(const ModelFile& file) {
  const auto is_unknown = [](const Piece& piece) { return piece.type == PieceType::Unknown; };
  const auto found = std::find_if(file.pieces.begin(), file.pieces.end(), is_unknown);
  if (found == file.pieces.end() || std::count_if(found, file.pieces.end(), is_unknown) != 1) {
    refuse("it needs exactly one unknown piece");
  }
  return found - file.pieces.begin();
}

bool takes_part(PieceType type) {
  return type == PieceType::Normal || type == PieceType::UserDefined || type == PieceType::Unused;
}

ScoreMerges to_merges(const ModelFile& file) {
  ScoreMerges merges;
  for (std::size_t id = 0; id < file.pieces.size(); ++id) {
    const Piece& piece = file.pieces[id];
    if (!takes_part(piece.type)) continue;
    const auto kind = piece.type == PieceType::UserDefined ? ScoreMerges::Kind::Whole
                      : piece.type == PieceType::Unused    ? ScoreMerges::Kind::Unused
                                                           : ScoreMerges::Kind::Normal;
    merges.add(piece.text, static_cast<std::int64_t>(id), piece.score, kind);
  }
  merges.finish();
  return merges;
}

// User-defined pieces score so that they always win; the bound starts from the smallest positive float, as there.
UnigramPath<float> to_path(const ModelFile& file, std::int64_t unknown) {
  constexpr float kUnknownPenalty = 10;
  float least = FLT_MAX, most = FLT_MIN;
  for (const Piece& piece : file.pieces) {
    if (piece.type != PieceType::Normal) continue;
    least = std::min(least, piece.score);
    most = std::max(most, piece.score);
  }
  std::vector<ScoredToken> tokens;
  for (std::size_t id = 0; id < file.pieces.size(); ++id) {
    const Piece& piece = file.pieces[id];
    if (!takes_part(piece.type) || piece.type == PieceType::Unused) continue;
    const float bonus = static_cast<float>(piece.text.size()) * most;
    const double score = piece.type == PieceType::UserDefined ? bonus - 0.1 : piece.score;
    tokens.push_back({piece.text, static_cast<std::int64_t>(id), score});
  }
  return {tokens, unknown, least - kUnknownPenalty};
}

ByteTrie user_defined(const ModelFile& file) {
  std::vector<std::pair<std::string, std::int64_t>> keys;
  for (std::size_t id = 0; id < file.pieces.size(); ++id) {
    if (file.pieces[id].type == PieceType::UserDefined) {
      keys.emplace_back(file.pieces[id].text, static_cast<std::int64_t>(id));
    }
  }
  return ByteTrie(std::move(keys));
}

std::optional<std::int64_t> control(const ModelFile& file, const std::string& text) {
  for (std::size_t id = 0; id < file.pieces.size(); ++id) {
    if (file.pieces[id].type == PieceType::Control && file.pieces[id].text == text)
      return static_cast<std::int64_t>(id);
  }
  return std::nullopt;
}

}  // namespace

TokenizerParts read_sentencepiece(const std::filesystem::path& path) {
  constexpr std::uint64_t kMaxFile = 64 << 20;
  const std::string bytes = read_file(path, kMaxFile);
  ModelFile file = read_model(bytes);
  TokenizerParts parts;
  for (std::size_t id = 0; id < file.pieces.size(); ++id) {
    parts.vocabulary->add(file.pieces[id].text, static_cast<std::int64_t>(id));
  }
  const std::int64_t unknown = unknown_id(file);
  if (file.model_type == 1) {
    parts.model = unigram_scored_model(parts.vocabulary, to_path(file, unknown), unknown, file.byte_fallback);
  } else {
    parts.model = merging_scored_model(parts.vocabulary, to_merges(file), unknown, file.byte_fallback);
  }
  const bool strips_first = file.spec.add_dummy_prefix || file.spec.remove_extra_whitespaces;
  parts.decoders = sentencepiece_decoders(file.spec.escape_whitespaces ? "\xE2\x96\x81" : " ", strips_first);
  file.spec.whole = user_defined(file);
  parts.bos = control(file, file.bos);
  parts.eos = control(file, file.eos);
  parts.adds_bos = parts.bos.has_value();
  parts.normalizers.push_back(std::make_unique<SentencePieceNormalizer>(std::move(file.spec)));
  return parts;
}

}  // namespace energy_lens
