// Data sets as people have them, and everything that can be wrong with one.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/error.h"
#include "ofer/data/dataset.h"
#include "ofer/data/labels.h"
#include "ofer/data/picture_files.h"
#include "ofer/data/text_lines.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"
#include "tests/support/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using ofer::DataLayout;
using ofer::DataProblem;
using ofer::Dataset;
using ofer::DatasetOptions;
using ofer::test::error_of;
using ofer::test::has;
using ofer::test::put;
using ofer::test::TemporaryFolder;

const std::vector<std::string> kLabels{"surprise", "fear",  "disgust", "happiness",
                                       "sadness",  "anger", "neutral"};

DatasetOptions options_for(DataLayout layout = DataLayout::kAuto) {
  DatasetOptions options;
  options.layout = layout;
  options.labels = kLabels;
  return options;
}

// Files whose content is never looked at when a set is listed.
void touch(const fs::path& path) {
  fs::create_directories(path.parent_path());
  put(path, "x");
}

// "name label split source identity" of each sample, the name counted from the folder.
std::vector<std::string> rows(const Dataset& dataset) {
  std::vector<std::string> result;
  for (const ofer::Sample& s : dataset.samples)
    result.push_back(s.path.lexically_relative(dataset.folder).string() + ' ' +
                     std::to_string(s.label) + ' ' + s.split + ' ' + s.source + ' ' + s.identity);
  return result;
}

std::string pixels(int first) {
  std::string text;
  for (int i = 0; i < 48 * 48; ++i) text += (i ? " " : "") + std::to_string((first + i) % 256);
  return text;
}

}  // namespace

