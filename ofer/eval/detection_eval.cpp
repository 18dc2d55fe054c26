#include "ofer/eval/detection_eval.h"

#include <limits>

#include "engine/function_ref.h"
#include "ofer/eval/case_pictures.h"
#include "ofer/eval/eval_covers.h"
#include "ofer/eval/eval_passes.h"

namespace ofer {

namespace {

// One face, covered or not.
struct Case {
  std::size_t face = 0;
  int kind = -1;  // -1: uncovered
  bool blurred = false;
};

// All cases' patches, case after case.
struct Judged {
  std::vector<Case> cases;
  std::vector<float> score;
  std::vector<std::uint8_t> found;
  std::vector<PatchState> truth;
  std::size_t patches = 0;

  DetectionFigures measure(FunctionRef<bool(const Case&)> wanted,
                           const BootstrapOptions& options) const {
    Judged some;
    std::vector<std::int64_t> units;
    const auto append = [&](auto& to, const auto& from, std::size_t n) {
      const auto begin = from.begin() + static_cast<std::ptrdiff_t>(n * patches);
      to.insert(to.end(), begin, begin + static_cast<std::ptrdiff_t>(patches));
    };
    for (std::size_t n = 0; n < cases.size(); ++n) {
      if (!wanted(cases[n])) continue;
      append(some.score, score, n);
      append(some.found, found, n);
      append(some.truth, truth, n);
      units.push_back(static_cast<std::int64_t>(cases[n].face));
    }
    return measure_detection(
        {static_cast<std::int64_t>(units.size()), static_cast<std::int64_t>(patches), some.score,
         some.found, some.truth},
        units, options);
  }
};

std::string name_of(const Case& c, const EvalCovers& covers) {
  if (c.kind < 0) return "uncovered";
  return covers.kinds()[static_cast<std::size_t>(c.kind)] + (c.blurred ? ", blurred" : ", sharp");
}

EvalPicture picture_of(const Case& c, const EvalPasses& passes, const EvalCovers& covers,
                       std::vector<PatchState>& truth) {
  if (c.kind < 0) {
    truth.assign(passes.grid().size(), PatchState::kClean);
    return {passes.face(c.face), {}};
  }
  Occlusion covered = covers.of_kind(static_cast<std::size_t>(c.kind), c.blurred, c.face);
  truth = std::move(covered.patches);
  return {std::move(covered.picture), {}};
}

Table table_of(const std::vector<DetectionEval::Row>& rows) {
  Table table{"Covered patches found, by kind of cover",
              {{"covers", {}, ""},
               {"AUROC", {NumberStyle::Kind::kPlain, 3}, ""},
               {"accuracy", kPercentStyle, ""},
               {"precision", kPercentStyle, ""},
               {"recall", kPercentStyle, ""},
               {"covered", {}, "covered_patches"},
               {"clean", {}, "clean_patches"}},
              {},
              {}};
  for (const DetectionEval::Row& row : rows) {
    const DetectionFigures& f = row.figures;
    const bool any = f.counts.covered() > 0;  // else there is nothing to be precise about
    const auto cell = [&](bool shown, const Replicates& figure) {
      return shown ? Cell(estimate(figure)) : Cell();
    };
    table.rows.push_back({row.covers, cell(any, f.auroc), cell(true, f.accuracy),
                          cell(any, f.precision), cell(any, f.recall), f.counts.covered(),
                          f.counts.clean()});
  }
  table.notes = notes_on_undefined(table);
  const DetectionFigures& all = rows.back().figures;
  table.notes.push_back(message("Resampled by face: ", all.units, " units. ", all.left_out,
                                " patches count neither as covered (half of their pixels) nor as "
                                "clean (a twentieth), and are left out."));
  return table;
}

void add_pictures(const Judged& judged, EvalPasses& passes, const EvalCovers& covers,
                  const EvalFaces& faces, const EvalOptions& options, Section& section) {
  // The share of a case's patches that is right. NaN: not shown, as the uncovered ones, and the
  // sharp ones, which are the blurred ones over again.
  std::vector<double> right;
  for (std::size_t n = 0; n < judged.cases.size(); ++n) {
    double good = 0, all = 0;
    for (std::size_t i = n * judged.patches; i < (n + 1) * judged.patches; ++i) {
      if (judged.truth[i] == PatchState::kNeither) continue;
      good += (judged.truth[i] == PatchState::kCovered) == (judged.found[i] == 1);
      all += 1;
    }
    right.push_back(judged.cases[n].blurred && all > 0 ? good / all
                                                       : std::numeric_limits<double>::quiet_NaN());
  }
  const auto sheet = [&](const char* title, const std::vector<std::size_t>& chosen) {
    PictureSheet pictures{title, {}};
    for (const std::size_t n : chosen) {
      const Case& c = judged.cases[n];
      std::vector<PatchState> truth;
      const Image picture = picture_of(c, passes, covers, truth).picture;
      std::vector<std::uint8_t> covered;
      for (const PatchState state : truth) covered.push_back(state == PatchState::kCovered);
      const auto found = std::span(judged.found).subspan(n * judged.patches, judged.patches);
      const Image panels[] = {picture, tinted(picture, passes.grid(), covered, {30, 110, 230}),
                              tinted(picture, passes.grid(), found, {230, 90, 20})};
      pictures.pictures.push_back(
          {side_by_side(panels), message(name_of(c, covers), ", ", faces.faces[c.face].name, ": ",
                                         number_text(right[n], kPercentStyle), " right")});
    }
    if (!pictures.pictures.empty()) section.elements.emplace_back(std::move(pictures));
  };
  const Extremes shown = extremes(right, options.shown);
  sheet("Best of the blurred covers: the face, what is covered (blue), what was found (orange)",
        shown.best);
  sheet("Worst of the blurred covers", shown.worst);
}

}  // namespace

DetectionEval evaluate_detection(Pipeline& pipeline, const EvalFaces& faces,
                                 const CutoutSet* cutouts, const EvalOptions& options) {
  DetectionEval eval;
  eval.section.title = "Detection of covered patches";
  if (!pipeline.network().detector().available()) {
    eval.section.elements.emplace_back(
        Paragraph{"Not measured: the model has no detector, so its masks have to be given."});
    return eval;
  }
  EvalPasses passes(pipeline, faces, options);
  const EvalCovers covers(passes, faces, cutouts, options.seed);
  const std::size_t kinds = covers.kinds().size();
  passes.expect(faces.size() * (1 + 2 * kinds));

  Judged judged;
  judged.patches = passes.grid().size();
  for (std::size_t i = 0; i < faces.size(); ++i) {
    judged.cases.push_back({i, -1, false});
    for (std::size_t k = 0; k < kinds; ++k)
      for (const bool blurred : {false, true})
        judged.cases.push_back({i, static_cast<int>(k), blurred});
  }
  std::vector<PatchState> truth;
  Request request;
  request.last = Stage::kDetect;
  passes.run(
      request, judged.cases.size(),
      [&](std::size_t n) {
        EvalPicture picture = picture_of(judged.cases[n], passes, covers, truth);
        judged.truth.insert(judged.truth.end(), truth.begin(), truth.end());
        return picture;
      },
      [&](std::size_t, const EvalPicture&, const Result& result) {
        judged.score.insert(judged.score.end(), result.distance.begin(), result.distance.end());
        judged.found.insert(judged.found.end(), result.occluded.begin(), result.occluded.end());
      });

  const auto add = [&](std::string name, FunctionRef<bool(const Case&)> wanted) {
    eval.rows.push_back({std::move(name), judged.measure(wanted, options.bootstrap)});
  };
  add("uncovered", [](const Case& c) { return c.kind < 0; });
  for (std::size_t k = 0; k < kinds; ++k)
    for (const bool blurred : {false, true}) {
      const Case like{0, static_cast<int>(k), blurred};
      add(name_of(like, covers),
          [&](const Case& c) { return c.kind == like.kind && c.blurred == blurred; });
    }
  for (const bool blurred : {false, true})
    add(blurred ? "all, blurred" : "all, sharp",
        [&](const Case& c) { return c.kind < 0 || c.blurred == blurred; });
  add("all", [](const Case&) { return true; });

  Table table = table_of(eval.rows);
  table.notes.push_back(message("Covers: ", covers.source(),
                                ". Each face is shown once uncovered and once behind every kind, "
                                "sharp and softened by a Gaussian of sigma ",
                                EvalCovers::kMinSigma, " to ", EvalCovers::kMaxSigma,
                                " pixels. The rows \"all\" count the uncovered faces once."));
  if (cutouts)
    table.notes.push_back(
        "Where a cut-out lies on a face is a rule of this project (ofer/data/cutouts.cpp): masks "
        "over nose and mouth, scarves over mouth and chin, glasses over the eyes, hats above them, "
        "hands mostly low and at any angle, other kinds anywhere. Figures under another rule may "
        "differ.");
  else if (faces.size() == 1)
    table.notes.push_back("No pieces of other faces: there is only one face.");
  eval.section.elements.emplace_back(std::move(table));
  add_pictures(judged, passes, covers, faces, options, eval.section);
  return eval;
}

}  // namespace ofer
