#include "ofer/eval/recognition_eval.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "engine/error.h"
#include "engine/image_resize.h"
#include "ofer/eval/case_pictures.h"
#include "ofer/eval/eval_covers.h"
#include "ofer/eval/eval_passes.h"

namespace ofer {

namespace {

using Row = RecognitionEval::Row;

constexpr const char* kWithout = "without reconstruction";
constexpr const char* kWith = "with reconstruction";
constexpr const char* kExact = "with reconstruction, exact mask";
struct Latents {
  LatentUse use;
  const char* name;
};
constexpr Latents kLatents[] = {{LatentUse::kNone, "CNN features only"},
                                {LatentUse::kAll, "all latents"},
                                {LatentUse::kChosen, "chosen latents"}};

std::string row_name(const char* reconstruction, const char* latents) {
  return std::string(reconstruction) + ", " + latents;
}
const std::string& main_row() {
  static const std::string name = row_name(kWith, "chosen latents");
  return name;
}

// The rows that this model has.
std::vector<Row> rows_of(const Network& network, bool covered) {
  const bool detector = network.detector().available();
  std::vector<Row> rows;
  const auto add = [&](const char* reconstruction, MaskSource mask) {
    for (const Latents& latents : kLatents)
      if (network.recogniser().supports(latents.use))
        rows.push_back({row_name(reconstruction, latents.name), mask, latents.use, {}});
  };
  add(kWithout, MaskSource::kNone);
  // The exact mask of a clean face covers nothing: the same as the rows without reconstruction.
  if (detector || covered) add(kWith, detector ? MaskSource::kDetect : MaskSource::kGiven);
  if (detector && covered)
    rows.push_back(
        {row_name(kExact, "chosen latents"), MaskSource::kGiven, LatentUse::kChosen, {}});
  return rows;
}

// What a row said about each face.
struct Answers {
  std::vector<std::int32_t> label;
  std::vector<double> of_truth;  // the probability of the true class
};

// Which resamples define a figure depends on the faces' labels alone, so that a note about one row
// is one about all.
std::vector<std::string> notes_of(Table table) {
  table.rows.resize(1);
  table.rows[0][0] = "every row";
  for (Cell& cell : table.rows[0])
    if (const auto* value = std::get_if<Estimate>(&cell); value && !value->value) cell = Cell();
  return notes_on_undefined(table);
}

Table accuracies_of(std::string title, const std::vector<Row>& rows) {
  Table table{std::move(title),
              {{"row", {}, ""},
               {"accuracy", kPercentStyle, ""},
               {"balanced accuracy", kPercentStyle, "balanced_accuracy"}},
              {},
              {}};
  for (const Row& row : rows)
    table.rows.push_back(
        {row.name, estimate(row.figures.accuracy), estimate(row.figures.balanced_accuracy)});
  table.notes = notes_of(table);
  return table;
}

Table recalls_of(std::string title, const std::vector<Row>& rows,
                 const std::vector<std::string>& labels) {
  Table table{std::move(title), {{"row", {}, ""}}, {}, {}};
  // A label may be any text, also "row"; the names in JSON stay apart.
  for (const std::string& label : labels)
    table.columns.push_back({label, kPercentStyle, "recall_" + label});
  for (const Row& row : rows) {
    std::vector<Cell> cells{row.name};
    for (const Replicates& recall : row.figures.recall) cells.emplace_back(estimate(recall));
    table.rows.push_back(std::move(cells));
  }
  table.notes = notes_of(table);
  return table;
}

const Row* find_row(const std::vector<Row>& rows, const std::string& name) {
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

std::vector<RecognitionEval::Gain> gains_of(const std::vector<Row>& rows) {
  std::vector<RecognitionEval::Gain> gains;
  const auto add = [&](std::string name, const std::string& a, const std::string& b) {
    const Row *first = find_row(rows, a), *second = find_row(rows, b);
    if (first && second)
      gains.push_back(
          {std::move(name), a, b, difference(first->figures.accuracy, second->figures.accuracy)});
  };
  for (const Latents& latents : kLatents)
    add(std::string("reconstruction, ") + latents.name, row_name(kWith, latents.name),
        row_name(kWithout, latents.name));
  add("the whole method over CNN features alone", main_row(),
      row_name(kWithout, "CNN features only"));
  add("chosen latents over CNN features, with reconstruction", main_row(),
      row_name(kWith, "CNN features only"));
  add("chosen latents over all, with reconstruction", main_row(), row_name(kWith, "all latents"));
  add("the exact mask over the detector's", row_name(kExact, "chosen latents"), main_row());
  return gains;
}

// What a reader has to know about the labels.
void add_warnings(const ConfusionMatrix& confusion, const std::vector<std::string>& labels,
                  Section& section) {
  const std::vector<int> absent = confusion.absent();
  if (absent.empty()) return;
  std::string names;
  for (const int c : absent)
    names += (names.empty() ? "" : ", ") + labels[static_cast<std::size_t>(c)];
  section.elements.emplace_back(Paragraph{
      message("No face is labelled ", names,
              ": these classes have no recall, and the balanced "
              "accuracy is about the others.",
              absent.size() + 1 == labels.size()
                  ? " Warning: all faces are of one class; accuracy says nothing about the others."
                  : "")});
}

}  // namespace

EvalFaces labelled_faces(const EvalFaces& faces, const Network& network, std::int64_t& left_out) {
  const auto classes = static_cast<std::int32_t>(network.labels().size());
  EvalFaces labelled;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < faces.size(); ++i) {
    const EvalFace& face = faces.faces[i];
    require(face.label >= -1 && face.label < classes, ErrorCode::kBadArgument, "evaluation: face ",
            i, " has label ", face.label, " of ", classes, " classes");
    if (face.label < 0) continue;
    labelled.faces.push_back(face);
    kept.push_back(i);
  }
  left_out = static_cast<std::int64_t>(faces.size() - kept.size());
  labelled.picture = [kept = std::move(kept), picture = faces.picture](std::size_t i) {
    return picture(kept[i]);
  };
  return labelled;
}

RecognitionEval evaluate_recognition(Pipeline& pipeline, const EvalFaces& all_faces,
                                     const CutoutSet* cutouts, const EvalOptions& options) {
  const Network& network = pipeline.network();
  const std::vector<std::string>& labels = network.labels();
  RecognitionEval eval;
  eval.section.title = "Recognition of expressions";
  const EvalFaces faces = labelled_faces(all_faces, network, eval.unlabelled);
  if (eval.unlabelled > 0)
    eval.section.elements.emplace_back(Paragraph{
        message(eval.unlabelled, " faces have no label of the model's and are left out.")});
  if (faces.size() == 0) {
    eval.section.elements.emplace_back(Paragraph{"Not measured: no face has a label."});
    return eval;
  }
  eval.clean = rows_of(network, false);
  eval.covered = rows_of(network, true);
  EvalPasses passes(pipeline, faces, options);
  passes.expect(faces.size() * (eval.clean.size() + eval.covered.size()));
  const EvalCovers covers(passes, faces, cutouts, options.seed);
  std::vector<std::int32_t> truth;
  for (const EvalFace& face : faces.faces) truth.push_back(face.label);

  const auto clean_picture = [&](std::size_t i) { return EvalPicture{passes.face(i), {}}; };
  const auto covered_picture = [&](std::size_t i) {
    Occlusion covered = covers.any(i);
    std::vector<std::uint8_t> mask = covered.mask();
    return EvalPicture{std::move(covered.picture), std::move(mask)};
  };
  const auto measure = [&](Row& row, FunctionRef<EvalPicture(std::size_t)> make) {
    Request request;
    request.mask = row.mask;
    request.latent_use = row.latent;
    Answers answers;
    passes.run(
        request, faces.size(), make, [&](std::size_t i, const EvalPicture&, const Result& result) {
          answers.label.push_back(result.label);
          answers.of_truth.push_back(result.probabilities[static_cast<std::size_t>(truth[i])]);
        });
    row.figures = measure_recognition(truth, answers.label, static_cast<int>(labels.size()), {},
                                      options.bootstrap);
    return answers;
  };
  for (Row& row : eval.clean) measure(row, clean_picture);
  Answers main, plain;  // on covered faces
  for (Row& row : eval.covered) {
    Answers answers = measure(row, covered_picture);
    if (row.name == main_row())
      main = std::move(answers);
    else if (row.name == row_name(kWithout, "chosen latents"))
      plain = std::move(answers);
  }
  eval.gains = gains_of(eval.covered);

  add_warnings(eval.covered.front().figures.confusion, labels, eval.section);
  Table covered = accuracies_of("Covered faces", eval.covered);
  covered.notes.push_back(
      message(faces.size(), " faces, each behind one cover (", covers.source(),
              "), half of them softened; resampled by face. ",
              network.detector().available()
                  ? "The mask is the detector's own but where the row says otherwise."
                  : "The model has no detector: the masks are the exact ones."));
  covered.notes.push_back(
      "All rows are one set of weights. Without latents, theirs are zero before the classifier, "
      "which is not the same as a network that was trained without them.");
  if (!network.recogniser().supports(LatentUse::kAll))
    covered.notes.push_back(
        "No rows with all latents: this classifier has places for those of a fixed list of patches "
        "(latent_selection \"fixed\") and for no others.");
  eval.section.elements.emplace_back(std::move(covered));
  eval.section.elements.emplace_back(
      recalls_of("Covered faces: recall of each class", eval.covered, labels));

  Table gains{"Gains in accuracy on covered faces, paired face by face",
              {{"gain", {}, ""}, {"points", kPercentStyle, ""}},
              {},
              {"An interval that leaves out 0 is a difference that these faces show."}};
  for (const RecognitionEval::Gain& gain : eval.gains)
    gains.rows.push_back({gain.name, gain.accuracy});
  eval.section.elements.emplace_back(std::move(gains));

  Table clean = accuracies_of("Clean faces", eval.clean);
  if (!find_row(eval.clean, main_row()))
    clean.notes.push_back(
        "No rows with reconstruction: without a detector nothing of a clean face is covered.");
  eval.section.elements.emplace_back(std::move(clean));
  eval.section.elements.emplace_back(
      recalls_of("Clean faces: recall of each class", eval.clean, labels));

  const auto confusion = [&](const char* title, const std::vector<Row>& rows) {
    const Row* row = find_row(rows, main_row());
    if (!row) row = find_row(rows, row_name(kWithout, "chosen latents"));
    eval.section.elements.emplace_back(
        ConfusionPlot{message(title, ": ", row->name), labels, row->figures.confusion.counts, {}});
  };
  confusion("Clean faces", eval.clean);
  confusion("Covered faces", eval.covered);

  const auto sheet = [&](const std::string& title, const std::vector<std::size_t>& chosen) {
    PictureSheet pictures{title, {}};
    for (const std::size_t i : chosen) {
      const Row& row = *find_row(eval.covered, main_row());
      Request request;
      request.mask = row.mask;
      request.restored = true;
      const EvalPicture picture = covered_picture(i);
      const Result result = passes.again(request, picture);
      const int side = network.config().image_size;
      const Image restored = planes_to_image(result.restored.values.data(), result.restored.width,
                                             result.restored.height);
      const Image panels[] = {passes.face(i), picture.picture, resize_image(restored, side, side)};
      const auto name = [&](std::int32_t label) { return labels[static_cast<std::size_t>(label)]; };
      pictures.pictures.push_back(
          {side_by_side(panels),
           message(faces.faces[i].name, ": ", name(truth[i]), ", taken for ", name(main.label[i]),
                   " (without reconstruction: ", name(plain.label[i]), "); ",
                   number_text(main.of_truth[i], kPercentStyle), " for the truth")});
    }
    if (!pictures.pictures.empty()) eval.section.elements.emplace_back(std::move(pictures));
  };
  const Extremes shown = extremes(main.of_truth, options.shown);
  sheet("Best: the face, covered, reconstructed", shown.best);
  sheet("Worst", shown.worst);
  return eval;
}

}  // namespace ofer
