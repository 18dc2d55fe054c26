"""Reads an HTML page as strictly as a browser does not, and prints what is in it as JSON.

    read_page.py PAGE.html

Fails unless the page is well-formed XML and every tag that html.parser opens is closed in its turn.
Prints {"tags": {name: count}, "attributes": [names], "texts": [...], "images": [[src, alt], ...],
"paths": [d, ...]}.
"""

import html.parser
import json
import sys
import xml.etree.ElementTree as ElementTree

VOID = {"meta", "img"}


class Balance(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


def bare(name):
    return name.rsplit("}", 1)[-1]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        page = file.read()
    balance = Balance()
    balance.feed(page)
    balance.close()
    assert not balance.open, f"not closed: {balance.open}"

    tags, attributes, texts, images, paths = {}, set(), [], [], []
    for element in ElementTree.fromstring(page).iter():
        tag = bare(element.tag)
        tags[tag] = tags.get(tag, 0) + 1
        attributes.update(bare(name) for name in element.attrib)
        if tag not in ("style", "html", "head", "body"):
            texts.extend(text for text in (element.text, element.tail) if text and text.strip())
        if tag == "img":
            images.append([element.get("src"), element.get("alt")])
        if tag == "path":
            paths.append(element.get("d"))
    json.dump({"tags": tags, "attributes": sorted(attributes), "texts": texts, "images": images,
               "paths": paths}, sys.stdout)


if __name__ == "__main__":
    main()
