#include "weights/source_names.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "engine/error.h"
#include "weights/source_tables.h"

namespace ofer {
namespace {

struct PartName {
  std::string_view ours, theirs;
};
constexpr PartName kTensorParts[] = {{"", ""}};
constexpr PartName kLayerParts[] = {{".weight", ".weight"}, {".bias", ".bias"}};
constexpr PartName kBatchNormParts[] = {{".weight", ".weight"},
                                        {".bias", ".bias"},
                                        {".mean", ".running_mean"},
                                        {".variance", ".running_var"}};

std::span<const PartName> parts_of(NameRow::Parts parts) {
  switch (parts) {
    case NameRow::kTensor:
      return kTensorParts;
    case NameRow::kWeight:
      return std::span(kLayerParts).first(1);
    case NameRow::kLayer:
      return kLayerParts;
    case NameRow::kBatchNorm:
      return kBatchNormParts;
  }
  OFER_ASSERT(!"a row without parts");
}

// One {...}: "e", "ee", "s+3", "@l", "@3".
std::string placed(std::string_view text, const Places& places) {
  const bool path = text.starts_with('@');
  if (path) text.remove_prefix(1);
  if (std::isdigit(static_cast<unsigned char>(text[0]))) return unet_level_path(text[0] - '0');
  const auto found = places.find(text[0]);
  OFER_ASSERT(found != places.end());
  int number = found->second;
  if (path) return unet_level_path(number);
  if (text.size() > 2 && text[1] == '+') number += text[2] - '0';
  const bool two_digits = text.size() == 2;
  return (two_digits && number < 10 ? "0" : "") + std::to_string(number);
}

// The names that a pattern stands for: one, or several where it has {a|b}.
std::vector<std::string> expand(std::string_view pattern, const Places& places) {
  std::vector<std::string> names{""};
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    for (std::string& name : names) name += pattern.substr(0, open);
    if (open == pattern.npos) break;
    const std::size_t close = pattern.find('}', open);
    OFER_ASSERT(close != pattern.npos && close > open + 1);
    std::string_view inside = pattern.substr(open + 1, close - open - 1);
    pattern.remove_prefix(close + 1);
    if (inside.find('|') == inside.npos) {
      for (std::string& name : names) name += placed(inside, places);
      continue;
    }
    std::vector<std::string> longer;
    for (const std::string& name : names)
      for (std::string_view rest = inside;;) {
        const std::size_t bar = rest.find('|');
        longer.push_back(name + std::string(rest.substr(0, bar)));
        if (bar == rest.npos) break;
        rest.remove_prefix(bar + 1);
      }
    names = std::move(longer);
  }
  return names;
}

std::vector<int> numbers(int first, int end) {
  std::vector<int> result;
  for (int i = first; i < end; ++i) result.push_back(i);
  return result;
}

std::vector<int> spheres_of(const Config& config, SphereKind kind) {
  std::vector<int> result;
  for (std::size_t k = 0; k < config.detector.spheres.size(); ++k)
    if (config.detector.spheres[k].kind == kind) result.push_back(static_cast<int>(k));
  return result;
}

// The letters of the tables in the order in which they are chosen; what one may be can depend on
// those before it.
constexpr std::string_view kLetters = "edstjhlnkgp";

std::vector<int> range_of(char letter, const Places& chosen, const Config& config) {
  const auto at = [&](char other) { return static_cast<std::size_t>(chosen.at(other)); };
  switch (letter) {
    case 'e':
      return numbers(0, config.encoder.depth);
    case 'd':
      return numbers(0, config.decoder.depth);
    case 's':
      return numbers(1, 5);
    case 't':
      return numbers(2, 5);
    case 'j':
      return numbers(0, config.recogniser.blocks[at('s') - 1]);
    case 'h':
      return numbers(0, config.recogniser.heads);
    case 'l': {
      std::vector<int> levels = numbers(1, config.unet ? config.unet->levels : 1);
      std::erase(levels, UNetConfig::kAssemblyLevel);
      return levels;
    }
    case 'n':
      return config.unet ? std::vector<int>{config.unet->levels} : std::vector<int>{};
    case 'k':
      return spheres_of(config, SphereKind::kDeep);
    case 'g':
      return spheres_of(config, SphereKind::kKernel);
    case 'p':
      return numbers(0, static_cast<int>(config.detector.spheres[at('k')].widths.size()));
    default:
      OFER_ASSERT(!"a letter without a meaning");
  }
}

bool mentions(std::string_view pattern, char letter) {
  return pattern.find(std::string{'{', letter}) != pattern.npos;
}

// The encoder that a section fills decides how many blocks {e} counts.
Config seen_by(const NameSection& section, Config config) {
  if (section.ours.starts_with("detector.encoder") && config.detector.encoder)
    config.encoder = *config.detector.encoder;
  return config;
}

class Expansion {
 public:
  Expansion(const NameTable& table, const Config& config, std::vector<NamePair>& pairs)
      : pairs_(pairs) {
    for (const NameSection& section : table.sections) {
      const Config seen = seen_by(section, config);
      for (const NameRow& row : section.rows) {
        const Row whole{std::string(section.ours) + std::string(row.ours),
                        std::string(section.theirs) + std::string(row.theirs), row};
        choose(whole, seen, 0, {});
      }
    }
  }