TEST_SUITE("dataset") {
  TEST_CASE("labels are matched by name, case and other words for them") {
    const auto match = [](const char* text) { return ofer::match_label(text, kLabels); };
    CHECK(match("surprise") == 0);
    CHECK(match(" Surprised ") == 0);
    CHECK(match("FEARFUL") == 1);
    CHECK(match("disgusted") == 2);
    CHECK(match("happy") == 3);
    CHECK(match("Happiness\r") == 3);
    CHECK(match("sad") == 4);
    CHECK(match("angry") == 5);
    CHECK(match("Neutral") == 6);
    for (const char* none : {"", " ", "contempt", "happ", "3", "neutral face"})
      CHECK(match(none) == -1);
    // The other way round, and an exact name before another case of it.
    const std::vector<std::string> other{"HAPPY", "happy", "Anger"};
    CHECK(ofer::match_label("happiness", other) == 0);
    CHECK(ofer::match_label("happy", other) == 1);
    CHECK(ofer::match_label("angry", other) == 2);
    CHECK(ofer::whole_number("07") == 7);
    CHECK(ofer::whole_number(" -2 ") == -2);
    for (const char* none : {"", "1.0", "1x", "x1", "99999999999999999999"})
      CHECK(!ofer::whole_number(none));
  }

  TEST_CASE("lines of any ending, with their places") {
    const TemporaryFolder folder;
    const std::string text = "\xEF\xBB\xBFone\r\n\ntwo " + std::string(3, '\r') + "\nlast";
    put(folder / "text", text);
    ofer::TextLines lines(folder / "text");
    std::vector<std::string> read;
    while (lines.next()) {
      read.push_back(lines.text());
      CHECK(lines.number() == static_cast<std::int64_t>(read.size()));
      CHECK(text.substr(static_cast<std::size_t>(lines.offset()), lines.text().size()) ==
            lines.text());
    }
    CHECK(read == std::vector<std::string>{"one", "", "two \r\r", "last"});

    put(folder / "long", std::string(ofer::TextLines::kLongest + 1, 'a') + "\nshort\n");
    ofer::TextLines longest(folder / "long");
    REQUIRE(longest.next());
    CHECK(longest.too_long());
    CHECK(longest.text().size() == ofer::TextLines::kLongest);
    REQUIRE(longest.next());
    CHECK(!longest.too_long());
    CHECK(longest.text() == "short");
    CHECK(!longest.next());
    CHECK(has(error_of([&] { ofer::TextLines(folder / "none"); }), "input/output"));
  }

  TEST_CASE("fields of a table") {
    struct Case {
      const char* line;
      std::vector<std::string> fields;
    };
    std::vector<ofer::CsvField> fields;
    for (const Case& c : {Case{"a,b", {"a", "b"}},
                          {"", {""}},
                          {",", {"", ""}},
                          {"a,,c,", {"a", "", "c", ""}},
                          {"\"a,b\",c", {"a,b", "c"}},
                          {"\"say \"\"hi\"\"\",\"\"", {"say \"hi\"", ""}},
                          {"a\"b,c", {"a\"b", "c"}}}) {
      CAPTURE(c.line);
      REQUIRE(ofer::split_csv(c.line, ',', fields));
      std::vector<std::string> texts;
      for (const ofer::CsvField& field : fields) texts.push_back(field.text);
      CHECK(texts == c.fields);
    }
    for (const char* wrong : {"\"", "\"a", "a,\"b\"c", "\"a\"\"", "\"\"\""}) {
      CAPTURE(wrong);
      CHECK(!ofer::split_csv(wrong, ',', fields));
    }
    REQUIRE(ofer::split_csv("ab;\"cd\"", ';', fields));
    CHECK(fields[1].first == 4);
  }

  TEST_CASE("a list: what is good is kept in order, what is wrong is counted and told") {
    const TemporaryFolder folder;
    for (const char* name : {"a.jpg", "b c.png", "in/d.jpg", "plain.jpg"}) touch(folder / name);
    put(folder / "list.txt",
        "\xEF\xBB\xBF"
        "a.jpg happy\r\n"
        "\n"
        "b c.png\tAnger  \n"
        "in/d.jpg neutral\n"
        "in/../a.jpg sad\n"
        "gone.jpg fear\n"
        "a.jpg bliss\n"
        "../secret.jpg fear\n"
        "/etc/passwd fear\n"
        "in/../../x.jpg fear\n"
        "plain.jpg\n" +
            std::string("nul\0.jpg fear\n", 14) + std::string(2u << 20, 'x') + "\n");
    for (DataLayout layout : {DataLayout::kList, DataLayout::kAuto}) {
      const Dataset dataset = ofer::load_dataset(folder / "", options_for(layout));
      CHECK(dataset.layout == DataLayout::kList);
      CHECK(has(dataset.found, "list.txt"));
      CHECK(rows(dataset) == std::vector<std::string>{"a.jpg 3   ", "b c.png 5   ", "in/d.jpg 6   ",
                                                      "in/../a.jpg 4   "});
      const ofer::DataReport& report = dataset.report;
      CHECK(report.count(DataProblem::kMissingFile) == 1);
      CHECK(report.count(DataProblem::kUnknownLabel) == 2);
      CHECK(report.count(DataProblem::kUnsafePath) == 3);
      CHECK(report.count(DataProblem::kBadLine) == 2);
      CHECK(report.total() == 8);
      CHECK(report.summary() ==
            "1 missing file, 3 unsafe paths, 2 unknown labels, 2 unreadable lines");
      CHECK(has(report.examples(DataProblem::kMissingFile)[0], "list.txt line 6"));
      CHECK(has(report.examples(DataProblem::kUnknownLabel)[0], "bliss"));
      CHECK(has(report.examples(DataProblem::kUnknownLabel)[1], "no label"));
    }

    // Without need for labels everything that is there stays, and the unknown one is still told.
    DatasetOptions loose = options_for(DataLayout::kList);
    loose.labels_needed = false;
    const Dataset all = ofer::load_dataset(folder / "list.txt", loose);
    CHECK(rows(all).size() == 6);
    CHECK(all.samples[4].label == -1);
    CHECK(all.report.count(DataProblem::kUnknownLabel) == 1);

    // Outside the folder only when that was allowed.
    put(folder / "in/list.txt", "../a.jpg sad\nd.jpg fear\n");
    CHECK(ofer::load_dataset(folder / "in", options_for()).samples.size() == 1);
    DatasetOptions outside = options_for();
    outside.outside_allowed = true;
    CHECK(ofer::load_dataset(folder / "in", outside).samples.size() == 2);
  }

  TEST_CASE("a report keeps the first few examples of each kind, as one line") {
    const TemporaryFolder folder;
    touch(folder / "a.jpg");
    std::string list = "a.jpg sad\na.jpg fear\n";
    for (int i = 0; i < 25; ++i) list += "gone\x01\x1b[2J" + std::to_string(i) + ".jpg sad\n";
    put(folder / "list.txt", list);
    DatasetOptions options = options_for();
    options.shown_problems = 3;
    const Dataset dataset = ofer::load_dataset(folder / "", options);
    CHECK(dataset.report.count(DataProblem::kMissingFile) == 25);
    REQUIRE(dataset.report.examples(DataProblem::kMissingFile).size() == 3);
    for (const std::string& text : dataset.report.examples(DataProblem::kMissingFile))
      CHECK(std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < 0x20; }));
    ofer::DataReport sum(2);
    sum.append(dataset.report);
    sum.append(dataset.report);
    CHECK(sum.count(DataProblem::kMissingFile) == 50);
    CHECK(sum.examples(DataProblem::kMissingFile).size() == 2);
  }

  TEST_CASE("a table: columns in any order and case, three separators, quotes") {
    const TemporaryFolder folder;
    for (const char* name : {"a.jpg", "b, c.jpg"}) touch(folder / name);
    put(folder / "faces.csv",
        "Split,Identity,\"LABEL\",File,source\n"
        "training,eve,happy,a.jpg,lfw\n"
        "PrivateTest,,fear,\"b, c.jpg\",web\n"
        "extra,,fear,a.jpg,\n"
        "val,,fear\n"
        "val,,fear,\"a.jpg\n"
        "val,,boredom,a.jpg,\n");
    const Dataset dataset = ofer::load_dataset(folder / "", options_for());
    CHECK(dataset.layout == DataLayout::kCsv);
    CHECK(rows(dataset) == std::vector<std::string>{"a.jpg 3 train lfw eve", "b, c.jpg 1 test web ",
                                                    "a.jpg 1 extra  "});
    CHECK(dataset.report.count(DataProblem::kBadLine) == 2);
    CHECK(dataset.report.count(DataProblem::kUnknownLabel) == 1);
    CHECK(dataset.in_split("train") == std::vector<std::size_t>{0});
    CHECK(dataset.in_split("").size() == 3);
    CHECK(dataset.label_counts({0, 1, 2}) == std::vector<std::size_t>{0, 2, 0, 1, 0, 0, 0});

    for (const char* separator : {";", "\t"}) {
      const std::string s = separator;
      put(folder / "faces.csv", "path" + s + "emotion\na.jpg" + s + "sad\nb, c.jpg" + s + "fear\n");
      CHECK(ofer::load_dataset(folder / "", options_for()).samples.size() == 2);
    }
    put(folder / "faces.csv", "path,mood\na.jpg,sad\n");
    CHECK(has(error_of([&] { ofer::load_dataset(folder / "", options_for()); }),
              "bad file: " + (folder / "faces.csv").string() +
                  ": the first line names no column "
                  "label"));
    DatasetOptions none;
    CHECK(ofer::load_dataset(folder / "", none).samples.at(0).label == -1);
    put(folder / "faces.csv", "");
    CHECK(has(error_of([&] { ofer::load_dataset(folder / "", options_for(DataLayout::kCsv)); }),
              "must name the columns"));
  }

  TEST_CASE("numbers are labels only where something says which") {
    const TemporaryFolder folder;
    touch(folder / "a.jpg");
    put(folder / "list.txt", "a.jpg 1\na.jpg 2\na.jpg 9\n");
    const std::string error = error_of([&] { ofer::load_dataset(folder / "", options_for()); });
    CHECK(has(error, "bad argument: list.txt line 1: the label is 1"));
    CHECK(has(error, "order of their numbers"));
    DatasetOptions options = options_for();
    options.numbers = {"happy", "sad"};
    options.first_number = 1;
    const Dataset dataset = ofer::load_dataset(folder / "", options);
    CHECK(rows(dataset) == std::vector<std::string>{"a.jpg 3   ", "a.jpg 4   "});
    CHECK(dataset.report.count(DataProblem::kUnknownLabel) == 1);
    // One stray number among names is an unknown label, no more.
    put(folder / "list.txt", "a.jpg sad\na.jpg fear\na.jpg 2\n");
    CHECK(ofer::load_dataset(folder / "", options_for()).report.summary() == "1 unknown label");
    // A model whose labels are numbers.
    DatasetOptions digits;
    digits.labels = {"1", "2"};
    put(folder / "list.txt", "a.jpg 2\na.jpg 1\n");
    CHECK(rows(ofer::load_dataset(folder / "", digits))[0] == "a.jpg 1   ");
  }

  TEST_CASE("one folder per class, with and without splits") {
    const TemporaryFolder folder;
    for (const char* name :
         {"plain/Happy/b.jpg", "plain/Happy/deep/a.PNG", "plain/angry/c.bmp", "plain/boredom/d.jpg",
          "plain/boredom/e.jpg", "plain/loose.jpg", "plain/Happy/notes.txt", "plain/.hidden/f.jpg"})
      touch(folder / name);
    const Dataset plain = ofer::load_dataset(folder / "plain", options_for());
    CHECK(plain.layout == DataLayout::kFolders);
    CHECK(rows(plain) == std::vector<std::string>{"Happy/b.jpg 3   ", "Happy/deep/a.PNG 3   ",
                                                  "angry/c.bmp 5   "});
    CHECK(plain.report.count(DataProblem::kUnknownLabel) == 3);

    for (const char* name : {"split/train/angry/1.jpg", "split/test/angry/2.jpg",
                             "split/validation/sad/3.jpg", "split/train/4.jpg"})
      touch(folder / name);
    for (DataLayout layout : {DataLayout::kAuto, DataLayout::kFolders, DataLayout::kFer2013}) {
      const Dataset split = ofer::load_dataset(folder / "split", options_for(layout));
      CHECK(rows(split) == std::vector<std::string>{"test/angry/2.jpg 5 test  ",
                                                    "train/angry/1.jpg 5 train  ",
                                                    "validation/sad/3.jpg 4 val  "});
      CHECK(split.report.count(DataProblem::kUnknownLabel) == 1);
    }

    for (const char* name : {"number/1/x.jpg", "number/2/y.jpg"}) touch(folder / name);
    DatasetOptions numbered = options_for();
    numbered.numbers = {"", "sad", "fear"};
    CHECK(rows(ofer::load_dataset(folder / "number", numbered)) ==
          std::vector<std::string>{"1/x.jpg 4   ", "2/y.jpg 1   "});
    CHECK(has(
        error_of([&] { ofer::load_dataset(folder / "number", options_for(DataLayout::kFolders)); }),
        "the label is 1"));
    // A link to a folder above does not run in circles.
    fs::create_directory_symlink(folder / "plain", folder / "plain/Happy/loop");
    CHECK(ofer::load_dataset(folder / "plain", options_for()).samples.size() == 3);
  }

  TEST_CASE("pictures without labels") {
    const TemporaryFolder folder;
    for (const char* name : {"a.jpg", "x/b.jpg", "x/y/c.jpg"}) touch(folder / name);
    const Dataset dataset = ofer::load_dataset(folder / "", {});
    CHECK(dataset.layout == DataLayout::kPictures);
    CHECK(rows(dataset) ==
          std::vector<std::string>{"a.jpg -1   ", "x/b.jpg -1   ", "x/y/c.jpg -1   "});
    CHECK(has(error_of([&] { ofer::load_dataset(folder / "", options_for()); }),
              "no data set found here; looked for"));
  }

  TEST_CASE("RAF-DB's own layout") {
    const TemporaryFolder folder;
    for (const char* name :
         {"basic/Image/aligned/train_00001_aligned.jpg",
          "basic/Image/aligned/test_0001_aligned.jpg", "basic/Image/original/train_00002.jpg"})
      touch(folder / name);
    const std::string list =
        "train_00001.jpg 5\ntest_0001.jpg 1\ntrain_00002.jpg 4\ntest_0001.jpg x\nbroken\n"
        "../../train_00001.jpg 3\n";
    fs::create_directories(folder / "basic/EmoLabel");
    put(folder / "basic/EmoLabel/list_patition_label.txt", list);
    for (const char* place :
         {"", "basic", "basic/EmoLabel", "basic/EmoLabel/list_patition_label.txt"})
      for (DataLayout layout : {DataLayout::kAuto, DataLayout::kRafDb}) {
        CAPTURE(place);
        const Dataset dataset = ofer::load_dataset(folder / place, options_for(layout));
        CHECK(dataset.layout == DataLayout::kRafDb);
        CHECK(rows(dataset) ==
              std::vector<std::string>{"Image/aligned/train_00001_aligned.jpg 4 train rafdb ",
                                       "Image/aligned/test_0001_aligned.jpg 0 test rafdb "});
        // The original of 00002 is a whole photograph and is not taken.
        CHECK(dataset.report.summary() ==
              "1 missing file, 1 unsafe path, 1 unknown label, 1 unreadable line");
        CHECK(dataset.report.warnings().empty());
      }
    // Beside the list, plain names, and all seven numbers.
    std::string all;
    for (int i = 1; i <= 8; ++i) {
      touch(folder / ("flat/train_" + std::to_string(i) + ".jpg"));
      all += "train_" + std::to_string(i) + ".jpg " + std::to_string(i) + "\n";
    }
    put(folder / "flat/list_patition_label.txt", all);
    const Dataset flat = ofer::load_dataset(folder / "flat", options_for());
    REQUIRE(flat.samples.size() == 7);
    for (int i = 0; i < 7; ++i) CHECK(flat.samples[static_cast<std::size_t>(i)].label == i);
    REQUIRE(flat.report.warnings().size() == 1);
    CHECK(has(flat.report.warnings()[0], "compound"));
    CHECK(has(error_of([&] {
                ofer::load_dataset(folder / "basic/Image", options_for(DataLayout::kRafDb));
              }),
              "list_patition_label.txt"));
  }

  TEST_CASE("FER-2013's own table") {
    const TemporaryFolder folder;
    const std::string bad_pixels = pixels(0).substr(2);  // one value short
    const std::string text = "emotion, Usage, pixels\n0,Training," + pixels(0) + "\n3,PublicTest," +
                             pixels(1) + "\n5,PrivateTest,\"" + pixels(2) + "\"\n7,Training," +
                             pixels(3) + "\n2,Training," + bad_pixels + "\n2,Training," +
                             pixels(5) + " 1\n2,Training,256" + pixels(5).substr(1) + "\n";
    put(folder / "fer2013.csv", text);
    for (DataLayout layout : {DataLayout::kAuto, DataLayout::kFer2013}) {
      const Dataset dataset = ofer::load_dataset(folder / "", options_for(layout));
      CHECK(dataset.layout == DataLayout::kFer2013);
      CHECK(rows(dataset) == std::vector<std::string>{"fer2013.csv 5 train fer2013 ",
                                                      "fer2013.csv 3 val fer2013 ",
                                                      "fer2013.csv 0 test fer2013 "});
      for (int i = 0; i < 3; ++i) {
        const ofer::Sample& s = dataset.samples[static_cast<std::size_t>(i)];
        CHECK(text.substr(static_cast<std::size_t>(s.offset), static_cast<std::size_t>(s.length)) ==
              pixels(i));
      }
      CHECK(dataset.report.summary() == "1 unknown label, 3 unreadable lines");
    }
    put(folder / "fer2013.csv", "emotion,usage\n1,x\n");
    CHECK(has(error_of([&] { ofer::load_dataset(folder / "", options_for(DataLayout::kFer2013)); }),
              "emotion and pixels"));
  }

  TEST_CASE("sets that cannot be used say why") {
    const TemporaryFolder folder;
    const auto error = [&](const char* name, DataLayout layout = DataLayout::kAuto) {
      return error_of([&] { ofer::load_dataset(folder / name, options_for(layout)); });
    };
    CHECK(has(error("absent"), "input/output: "));
    CHECK(has(error("absent"), "no such file or folder"));
    CHECK(has(error(""), "no data set found here"));
    CHECK(has(error("", DataLayout::kList), "no .txt list"));
    CHECK(has(error("", DataLayout::kFolders), "no usable face"));
    put(folder / "one.txt", "gone.jpg sad\nlost.jpg sad\n");
    CHECK(has(error(""), "no usable face in list"));
    CHECK(has(error(""), "2 missing files; first: one.txt line 1: "));
    CHECK(has(error("one.txt", DataLayout::kFolders), "needs a folder"));
    put(folder / "two.txt", "");
    CHECK(has(error(""), "one.txt, two.txt could each be the list"));
    put(folder / "list.txt", "");  // the usual name is taken
    CHECK(has(error(""), "no usable face in list"));
    put(folder / "binary.csv", std::string("\x00\xff\xfe,\n\"\n", 7));
    CHECK(has(error("binary.csv", DataLayout::kCsv), "names no column"));
    touch(folder / "x.jpg");
    put(folder / "list.txt", "x.jpg happy\nx.jpg happiness\n");
    const Dataset single = ofer::load_dataset(folder / "list.txt", options_for());
    REQUIRE(single.report.warnings().size() == 1);
    CHECK(has(single.report.warnings()[0], "one class, happiness"));
  }

  TEST_CASE("no bytes make a list dangerous") {
    const TemporaryFolder folder;
    touch(folder / "in/a.jpg");
    touch(folder / "in/b.jpg");
    touch(folder / "out.jpg");
    const std::vector<std::string> words{
        "a.jpg", "b.jpg", "../out.jpg", "sad", "happy", " ", "\t", "\n",     ",",       "\"",
        ";",     "file",  "label",      "\r",  "..",    "/", "5",  "pixels", "emotion", "./"};
    ofer::test::Random random(7);
    for (int round = 0; round < 400; ++round) {
      std::string text = round % 2 ? "file,label\n" : "";
      for (std::int64_t i = random.below(60); i > 0; --i)
        text += random.below(8) ? words[static_cast<std::size_t>(
                                      random.below(static_cast<std::int64_t>(words.size())))]
                                : std::string(1, static_cast<char>(random.below(256)));
      put(folder / "in/list.txt", text);
      for (DataLayout layout : {DataLayout::kAuto, DataLayout::kList, DataLayout::kCsv,
                                DataLayout::kFer2013, DataLayout::kRafDb}) {
        Dataset dataset;
        const std::string error = error_of(
            [&] { dataset = ofer::load_dataset(folder / "in/list.txt", options_for(layout)); });
        CAPTURE(text);
        REQUIRE(!has(error, "internal"));
        REQUIRE(!has(error, "message of several lines"));
        for (const ofer::Sample& sample : dataset.samples) {
          REQUIRE(fs::weakly_canonical(sample.path).parent_path() ==
                  fs::weakly_canonical(folder / "in"));
          REQUIRE(sample.label >= 0);
        }
      }
    }
  }

  TEST_CASE("layouts by name") {
    for (DataLayout layout : ofer::kDataLayouts)
      CHECK(ofer::data_layout(ofer::name_of(layout)) == layout);
    CHECK(!ofer::data_layout("tfrecord"));
  }
}
