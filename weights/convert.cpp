#include "weights/convert.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "engine/error.h"
#include "weights/convert_numbers.h"
#include "weights/convert_origin.h"
#include "weights/convert_sizes.h"
#include "weights/initialise.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

std::string file_of(const ConvertSource& source) {
  return std::filesystem::path(source.name()).filename().string();
}

// The table by which the source is read. A source of another kind is told what it looks like.
const NameTable& table_for(const Conversion::Input& input) {
  if (const NameTable* table = table_of(input.kind, *input.source)) return *table;
  const NameTable* other = any_table_of(*input.source);
  fail(ErrorCode::kBadFile, input.source->name(), ": does not hold ", title_of(input.kind),
       " under any name that is known",
       other ? message("; it looks like ", title_of(other->kind), " (", option_of(other->kind), ")")
             : message("; its first tensor is ", printable(input.source->tensors()[0].name)));
}

bool is_left_over(const NameTable& table, std::string_view name) {
  if (is_counter(name)) return true;
  return std::any_of(table.left_over.begin(), table.left_over.end(), [&](std::string_view rule) {
    return rule.starts_with('*') ? name.ends_with(rule.substr(1)) : name.starts_with(rule);
  });
}

// The options that can give a tensor of ours.
std::string_view options_for(std::string_view ours) {
  if (ours.starts_with("mae.")) return "--mae";
  if (ours.starts_with("unet.")) return "--unet";
  if (ours.starts_with("detector.encoder.")) return "--vit-encoder";
  if (ours.starts_with("detector.")) return "--svdd";
  return "--fer or --dan";
}

}  // namespace

struct Conversion::State {
  ConvertOptions options;
  std::vector<Input> inputs;
  std::vector<NamedSource> named;  // parallel to inputs
  WeightInfo info;
  ConvertProblems problems;
  ConvertReport report;
  ConvertInput numbers;

  void check_kinds() const;
  void find_config();
  void find_labels(std::int64_t classes);
  void describe();
  void match();
  void match(const Input& input, const NameTable& table, const Config& layers,
             const std::map<std::string, Shape, std::less<>>& shapes, ConvertReport::Source& told);
  void complete(const std::vector<TensorSpec>& table);
};

// Two sources of one kind, or of kinds that fill the same layers, contradict each other.
void Conversion::State::check_kinds() const {
  require(!inputs.empty(), ErrorCode::kBadArgument, "nothing to convert: no source was given");
  std::set<SourceKind> seen;
  for (const Input& input : inputs)
    require(seen.insert(input.kind).second, ErrorCode::kBadArgument, option_of(input.kind),
            ": given twice");
  require(!(seen.contains(SourceKind::kFer) && seen.contains(SourceKind::kDan)),
          ErrorCode::kBadArgument, "--fer and --dan are two recognisers; give one of them");
}

void Conversion::State::find_config() {
  std::int64_t classes = 0;
  if (options.config) {
    info.config = with_settings(*options.config, options.settings);
    info.config.recogniser.structure = RecogniserStructure::kLayers;
    classes = static_cast<std::int64_t>(
        (options.labels.empty() ? default_labels() : options.labels).size());
  } else {
    ConvertSizes sizes = read_sizes(named, options.settings);
    info.config = std::move(sizes.config);
    info.config.recogniser.structure = RecogniserStructure::kLayers;
    report.assumed = std::move(sizes.assumed);
    classes = sizes.classes;
  }
  find_labels(classes);
}

void Conversion::State::find_labels(std::int64_t classes) {
  const auto given = static_cast<std::int64_t>(options.labels.size());
  if (given > 0) {
    require(given == classes, ErrorCode::kBadArgument, "--labels: ", given,
            " names for a recogniser of ", classes, " classes");
    info.labels = options.labels;
    return;
  }
  require(classes == static_cast<std::int64_t>(info.labels.size()), ErrorCode::kBadArgument,
          "the recogniser has ", classes, " classes; name them with --labels");
  std::string names;
  for (const std::string& label : info.labels) names += (names.empty() ? "" : ", ") + label;
  report.assumed.push_back(message("labels = ", names, " (the published order)"));
}

void Conversion::State::describe() {
  info.provenance = options.provenance;
  if (info.provenance.empty()) {
    for (const ConvertReport::Source& source : report.sources)
      info.provenance += message(info.provenance.empty() ? "converted from " : ", ", source.file,
                                 " (", source.option.substr(2), ")");
    if (!report.filled.empty())
      info.provenance += message("; the rest random numbers of seed ", *options.fill_seed);
  }
  info.licence = options.licence.empty() ? "not stated: that of the sources" : options.licence;
  info.trained = report.filled.empty();
}

void Conversion::State::match() {
  const std::vector<TensorSpec> table =
      tensor_table(info.config, static_cast<std::int64_t>(info.labels.size()));
  std::map<std::string, Shape, std::less<>> shapes;
  for (const TensorSpec& spec : table) shapes.emplace(spec.name, spec.shape);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const NameTable& names = *named[i].table;
    report.sources.push_back({.file = file_of(*inputs[i].source),
                              .format = inputs[i].format,
                              .option = std::string(option_of(inputs[i].kind)),
                              .names = std::string(names.title)});
    match(inputs[i], names, info.config, shapes, report.sources.back());
  }
  complete(table);
}

