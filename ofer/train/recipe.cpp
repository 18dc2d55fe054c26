#include "ofer/train/recipe.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "weights/json_fields.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr const char* kWhat = "recipe";
constexpr JsonNames<TrainStageKind> kStages = {{TrainStageKind::kMae, "mae"},
                                               {TrainStageKind::kSvdd, "svdd"},
                                               {TrainStageKind::kRecognise, "recognise"},
                                               {TrainStageKind::kReconstruct, "reconstruct"}};
constexpr JsonNames<OptimiserKind> kOptimisers = {
    {OptimiserKind::kSgd, "sgd"}, {OptimiserKind::kAdam, "adam"}, {OptimiserKind::kAdamW, "adamw"}};
constexpr JsonNames<Schedule::Shape> kShapes = {{Schedule::Shape::kConstant, "constant"},
                                                {Schedule::Shape::kCosine, "cosine"},
                                                {Schedule::Shape::kSteps, "steps"},
                                                {Schedule::Shape::kLinear, "linear"}};
constexpr JsonNames<Border> kBorders = {{Border::kZero, "zero"}, {Border::kEdge, "edge"}};

// One list of a struct's fields serves both directions: `use(name, field)`.
template <class Use, class Optimiser>
void optimiser_fields(Use&& use, Optimiser& o) {
  use("momentum", o.momentum);
  use("nesterov", o.nesterov);
  use("beta1", o.beta1);
  use("beta2", o.beta2);
  use("eps", o.eps);
  use("weight_decay", o.weight_decay);
  use("clip", o.clip);
}
template <class Use, class ARecipe>
void schedule_fields(Use&& use, ARecipe& r) {
  use("rate", r.rate);
  use("warm_up", r.warm_up);
  use("floor", r.floor);
  use("factor", r.factor);
  use("period", r.period);
  use("hold", r.hold);
}
template <class Use, class Augment>
void augment_fields(Use&& use, Augment& a) {
  use("flip", a.flip);
  use("rotate_crop", a.rotate_crop);
  use("rotation", a.rotation);
  use("crop_padding", a.crop_padding);
  use("resized_crop", a.resized_crop);
  use("min_area", a.min_area);
  use("max_area", a.max_area);
  use("jitter", a.jitter);
  use("brightness", a.brightness);
  use("contrast", a.contrast);
  use("grey", a.grey);
  use("blur", a.blur);
  use("max_reduction", a.max_reduction);
  use("erase", a.erase);
  use("min_erased", a.min_erased);
  use("max_erased", a.max_erased);
}
template <class Use, class Masks>
void mask_fields(Use&& use, Masks& m) {
  use("min_share", m.min_share);
  use("max_share", m.max_share);
  use("connected", m.connected);
  use("blobs", m.blobs);
}
template <class Use, class Covers>
void cover_fields(Use&& use, Covers& c) {
  use("patches", c.patches);
  use("blobs", c.blobs);
  use("shapes", c.shapes);
  use("pieces", c.pieces);
  use("min_share", c.min_share);
  use("max_share", c.max_share);
  use("blobs_at_most", c.blobs_at_most);
  use("shape_kinds", c.shape_kinds);
  use("blur", c.blur);
  use("min_sigma", c.min_sigma);
  use("max_sigma", c.max_sigma);
  use("covered_from", c.covered_from);
  use("clean_to", c.clean_to);
}
template <class Use, class Svdd>
void svdd_fields(Use&& use, Svdd& v) {
  use("soft_boundary", v.soft_boundary);
  use("nu", v.nu);
  use("soft_after", v.soft_after);
  use("outside_weight", v.outside_weight);
  use("margin", v.margin);
  use("inverse", v.inverse);
  use("covered", v.covered);
  use("encoder", v.encoder);
  use("autoencoder_weight", v.autoencoder_weight);
  use("held_out", v.held_out);
  use("outside", v.outside);
  use("fitted_faces", v.fitted_faces);
  use("kernel_nu", v.kernel_nu);
  use("ridge", v.ridge);
}
template <class Use, class Recognise>
void recognise_fields(Use&& use, Recognise& f) {
  use("covered", f.covered);
  use("masked", f.masked);
  use("refine", f.refine);
  use("no_latents", f.no_latents);
  use("balance", f.balance);
  use("smoothing", f.smoothing);
  use("relist", f.relist);
  use("validate", f.validate);
  use("blend_with", f.blend_with);
  use("blend", f.blend);
}

