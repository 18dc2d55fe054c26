#include "tools/eval_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "engine/atomic_file.h"
#include "engine/error.h"
#include "ofer/eval/curve_eval.h"
#include "ofer/eval/detection_eval.h"
#include "ofer/eval/recognition_eval.h"
#include "ofer/eval/reconstruction_eval.h"
#include "tools/command_line.h"
#include "tools/face_options.h"
#include "tools/interrupt.h"
#include "tools/progress.h"
#include "tools/result_pictures.h"
#include "tools/session_options.h"
#include "tools/validators.h"

namespace ofer {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kAbout =
    "Measure a model on a folder of faces\n"
    "\n"
    "Detection by kind of cover, reconstruction, recognition for every row of the paper's "
    "ablation,\n"
    "and accuracy against the covered share; every figure with its 95 % interval.\n";

constexpr const char* kExamples =
    "The folder gets report.json and report.html, one page with tables, plots and pictures of the\n"
    "best and the worst cases. The tables go to standard output.\n"
    "\n"
    "Examples:\n"
    "  ofer eval -m weights.safetensors --data faces/labels.csv --occluders cutouts -o report\n"
    "  ofer eval -m weights.safetensors --data RAF-DB --split test -o report\n"
    "  ofer eval -m weights.safetensors --data faces --what detection --limit 100 -o quick\n"
    "\n"
    "docs/evaluation.md explains the tables.\n"
    "\n"
    "Exit codes: 0 measured; 2 the command line cannot be obeyed; 3 data, weights, device or "
    "folder\n"
    "failed; 130 interrupted by Ctrl-C, and then there is no report.";

constexpr const char* kIn = "What is measured";
constexpr const char* kHow = "How it is computed";

constexpr const char* kDetection = "detection";
constexpr const char* kReconstruction = "reconstruction";
constexpr const char* kRecognition = "recognition";
constexpr const char* kCurves = "curves";

std::set<std::string> evaluations_named(const std::string& what) {
  std::set<std::string> wanted;
  std::istringstream names(what);
  for (std::string name; std::getline(names, name, ',');) {
    require(
        name == kDetection || name == kReconstruction || name == kRecognition || name == kCurves,
        ErrorCode::kBadArgument, "--what: no evaluation \"", name,
        "\"; there are detection, reconstruction, recognition and curves");
    wanted.insert(name);
  }
  require(!wanted.empty(), ErrorCode::kBadArgument, "--what: nothing is named");
  return wanted;
}

EvalFaces eval_faces(const Faces& faces, const EvalCommandOptions& options) {
  std::vector<std::size_t> samples = faces.samples;
  const auto limit = static_cast<std::size_t>(options.limit);
  if (limit > 0 && limit < samples.size()) {
    SeededNumbers numbers = numbers_for(options.seed, 0, 0, RandomPurpose::kOrder);
    shuffle(std::span(samples), numbers);
    samples.resize(limit);
    std::sort(samples.begin(), samples.end());
  }
  EvalFaces result;
  for (const std::size_t sample : samples) {
    const Sample& s = faces.dataset.samples[sample];
    std::string name = s.path.filename().string();
    if (s.length > 0) name += message(" at ", s.offset);  // one of many in a table
    result.faces.push_back({sample, s.label, std::move(name)});
  }
  result.picture = [samples = std::move(samples), store = faces.store.get()](std::size_t i) {
    return store->face(samples[i]);
  };
  return result;
}

Section data_section(const Faces& faces, const EvalFaces& measured,
                     const std::vector<std::string>& labels, const CutoutSet* cutouts) {
  Section section{"Data", {}};
  Table table{"Faces by label", {{"label", {}, ""}, {"faces", {}, ""}}, {}, {}};
  const auto count = [&](std::int32_t label) {
    return static_cast<std::int64_t>(
        std::count_if(measured.faces.begin(), measured.faces.end(),
                      [&](const EvalFace& face) { return face.label == label; }));
  };
  for (std::size_t i = 0; i < labels.size(); ++i)
    table.rows.push_back({labels[i], count(static_cast<std::int32_t>(i))});
  table.rows.push_back({"none of the model's", count(-1)});
  const auto add = [&](const DataReport& report, const char* what) {
    if (report.total() > 0)
      table.notes.push_back(message("Left out of the ", what, ": ", report.summary(), "."));
    for (std::size_t problem = 0; problem < kDataProblems; ++problem)
      for (const std::string& example : report.examples(static_cast<DataProblem>(problem)))
        table.notes.push_back(example);
    for (const std::string& warning : report.warnings()) table.notes.push_back(warning);
  };
  add(faces.report, "data");
  if (cutouts) add(cutouts->report, "cut-outs");
  section.elements.emplace_back(std::move(table));
  return section;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  write_file_atomically(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

CLI::App* add_eval_command(CLI::App& app, EvalCommandOptions& options) {
  CLI::App* command = app.add_subcommand("eval", kAbout);
  command->footer(kExamples);
  command->add_option("-m,--model", options.weights, "The weight file")
      ->type_name("WEIGHTS")
      ->required()
      ->group(kIn);
  add_face_options(*command, options.faces, kIn, "val where there\nis one, else test, else all");
  command->get_option("--data")->required();
  command
      ->add_option("--occluders", options.occluders,
                   "Cut-outs with transparency to cover faces with\n(default: drawn shapes and "
                   "pieces of other faces)")
      ->type_name("DIR")
      ->group(kIn);
  command
      ->add_option("--what", options.what,
                   "detection,reconstruction,recognition,curves\n(default), or some of them")
      ->type_name("NAMES")
      ->group(kIn);
  command->add_option("--limit", options.limit, "At most so many faces, drawn by the seed")
      ->type_name("N")
      ->check(at_least(1))
      ->group(kIn);
  command
      ->add_option("--share", options.share,
                   "Of the patches that reconstruction covers\n(default 0.2)")
      ->type_name("X")
      ->group(kIn);
  command->add_option("-o,--output", options.folder, "The report's folder")
      ->type_name("DIR")
      ->required()
      ->group(kHow);
  command->add_option("--seed", options.seed, "Of covers, masks and intervals (default 1)")
      ->type_name("N")
      ->check(at_least(0))
      ->group(kHow);
  command->add_option("--resamples", options.resamples, "Of the bootstrap (default 2000)")
      ->type_name("N")
      ->check(at_least(1))
      ->group(kHow);
  add_session_options(*command, options.session, kHow);
  command
      ->add_option("--batch", options.batch,
                   "Pictures at once (default 8); does not change\nthe figures")
      ->type_name("N")
      ->check(at_least(1))
      ->group(kHow);
  command->set_help_flag("-h,--help", "Print this help")->group("Other");
  refuse_empty(*command, {"--model", "--data", "--split", "--occluders", "--output"});
  return command;
}

int eval_command(const EvalCommandOptions& options, Console& console) {
  const std::set<std::string> wanted = evaluations_named(options.what);
  const SessionOptions session = session_options(options.session, console);
  EvalOptions how;
  how.seed = how.bootstrap.seed = options.seed;
  how.bootstrap.resamples = options.resamples;
  how.batch = static_cast<std::size_t>(options.batch);
  const Resampling checked(1, how.bootstrap);  // too many resamples are refused before any work

  const std::shared_ptr<const Network> network =
      Network::load(options.weights, session.precision, {}, session.device);
  if (wanted.count(kReconstruction) > 0)
    covered_count(options.share, static_cast<std::size_t>(network->config().patch_count()));
  Pipeline pipeline(network, session);
  std::optional<CutoutSet> cutouts;
  if (!options.occluders.empty()) {
    cutouts = load_cutouts(options.occluders);
    tell(cutouts->report, console);
  }
  const CutoutSet* const covers = cutouts ? &*cutouts : nullptr;
  FaceOptions wanted_faces = options.faces;
  wanted_faces.splits = {"val", "test"};
  const std::unique_ptr<Faces> faces =
      load_faces(wanted_faces, network->labels(), network->config().image_size,
                 std::max(1, pipeline.session().threads()), console);
  const EvalFaces measured = eval_faces(*faces, options);
  const auto unlabelled = std::count_if(measured.faces.begin(), measured.faces.end(),
                                        [](const EvalFace& face) { return face.label < 0; });
  if (unlabelled > 0 && (wanted.count(kRecognition) > 0 || wanted.count(kCurves) > 0))
    print_note(console,
               message("ofer: warning: ", unlabelled, " of ", measured.size(),
                       " faces have no label of the model's; recognition leaves them out"));
  const std::filesystem::path folder = options.folder;
  prepare_folder(folder);

  Report report;
  report.title = "Evaluation of " + std::filesystem::path(options.weights).filename().string();
  report.facts = {
      {"model", network->config().name},
      {"trained", network->trained() ? "yes"
                                     : "no: random weights, whose figures say "
                                       "nothing about the method"},
      {"data", options.faces.data + ", " + faces->dataset.found},
      {"split", faces->split.empty() ? "all" : faces->split},
      {"faces", message(measured.size(), " of ", faces->samples.size())},
      {"covers",
       covers ? "cut-outs of " + options.occluders : "drawn shapes and pieces of other faces"},
      {"seed", std::to_string(options.seed)},
      {"intervals", message("95 %, by bootstrap over faces, ", options.resamples, " resamples")},
      {"device", shown(session.device)},
      {"precision", options.session.precision}};
  report.sections.push_back(data_section(*faces, measured, network->labels(), covers));

  const Interrupt interrupt(pipeline.session());
  const auto measure = [&](const char* name, auto&& evaluation) {
    if (wanted.count(name) == 0) return;
    std::optional<Progress> bar;
    how.progress = [&](std::size_t done, std::size_t total) {
      if (!bar) bar.emplace(console, total);
      bar->show(done);
      return interrupt.signal() == 0;
    };
    report.sections.push_back(evaluation().section);
  };
  try {
    measure(kDetection, [&] { return evaluate_detection(pipeline, measured, covers, how); });
    measure(kReconstruction,
            [&] { return evaluate_reconstruction(pipeline, measured, options.share, how); });
    measure(kRecognition, [&] { return evaluate_recognition(pipeline, measured, covers, how); });
    measure(kCurves, [&] { return evaluate_curves(pipeline, measured, how); });
  } catch (const Error& error) {
    if (interrupt.signal() == 0 || error.code() != ErrorCode::kCancelled) throw;
  }
  if (interrupt.signal() != 0) {
    print_note(console, "ofer: interrupted; there is no report");
    return kExitSignal + interrupt.signal();
  }
  // A disk that is full shall not cost the figures: they are printed all the same.
  std::optional<Error> failure;
  try {
    write_text(folder / "report.json",
               report_json(report).dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
    write_text(folder / "report.html", report_html(report));
  } catch (const Error& error) {
    failure = error;
  }
  std::string text = report_text(report, {console.width, console.unicode});
  text.pop_back();  // the newline that print_line adds
  print_line(console, text);
  if (failure) throw Error(*failure);
  print_note(console, "ofer: " + one_line((folder / "report.html").string()) + " and report.json");
  return kExitGood;
}

}  // namespace ofer
