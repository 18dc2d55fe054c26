#include "ofer/train/plan.h"

#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "weights/json_fields.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

constexpr const char* kWhat = "plan";

}  // namespace

TrainPlan default_plan(bool unet) {
  TrainPlan plan;
  for (const TrainStageKind stage :
       {TrainStageKind::kMae, TrainStageKind::kSvdd, TrainStageKind::kRecognise})
    plan.push_back(default_recipe(stage));
  if (!unet) return plan;
  plan.push_back(default_recipe(TrainStageKind::kReconstruct));
  // It knows its task by now, and has to get used to other pictures of it.
  Recipe again = default_recipe(TrainStageKind::kRecognise);
  again.epochs /= 4;
  again.rate /= 10;
  plan.push_back(again);
  return plan;
}

std::string to_json(const TrainPlan& plan) {
  nlohmann::ordered_json document;
  document["stages"] = nlohmann::ordered_json::array();
  for (const Recipe& recipe : plan)
    document["stages"].push_back(nlohmann::ordered_json::parse(to_json(recipe)));
  return document.dump(2);
}

TrainPlan parse_plan(std::string_view json) {
  const JsonValue document = parse_strict_json(json, kWhat);
  JsonFields fields(document, kWhat);
  const JsonValue& stages = fields.value("stages");
  if (!stages.is_list() || stages.list().empty()) fields.bad("stages", "must be a list of recipes");
  fields.finish();
  TrainPlan plan;
  for (std::size_t i = 0; i < stages.list().size(); ++i) {
    try {
      plan.push_back(parse_recipe(stages.list()[i]));
    } catch (const Error& error) {
      fail(error.code(), "stage ", i + 1, " of the plan: ", error.what());
    }
  }
  return plan;
}

}  // namespace ofer