template <class Use, class Reconstruct>
void reconstruct_fields(Use&& use, Reconstruct& r) {
  use("reconstruction", r.weights.reconstruction);
  use("consistency", r.weights.consistency);
  use("semantic", r.weights.semantic);
  use("adversarial", r.weights.adversarial);
  use("discriminator_width", r.discriminator_width);
  use("vgg", r.vgg);
}

// The sections of a stage's own: `section(name, fields, part)`.
template <class Section, class ARecipe>
void stage_sections(Section&& section, ARecipe& r) {
  if (has_masks(r.stage))
    section(
        "masks", [](auto&& use, auto& part) { mask_fields(use, part); }, r.masks);
  if (has_covers(r.stage))
    section(
        "covers", [](auto&& use, auto& part) { cover_fields(use, part); }, r.covers);
  if (r.stage == TrainStageKind::kSvdd)
    section(
        "svdd", [](auto&& use, auto& part) { svdd_fields(use, part); }, r.svdd);
  if (r.stage == TrainStageKind::kRecognise)
    section(
        "recognise", [](auto&& use, auto& part) { recognise_fields(use, part); }, r.recognise);
  if (r.stage == TrainStageKind::kReconstruct)
    section(
        "reconstruct", [](auto&& use, auto& part) { reconstruct_fields(use, part); },
        r.reconstruct);
}

// Written short: 0.2f is 0.2 and not 0.20000000298.
template <class T>
OrderedJson shown(T value) {
  return value;
}
template <>
OrderedJson shown(float value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", double{value});
  return OrderedJson::parse(text);
}

auto writer(OrderedJson& object) {
  return [&object](const char* name, const auto& field) { object[name] = shown(field); };
}
auto reader(JsonFields& fields) {
  return [&fields](const char* name, auto& field) { fields.get(name, field); };
}

void rule(bool holds, const char* field, const char* problem) {
  require(holds, ErrorCode::kBadArgument, kWhat, ": ", field, ": ", problem);
}

void validate(const SvddRecipe& v) {
  rule(v.nu > 0 && v.nu < 1 && v.kernel_nu > 0 && v.kernel_nu < 1, "svdd",
       "nu and kernel_nu must be above 0, below 1");
  rule(v.soft_after >= 0, "svdd.soft_after", "is a number of epochs, 0 or more");
  rule(v.outside_weight >= 0 && v.margin >= 0 && v.ridge >= 0, "svdd",
       "outside_weight, margin and ridge are 0 or more");
  rule(v.autoencoder_weight >= 0, "svdd.autoencoder_weight", "is 0 or more");
  rule(v.covered >= 0 && v.covered <= 1, "svdd.covered", "is a share of the faces, from 0 to 1");
  rule(v.held_out > 0 && v.held_out < 1, "svdd.held_out", "must be above 0, below 1");
  rule(v.outside > 0 && v.outside < 1, "svdd.outside", "must be above 0, below 1");
  rule(v.fitted_faces >= 2, "svdd.fitted_faces", "must be 2 or more");
}

bool is_probability(double value) {
  return value >= 0 && value <= 1;
}

void validate(const RecogniseRecipe& f) {
  rule(is_probability(f.covered) && is_probability(f.masked) && f.covered + f.masked <= 1,
       "recognise", "covered and masked are shares of the faces, together at most 1");
  rule(is_probability(f.no_latents), "recognise.no_latents", "is a probability");
  rule(f.balance >= 0 && f.balance <= 1, "recognise.balance", "must be from 0 to 1");
  rule(f.smoothing >= 0 && f.smoothing < 1, "recognise.smoothing", "must be from 0, below 1");
  rule(f.validate >= 0, "recognise.validate", "is a number of epochs, 0 or more");
  rule(is_probability(f.blend), "recognise.blend", "is a share, from 0 to 1");
}