 private:
  struct Row {
    std::string ours, theirs;
    const NameRow& row;
  };

  void choose(const Row& row, const Config& config, std::size_t letter, const Places& places) {
    while (letter < kLetters.size() && !mentions(row.ours, kLetters[letter])) ++letter;
    if (letter == kLetters.size()) return add(row, places);
    for (const int number : range_of(kLetters[letter], places, config)) {
      Places more = places;
      more[kLetters[letter]] = number;
      choose(row, config, letter + 1, more);
    }
  }

  void add(const Row& row, const Places& places) {
    const std::string ours = expand(row.ours, places).front();
    for (const PartName& part : parts_of(row.row.parts)) {
      NamePair pair{ours + std::string(part.ours), {}, row.row.form};
      if (row.row.form < NameForm::kZero)
        for (const std::string& theirs : expand(row.theirs, places))
          pair.theirs.push_back(theirs + std::string(part.theirs));
      pairs_.push_back(std::move(pair));
    }
  }

  std::vector<NamePair>& pairs_;
};

bool has_all(const ConvertSource& source, std::span<const std::string_view> names) {
  return std::all_of(names.begin(), names.end(),
                     [&](std::string_view name) { return source.find(name) != nullptr; });
}

}  // namespace

const NameTable* table_of(SourceKind kind, const ConvertSource& source) {
  for (const NameTable& table : name_tables())
    if (table.kind == kind && has_all(source, table.signature)) return &table;
  return nullptr;
}

const NameTable* any_table_of(const ConvertSource& source) {
  for (const NameTable& table : name_tables())
    if (has_all(source, table.signature)) return &table;
  return nullptr;
}

bool is_counter(std::string_view name) {
  return name.ends_with("num_batches_tracked");
}

std::vector<NamePair> pairs_of(const NameTable& table, const Config& config) {
  std::vector<NamePair> pairs;
  Expansion(table, config, pairs);
  return pairs;
}

std::string their_name(const NameTable& table, std::string_view ours, const Places& places) {
  for (const NameSection& section : table.sections) {
    if (!ours.starts_with(section.ours)) continue;
    for (const NameRow& row : section.rows)
      for (const PartName& part : parts_of(row.parts))
        if (row.form < NameForm::kZero &&
            ours.substr(section.ours.size()) == std::string(row.ours) + std::string(part.ours))
          return expand(std::string(section.theirs) + std::string(row.theirs), places).front() +
                 std::string(part.theirs);
  }
  return "";
}

// Every level is the sixth thing in the one around it; below the self-assembly, which comes with a
// tap of a loss behind it, the eighth.
std::string unet_level_path(int level) {
  std::string path = "model.model.1.model";
  for (int above = 1; above < level; ++above)
    path += above == UNetConfig::kAssemblyLevel ? ".8.model" : ".6.model";
  return path;
}

}  // namespace ofer
