"""Reads the library's source files as text: what the scripts `layers` and `budgets` have in common."""

import re
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"

# A comment, or a literal whose content is not code. Order matters: a lifetime such as 'a is no literal and is not matched.
NOT_CODE = re.compile(
    r"""//[^\n]*
    | /\*.*?\*/
    | b?r(?P<hashes>\#*)".*?"(?P=hashes)
    | b?"(?:\\.|[^"\\])*"
    | b?'(?:\\(?:x..|u\{\w+\}|.)|[^'\\\n])'
    """,
    re.DOTALL | re.VERBOSE,
)
TEST_ITEM = re.compile(r"#\[cfg\((?:all\()?test\b")


def blank(text):
    """The same text with spaces for everything but line ends."""
    return re.sub(r"[^\n]", " ", text)


def masked(text):
    """The code alone, in place: comments and the contents of literals are blanked."""
    return NOT_CODE.sub(lambda match: blank(match[0]), text)


def test_items(code):
    """The ranges of the items below `#[cfg(test)]`, in masked code."""
    start = 0
    while found := TEST_ITEM.search(code, start):
        # The item ends at the first `;` outside of brackets, or with its block.
        depth, end = 0, found.start()
        while True:
            char = code[end]
            depth += (char in "([{") - (char in ")]}")
            end += 1
            if depth == 0 and char in ";}":
                break
        yield found.start(), end
        start = end


class File:
    """One file of the library, without its tests."""

    def __init__(self, path, root=SRC):
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.code = masked(self.text)
        for start, end in list(test_items(self.code)):
            self.text = self.text[:start] + blank(self.text[start:end]) + self.text[end:]
            self.code = self.code[:start] + blank(self.code[start:end]) + self.code[end:]
        parts = list(path.relative_to(root).with_suffix("").parts)
        if parts[-1] in ("mod", "lib"):
            parts.pop()
        # The path of its module from the crate's root.
        self.module = parts

    def line(self, offset):
        """The number of the line at an offset."""
        return self.text.count("\n", 0, offset) + 1

    def lines_of_code(self):
        """Lines that are neither blank nor a comment."""
        return sum(bool(line.strip()) and not line.strip().startswith("//") for line in self.text.splitlines())


def files(root=SRC):
    """The files of the library without those that hold nothing but tests."""
    return [File(path, root) for path in sorted(root.rglob("*.rs")) if path.name != "tests.rs"]