void validate(const Recipe& r) {
  rule(std::isfinite(r.epochs) && r.epochs > 0, "epochs", "must be above 0");
  rule(r.batch >= 1 && r.batch <= 65536, "batch", "must be from 1 to 65536");
  rule(std::isfinite(r.rate) && r.rate > 0, "schedule.rate", "must be above 0");
  rule(r.warm_up >= 0 && r.warm_up <= 1, "schedule.warm_up", "is a share of the run, from 0 to 1");
  rule(r.floor >= 0 && r.floor <= 1, "schedule.floor", "is a share of the rate, from 0 to 1");
  rule(r.factor > 0 && r.factor <= 1, "schedule.factor", "must be above 0, at most 1");
  rule(r.period >= 0 && r.hold >= 0, "schedule", "period and hold are epochs, 0 or more");
  rule(r.average >= 0 && r.average < 1, "average", "must be from 0, below 1");
  const OptimiserOptions& o = r.optimiser;
  rule(o.momentum >= 0 && o.momentum < 1, "optimiser.momentum", "must be from 0, below 1");
  rule(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1, "optimiser",
       "beta1 and beta2 must be from 0, below 1");
  rule(o.eps > 0, "optimiser.eps", "must be above 0");
  rule(o.weight_decay >= 0 && o.clip >= 0, "optimiser", "weight_decay and clip are 0 or more");
  check(r.masks);
  check(r.augment);
  validate(r.svdd);
  validate(r.recognise);
  if (r.stage == TrainStageKind::kReconstruct) check(r.reconstruct.weights);
  if (has_covers(r.stage)) (void)Occluder(r.covers.options({}));
}

}  // namespace

std::string_view name_of(TrainStageKind stage) {
  return name_in(kStages, stage);
}

bool has_masks(TrainStageKind stage) {
  return stage == TrainStageKind::kMae || stage == TrainStageKind::kSvdd ||
         stage == TrainStageKind::kRecognise;
}

bool has_covers(TrainStageKind stage) {
  return stage == TrainStageKind::kSvdd || stage == TrainStageKind::kRecognise ||
         stage == TrainStageKind::kReconstruct;
}

OcclusionOptions CoverRecipe::options(PatchGrid grid) const {
  OcclusionOptions o;
  o.grid = grid;
  o.shares = {covered_from, clean_to};
  o.patches = patches;
  o.blobs = blobs;
  o.shapes = shapes;
  o.pieces = pieces;
  o.min_share = min_share;
  o.max_share = max_share;
  o.blobs_at_most = blobs_at_most;
  for (const std::string& name : shape_kinds) {
    const std::optional<ShapeKind> kind = shape_kind(name);
    rule(kind.has_value(), "covers.shape_kinds", "names a shape that is not drawn");
    o.shape_kinds.push_back(*kind);
  }
  o.blur_probability = blur;
  o.min_sigma = min_sigma;
  o.max_sigma = max_sigma;
  return o;
}

TrainerOptions Recipe::trainer_options(std::size_t samples) const {
  const auto per_epoch = static_cast<std::int64_t>(samples) / batch;
  require(per_epoch >= 1, ErrorCode::kBadArgument, "a batch of ", batch, " cannot be drawn from ",
          samples, " faces; a smaller one can (--batch)");
  const auto steps_of = [&](double count) {
    return static_cast<std::int64_t>(std::llround(count * static_cast<double>(per_epoch)));
  };
  TrainerOptions options;
  options.seed = seed;
  options.batch = batch;
  options.optimiser = optimiser;
  options.average = average;
  Schedule& s = options.schedule;
  s.shape = shape;
  s.base = rate;
  s.floor = floor;
  s.factor = factor;
  s.total = std::max<std::int64_t>(1, steps_of(epochs));
  s.warm_up = static_cast<std::int64_t>(std::llround(warm_up * static_cast<double>(s.total)));
  s.period = steps_of(period);
  s.hold = steps_of(hold);
  return options;
}

