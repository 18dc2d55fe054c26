#include "ofer/eval/report.h"

#include <set>

#include "engine/error.h"

namespace ofer {

namespace {

struct ElementCheck {
  void operator()(const Paragraph&) const {}
  void operator()(const PictureSheet& sheet) const {
    for (const PictureSheet::Picture& picture : sheet.pictures)
      require(!picture.image.empty(), ErrorCode::kBadArgument, "pictures '", sheet.title,
              "': the picture '", picture.caption, "' is empty");
  }
  template <class Checked>
  void operator()(const Checked& element) const {
    element.check();
  }
};

}  // namespace

void Report::check() const {
  std::set<std::string> names;
  for (const auto& [name, value] : facts)
    require(names.insert(name).second, ErrorCode::kBadArgument, "report '", title,
            "' states the fact '", name, "' twice");
  for (const Section& section : sections)
    for (const Element& element : section.elements) std::visit(ElementCheck(), element);
}

}  // namespace ofer
