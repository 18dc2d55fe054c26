// One result as one line of JSON.
#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/console.h"
#include "tools/output_json.h"

namespace {

using nlohmann::ordered_json;

ofer::Result example() {
  ofer::Result result;
  result.label = 2;
  result.probabilities = {0.1f, 0.2f, 0.7f};
  result.rows = 1;
  result.columns = 2;
  result.distance = {0.3f, 123.25f};
  result.radius = 1.5f;
  result.occluded = {0, 1};
  result.chosen = {1};
  result.time_ms = {1.23456, 2, 3, 6.5};
  return result;
}

const ofer::RunInfo kInfo{{"zest", "anger", "joy"}, "cpu", "fp32", 2, false};

std::vector<std::string> keys_of(const ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

}  // namespace

TEST_SUITE("output_json") {
  TEST_CASE("the line has these keys in this order, and the shortest numbers") {
    CHECK(ofer::result_line("a.png", example(), kInfo) ==
          R"({"file":"a.png","label":"joy","probabilities":{"zest":0.1,"anger":0.2,"joy":0.7},)"
          R"("patches":{"rows":1,"columns":2,"distance":[0.3,123.25],"radius":1.5,)"
          R"("occluded":[0,1],"chosen":[1]},"time_ms":{"detect":1.235,"reconstruct":2.0,)"
          R"("recognise":3.0,"total":6.5},"device":"cpu","precision":"fp32","trained":false})");
    CHECK(ofer::error_line("a.png", "a.png: empty") ==
          R"({"file":"a.png","error":"a.png: empty"})");
  }

  TEST_CASE("labels keep the weight file's order and any text") {
    ofer::RunInfo info = kInfo;
    info.labels = {"z \"quoted\"", "a\nb", "m\u00fcde"};
    const ordered_json line = ordered_json::parse(ofer::result_line("x", example(), info));
    CHECK(keys_of(line["probabilities"]) == info.labels);
    CHECK(line["label"] == "m\u00fcde");
  }

  TEST_CASE("a file name that is no UTF-8 does not throw") {
    const std::string name = "bad\xff\xfe\"\n.png";
    const ordered_json line = ordered_json::parse(ofer::result_line(name, example(), kInfo));
    CHECK(line["file"] == "bad\ufffd\ufffd\"\n.png");
    CHECK(ofer::error_line(name, name + ": gone").find('\n') == std::string::npos);
  }

  TEST_CASE("numbers that are not finite become null") {
    ofer::Result result = example();
    result.probabilities[0] = std::numeric_limits<float>::quiet_NaN();
    result.distance[1] = std::numeric_limits<float>::infinity();
    const ordered_json line = ordered_json::parse(ofer::result_line("x", result, kInfo));
    CHECK(line["probabilities"]["zest"].is_null());
    CHECK(line["patches"]["distance"][1].is_null());
  }

  TEST_CASE("without detection the distances are an empty list") {
    ofer::Result result = example();
    result.distance.clear();
    const ordered_json line = ordered_json::parse(ofer::result_line("x", result, kInfo));
    CHECK(line["patches"]["distance"] == ordered_json::array());
  }

  TEST_CASE("text for one line of a terminal") {
    CHECK(ofer::one_line("a\x1b[31mb\n\xff\u00e9") == "a\\x1B[31mb\\x0A\\xFF\u00e9");
    CHECK(ofer::one_line("\xc2\x85") == "\\xC2\\x85");  // a C1 control character
    CHECK(ofer::one_line("\xc0\xaf") == "\\xC0\\xAF");  // overlong
    CHECK(ofer::display_width("ab\u00e9") == 3);
    CHECK(ofer::display_width("\u4f60\u597d") == 4);
    CHECK(ofer::display_width("e\u0301") == 1);
    CHECK(ofer::fit_left("abc", 5) == "abc  ");
    CHECK(ofer::fit_left("folder/name.png", 11) == "...name.png");
    CHECK(ofer::display_width(ofer::fit_left("\u4f60\u597d\u4f60\u597d", 6)) == 6);
  }
}