Recipe default_recipe(TrainStageKind stage) {
  Recipe r;
  r.stage = stage;
  switch (stage) {
    case TrainStageKind::kMae:
      r.epochs = 40;
      r.optimiser = {.kind = OptimiserKind::kAdamW, .beta2 = 0.95, .weight_decay = 0.05, .clip = 1};
      r.average = 0.999;
      r.augment = autoencoder_augmentation();
      break;
    case TrainStageKind::kSvdd:
      r.epochs = 20;
      r.optimiser = {.kind = OptimiserKind::kAdam, .weight_decay = 1e-6, .clip = 1};
      r.rate = 3e-4;
      r.average = 0.999;
      r.augment.flip = 0.5;
      break;
    case TrainStageKind::kRecognise:
      r.epochs = 40;
      r.batch = 128;
      r.optimiser = {.kind = OptimiserKind::kSgd, .weight_decay = 1e-4};
      r.shape = Schedule::Shape::kSteps;
      r.rate = 0.1;
      r.warm_up = 0;
      r.average = 0.999;
      r.augment = recogniser_augmentation();
      r.augment.grey = 0.2;
      r.masks.min_share = 0.1;
      r.masks.max_share = 0.5;
      break;
    case TrainStageKind::kReconstruct:
      r.epochs = 120;
      r.batch = 16;
      r.optimiser = {.kind = OptimiserKind::kAdam, .beta1 = 0.5};
      r.shape = Schedule::Shape::kLinear;
      r.rate = 2e-4;
      r.warm_up = 0;
      r.hold = 20;
      r.augment.flip = 0.5;
      r.covers.patches = r.covers.blobs = 1;
      break;
  }
  return r;
}

std::string to_json(const Recipe& r) {
  OrderedJson document;
  document["stage"] = name_in(kStages, r.stage);
  document["seed"] = r.seed;
  document["faces"] = OrderedJson::object();
  for (const auto& [source, count] : r.faces) document["faces"][source] = count;
  document["epochs"] = r.epochs;
  document["batch"] = r.batch;
  OrderedJson& optimiser = document["optimiser"];
  optimiser["kind"] = name_in(kOptimisers, r.optimiser.kind);
  optimiser_fields(writer(optimiser), r.optimiser);
  OrderedJson& schedule = document["schedule"];
  schedule["shape"] = name_in(kShapes, r.shape);
  schedule_fields(writer(schedule), r);
  document["average"] = r.average;
  OrderedJson& augment = document["augment"];
  augment_fields(writer(augment), r.augment);
  augment["border"] = name_in(kBorders, r.augment.border);
  stage_sections([&document](const char* name, auto fields,
                             const auto& part) { fields(writer(document[name]), part); },
                 r);
  return document.dump(2);
}

Recipe parse_recipe(std::string_view text) { return parse_recipe(parse_strict_json(text, kWhat)); }

Recipe parse_recipe(const JsonValue& document) {
  JsonFields fields(document, kWhat);
  Recipe r;
  fields.get("stage", r.stage, kStages)
      .get("seed", r.seed)
      .get("faces", r.faces)
      .get("epochs", r.epochs)
      .get("batch", r.batch)
      .get("average", r.average);
  JsonFields optimiser = fields.object("optimiser");
  optimiser.get("kind", r.optimiser.kind, kOptimisers);
  optimiser_fields(reader(optimiser), r.optimiser);
  optimiser.finish();
  JsonFields schedule = fields.object("schedule");
  schedule.get("shape", r.shape, kShapes);
  schedule_fields(reader(schedule), r);
  schedule.finish();
  JsonFields augment = fields.object("augment");
  augment_fields(reader(augment), r.augment);
  augment.get("border", r.augment.border, kBorders);
  augment.finish();
  stage_sections(
      [&fields](const char* name, auto list, auto& part) {
        JsonFields section = fields.object(name);
        list(reader(section), part);
        section.finish();
      },
      r);
  fields.finish();
  validate(r);
  return r;
}

}  // namespace ofer