void Conversion::State::match(const Input& input, const NameTable& table, const Config& layers,
                              const std::map<std::string, Shape, std::less<>>& shapes,
                              ConvertReport::Source& told) {
  const ConvertSource& source = *input.source;
  std::set<std::string_view> used;
  for (const NamePair& pair : pairs_of(table, layers)) {
    const auto shape = shapes.find(pair.ours);
    if (shape == shapes.end()) continue;  // a part that this configuration does not have
    TensorOrigin origin;
    origin.shape = shape->second;
    origin.form = pair.form;
    origin.source = &source;
    if (pair.form == NameForm::kRotated || pair.form == NameForm::kBehindZeros)
      origin.split = layers.recogniser.latent_widths[3];
    bool complete = true;
    for (const std::string& theirs : pair.theirs) {
      const CheckpointTensor* tensor = source.find(theirs);
      const bool may_be_number = pair.form == NameForm::kUnwrapped && origin.shape.elements() == 1;
      if (!tensor && may_be_number) origin.number = source.number(theirs);
      if (tensor) {
        origin.theirs.push_back(tensor);
        used.insert(tensor->name);
      } else if (!origin.number) {
        problems.missing.push_back(
            message(pair.ours, " (", printable(theirs), " of ", told.file, ")"));
        complete = false;
      }
    }
    if (complete) {
      if (const std::string wrong = misfit(origin); !wrong.empty())
        problems.misshapen.push_back(message(pair.ours, " (", wrong, " in ", told.file, ")"));
    }
    // A missing one has an origin, too, so that it is told once.
    if (!numbers.origins.emplace(pair.ours, std::move(origin)).second)
      problems.twice.push_back(message(pair.ours, " (", told.file, " and another source)"));
  }
  told.used = used.size();
  for (const CheckpointTensor& tensor : source.tensors()) {
    if (used.contains(tensor.name)) continue;
    if (is_left_over(table, tensor.name) || options.allow_unused)
      told.left_out.push_back(tensor.name);
    else
      problems.unused.push_back(message(printable(tensor.name), " of ", told.file));
  }
}

// What no source was asked for.
void Conversion::State::complete(const std::vector<TensorSpec>& table) {
  for (const TensorSpec& spec : table) {
    if (numbers.origins.contains(spec.name)) continue;
    if (!options.fill_seed) {
      problems.missing.push_back(message(spec.name, " (", options_for(spec.name), ")"));
      continue;
    }
    TensorOrigin origin;
    origin.shape = spec.shape;
    origin.fill = initial_values(spec, *options.fill_seed);
    numbers.origins.emplace(spec.name, std::move(origin));
    report.filled.push_back(spec.name);
  }
}

Conversion::Conversion(std::vector<Input> inputs, ConvertOptions options)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.inputs = std::move(inputs);
  s.options = std::move(options);
  s.check_kinds();
  for (const Input& input : s.inputs) s.named.push_back({input.source, &table_for(input)});
  s.find_config();
  s.match();
  if (!s.options.keep_structure) s.info.config.recogniser.structure = RecogniserStructure::kFolded;
  s.describe();
}

Conversion::~Conversion() = default;

const WeightInfo& Conversion::info() const {
  return state_->info;
}
const ConvertProblems& Conversion::problems() const {
  return state_->problems;
}
const ConvertReport& Conversion::report() const {
  return state_->report;
}

void Conversion::write(const std::filesystem::path& path) {
  State& s = *state_;
  const ConvertProblems& p = s.problems;
  require(p.empty(), ErrorCode::kBadFile, "not converted: ", p.missing.size(), " tensors missing, ",
          p.misshapen.size(), " misshapen, ", p.twice.size(), " given twice, ", p.unused.size(),
          " unused");
  Folded folded;
  if (!s.options.keep_structure)
    folded = fold_recogniser(s.numbers, s.info.config,
                             static_cast<std::int64_t>(s.info.labels.size()), s.options.threads);
  s.report.folds = folded.errors;
  const DType dtype = s.options.dtype;
  write_weights(
      path, s.info,
      [&](const TensorSpec& spec) -> TensorFill {
        const auto found = folded.tensors.find(spec.name);
        if (found != folded.tensors.end()) {
          OFER_ASSERT(static_cast<std::int64_t>(found->second.size()) == spec.shape.elements());
          return numbers_as(dtype, spec.name,
                            [&values = found->second](std::int64_t first, std::span<double> out) {
                              std::copy_n(values.begin() + first, out.size(), out.begin());
                            });
        }
        return numbers_as(dtype, spec.name,
                          [&s, name = spec.name](std::int64_t first, std::span<double> out) {
                            s.numbers.read(name, first, out);
                          });
      },
      dtype);
}

}  // namespace ofer
