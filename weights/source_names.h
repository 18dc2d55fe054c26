// The names that published checkpoints have for our tensors: tables, and how they are read.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/config.h"
#include "weights/convert_source.h"

namespace ofer {

// What a source is given as: the option of `ofer convert`.
enum class SourceKind : std::uint8_t { kMae, kVitEncoder, kUNet, kFer, kDan, kResNet, kSpheres };
inline constexpr int kSourceKinds = 7;

// "--mae", ... and "a masked autoencoder (MAE)", ...
std::string_view option_of(SourceKind kind);
std::string_view title_of(SourceKind kind);

// How our tensor's numbers come from theirs.
enum class NameForm : std::uint8_t {
  kSame,         // as they are
  kUnwrapped,    // as they are; extents of 1 in front of the shape do not count: [1, 1, D] is [D]
  kStacked,      // several, one under the other: q, k, v
  kRotated,      // [out, C + latents] to [out, latents + C]
  kBehindZeros,  // [out, C] to [out, zeros + C]
  kZero,         // of no tensor of theirs, from here on
  kOne,
  kIdentity,      // ones on the diagonal
  kUnitVariance,  // makes a batch norm the identity: 1 - eps
};

// A row of a table, in patterns. {x} in a name is a running number, x saying what runs (see the
// tables), {xx} with two digits, {x+3} three more, {a|b|c} one name after the other, {@x} the place
// of a U-Net's level in its nest.
struct NameRow {
  enum Parts : std::uint8_t {
    kTensor,     // the name itself
    kWeight,     // NAME.weight
    kLayer,      // NAME.weight, NAME.bias
    kBatchNorm,  // ours .weight .bias .mean .variance, theirs .running_mean, .running_var
  };
  std::string_view ours, theirs;
  Parts parts = kLayer;
  NameForm form = NameForm::kSame;
};

struct NameSection {
  std::string_view ours, theirs;  // put in front of every name
  std::span<const NameRow> rows;
};

// One way to name the tensors of one kind of source.
struct NameTable {
  SourceKind kind;
  std::string_view title;  // "timm's names", ...
  std::span<const NameSection> sections;
  std::span<const std::string_view> signature;  // a source that has all of these has these names
  // Beginnings of names, or "*" and an end, that such sources may hold and no model of ours needs.
  std::span<const std::string_view> left_over;
};

std::span<const NameTable> name_tables();

// The table whose signature `source` has, among those of `kind`; null: none.
const NameTable* table_of(SourceKind kind, const ConvertSource& source);
// Of any kind, for saying what a source looks like; null: none.
const NameTable* any_table_of(const ConvertSource& source);

// Is it a name that every converter leaves out: a batch norm's counter?
bool is_counter(std::string_view name);

// One tensor of ours (structure "layers") and those of theirs that it is made of.
struct NamePair {
  std::string ours;
  std::vector<std::string> theirs;
  NameForm form = NameForm::kSame;
};

// All of a table, for the model that `config` describes.
std::vector<NamePair> pairs_of(const NameTable& table, const Config& config);

// What {x} stands for.
using Places = std::map<char, int>;

// Their name of our tensor. `ours` is written as in the table, its section's prefix in front and
// .weight and so on behind: "mae.encoder.block{ee}.norm1.weight". The first of several. "" when the
// table has no such row.
std::string their_name(const NameTable& table, std::string_view ours, const Places& places);

// The prefix of the layers of level 1, 2, ... of the released U-Net.
std::string unet_level_path(int level);

}  // namespace ofer
