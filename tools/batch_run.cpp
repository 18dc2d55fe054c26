#include "tools/batch_run.h"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "engine/error.h"

namespace ofer {

namespace {

// Runs `work`; what it throws becomes one line that begins with `name`, else the line is empty.
template <class Work>
std::string error_of(const std::string& name, Work&& work) {
  std::string cause;
  try {
    work();
    return {};
  } catch (const std::bad_alloc&) {
    cause = "not enough memory";
  } catch (const std::exception& error) {
    cause = error.what();
  }
  const std::string start = name + ": ";
  return cause.compare(0, start.size(), start) == 0 ? cause : start + cause;
}

}  // namespace

BatchRun::BatchRun(Console& console, Pipeline& pipeline, const RunInfo& info, BatchPlan plan,
                   ResultOutput& output, std::function<bool()> stopped)
    : console_(console),
      pipeline_(pipeline),
      info_(info),
      plan_(std::move(plan)),
      output_(output),
      stopped_(std::move(stopped)) {}

void BatchRun::read(Item& item) {
  const Network& network = pipeline_.network();
  const int s = network.config().image_size, u = network.restored_size();
  const auto vit = 3 * static_cast<std::size_t>(s) * static_cast<std::size_t>(s);
  const auto restored = 3 * static_cast<std::size_t>(u) * static_cast<std::size_t>(u);
  item.error = error_of(shown_name(*item.input), [&] {
    Image image = read_input(*item.input, console_.in);
    vit_.resize((good_ + 1) * vit);
    restored_.resize((good_ + 1) * restored);
    image_to_planes(image, s, s, vit_.data() + good_ * vit, scratch_);
    image_to_planes(image, u, u, restored_.data() + good_ * restored, scratch_);
    if (!plan_.pictures.empty()) item.picture = picture_of_input(std::move(image));
    item.place = good_++;
  });
}

// False when the run was stopped in the middle.
bool BatchRun::analyse(std::vector<Item>& items, std::vector<Result>& results) {
  Inputs inputs;
  inputs.count = static_cast<std::int64_t>(good_);
  const auto values = [&](const std::vector<float>& all, int side) {
    return std::span(all).first(good_ * 3 * static_cast<std::size_t>(side) *
                                static_cast<std::size_t>(side));
  };
  inputs.vit = values(vit_, pipeline_.network().config().image_size);
  inputs.restored = values(restored_, pipeline_.network().restored_size());
  if (plan_.request.mask == MaskSource::kGiven) {
    masks_.clear();
    for (std::size_t i = 0; i < good_; ++i)
      masks_.insert(masks_.end(), plan_.mask.begin(), plan_.mask.end());
    inputs.mask = masks_;
  }
  if (plan_.taps) {
    std::vector<std::string> files;
    for (const Item& item : items)
      if (item.error.empty()) files.push_back(item.input->path);
    plan_.taps->begin_pass(files);
  }
  std::string cause;
  try {
    results = pipeline_.run(inputs, plan_.request);
    return true;
  } catch (const Error& error) {
    if (plan_.taps && plan_.taps->failed()) throw;  // the disk is full: no image will do better
    if (plan_.taps) plan_.taps->drop_pass();
    if (error.code() == ErrorCode::kCancelled) return false;
    cause = error.what();
    if (error.code() == ErrorCode::kOutOfMemory && good_ > 1) cause += "; try a smaller --batch";
  } catch (const std::bad_alloc&) {
    if (plan_.taps) plan_.taps->drop_pass();
    cause = "not enough memory";
  }
  for (Item& item : items)
    if (item.error.empty()) item.error = shown_name(*item.input) + ": " + cause;
  return true;
}

void BatchRun::deliver(Item& item, const Result* result, const std::string& stem,
                       RunSummary& summary) {
  const std::string& file = item.input->path;
  if (item.error.empty() && !plan_.pictures.empty()) {
    const int asked = plan_.request.grad_cam_class;
    const auto cam_class = static_cast<std::size_t>(asked >= 0 ? asked : result->label);
    item.error = error_of(shown_name(*item.input), [&] {
      write_pictures(plan_.pictures, stem, item.picture, *result, info_,
                     info_.labels.at(cam_class));
    });
    item.picture = {};
  }
  if (item.error.empty()) {
    output_.result(file, *result);
    ++summary.answered;
  } else {
    output_.error(file, item.error);
    ++summary.failed;
  }
}

void BatchRun::run(std::span<const InputFile> inputs, RunSummary& summary) {
  Progress progress(console_, inputs.size());
  std::optional<PictureNames> names;
  if (!plan_.pictures.empty()) names.emplace(plan_.pictures, inputs);
  std::vector<Item> items;
  std::vector<Result> results;
  for (std::size_t begin = 0; begin < inputs.size(); begin += plan_.batch) {
    progress.show(begin);
    items.clear();
    good_ = 0;
    const std::size_t count = std::min(plan_.batch, inputs.size() - begin);
    for (const InputFile& input : inputs.subspan(begin, count)) {
      if (stopped_()) break;
      items.emplace_back().input = &input;
      read(items.back());
    }
    if (good_ > 0 && !stopped_() && !analyse(items, results)) items.clear();
    for (Item& item : items) {
      if (stopped_()) break;
      std::string stem;
      if (names) stem = names->next(*item.input);
      progress.clear();
      const std::string usual = names ? PictureNames::usual(*item.input) : stem;
      if (stem != usual && item.error.empty())
        print_note(console_, "ofer: " + one_line(shown_name(*item.input)) + ": its pictures are " +
                                 one_line(stem) + ".*.png, since " + one_line(usual) +
                                 ".*.png are another image's");
      deliver(item, item.error.empty() ? &results[item.place] : nullptr, stem, summary);
    }
    if (stopped_()) {
      summary.interrupted = true;
      return;
    }
  }
}

}  // namespace ofer
