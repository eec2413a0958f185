import os
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text import files, peek
from embexp.text.sources import read

HEADER = "text,label\n"
ROWS = "".join(f"text {i},{'pos' if i % 2 else 'neg'}\n" for i in range(10))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def load(content=None, test=None, **settings):
    """Read reviews.csv (and test.csv) with the given content."""
    for name, data in (("reviews.csv", content), ("test.csv", test)):
        if data is not None:
            Path(name).write_bytes(data if isinstance(data, bytes) else data.encode())
    defaults = {"name": "mine", "source": "csv", "train": "reviews.csv", "test": None if test is None else "test.csv"}
    return read(DatasetConfig(**defaults | settings))


def refused(content=None, test=None, **settings):
    """Return the sentences with which a file is refused."""
    with pytest.raises(UserError) as error:
        load(content, test, **settings)
    return list(error.value.problems)


def numbered(labels):
    return HEADER + "".join(f"text {number},{label}\n" for number, label in enumerate(labels))


# ---- what is read


def test_cells_stand_as_they_are_in_the_file():
    raw = load(HEADER + 'NA,null\n"two\nlines, ""quoted""",NA\nnull,null\n,NA\n 007 ,null\n')
    assert raw.train.to_list() == ["NA", 'two\nlines, "quoted"', "null", "", " 007 "]
    assert raw.classes == ("NA", "null")
    assert raw.train.labels.tolist() == [1, 0, 1, 0, 1]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_byte_order_mark_and_any_line_end_are_accepted(mark, line_end):
    raw = load(mark + ('"text",label\n' + ROWS).encode().replace(b"\n", line_end))
    assert raw.train.to_list() == [f"text {i}" for i in range(10)]


@pytest.mark.parametrize(
    ("delimiter", "mark"), [("semicolon", ";"), ("tab", "\t"), ("\\t", "\t"), ("|", "|"), ("comma", ",")]
)
def test_other_delimiters_by_name_or_character(delimiter, mark):
    raw = load((HEADER + ROWS).replace(",", mark), delimiter=delimiter)
    assert len(raw.train.labels) == 10


def test_named_columns_are_taken_from_among_others():
    raw = load("id,stars,review\n1,5,good\n2,1,bad\n", text="review", label="stars")
    assert (raw.train.to_list(), raw.classes) == (["good", "bad"], ("1", "5"))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["True", "False"], ("False", "True")),
        (["10", "9", "-1"], ("-1", "9", "10")),  # by value, not as text
        (["b", "Z", "é", "a"], ("Z", "a", "b", "é")),
        ([f"{half / 2}" for half in range(1, 11)], tuple(f"{half / 2}" for half in range(1, 11))),
        (list("abc") * 100 + [f"c{i}" for i in range(147)], None),  # 150 classes are the most
    ],
)
def test_labels_of_any_kind_keep_their_names(labels, classes):
    raw = load(numbered(labels))
    assert raw.classes == (classes or tuple(sorted(set(labels))))
    assert [raw.classes[label] for label in raw.train.labels] == labels


def test_test_labels_are_numbered_as_those_of_the_pool():
    raw = load(numbered(["b", "a", "c"]), numbered(["c", "b", "c"]))
    assert [raw.classes[label] for label in raw.test.labels] == ["c", "b", "c"]


def test_a_lone_quote_inside_a_text_does_no_harm():
    raw = load(HEADER + 'a 5" pipe,pos\n' + ROWS)
    assert raw.train.to_list()[:2] == ['a 5" pipe', "text 0"]


def test_digest_follows_the_content():
    first = peek(DatasetConfig("mine", "csv", write("a.csv", HEADER + ROWS)))
    same = peek(DatasetConfig("mine", "csv", write("b.csv", HEADER + ROWS)))
    other = peek(DatasetConfig("mine", "csv", write("a.csv", HEADER + ROWS.replace("text 3", "text three"))))
    assert first.digests == same.digests != other.digests


def write(name, content):
    Path(name).write_text(content)
    return name


def test_peek_tells_sizes_and_classes():
    load(numbered("ab" * 50), numbered("ba" * 20))
    facts = peek(DatasetConfig("mine", "csv", "reviews.csv", "test.csv"))
    assert (facts.pool_size, facts.test_size, facts.classes) == (100, 40, ("a", "b"))
    assert set(facts.digests) == {"train", "test"}


# ---- what is refused


def test_settings_that_no_file_can_satisfy_come_together():
    problems = refused(train=None, text="a", label="a", delimiter=",,")
    assert [problem.split(":")[0] for problem in problems] == ["dataset.train", "dataset.label", "dataset.delimiter"]


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        ("reviws.csv", "dataset.train: there is no file reviws.csv; did you mean reviews.csv?"),
        ("zzz", "dataset.train: there is no file zzz (looked in {here})"),
        ("data/x.csv", "dataset.train: there is no file data/x.csv: the folder data does not exist"),
        (".", "dataset.train: . is a folder, and a file is needed; it holds reviews.csv"),
        ("loop", "dataset.train: loop is a link that leads to no file (loop); name the file itself"),
        ("pipe", "dataset.train: pipe is not a regular file; write its content to a file first"),
    ],
)
def test_names_that_lead_to_no_file(train, sentence, tmp_path):
    Path("reviews.csv").write_text(HEADER + ROWS)
    Path("loop").symlink_to("loop")
    os.mkfifo("pipe")
    assert refused(train=train) == [sentence.format(here=tmp_path)]


@contextmanager
def as_an_ordinary_user():
    """Give up root's right to read everything, where it is root who tests."""
    if os.geteuid() != 0:
        yield
        return
    Path.cwd().chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_file_without_permission():
    load(HEADER + ROWS)
    Path("reviews.csv").chmod(0)
    with as_an_ordinary_user():
        problems = refused()
    assert problems == ["dataset.train: reviews.csv cannot be read (Permission denied); check disk and permissions"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty; it needs a header"),
        (HEADER, "there is a header and no row"),
        (" \n\n", "the first row is blank; it must name the columns, such as text and label"),
        ((HEADER + ROWS + "café,pos\n").encode("latin-1"), "not UTF-8: byte 0xe9 at offset 124 (line 12)"),
        ((HEADER + ROWS + "caf").encode() + b"\xc3", "ends at offset 124 (line 12) in the middle of a UTF-8"),
        ((HEADER + ROWS).encode("utf-16"), "is UTF-16, not UTF-8 text; convert it with iconv -f UTF-16"),
        ((HEADER + ROWS).encode("utf-16-le"), "looks like UTF-16"),
        (HEADER + ROWS + "a\0b,pos\n", "a NUL byte at offset 122 (line 12)"),
        (b"BZh9", "is bzip2-compressed, not UTF-8 text; unpack it with bunzip2"),
        (b"PK\x03\x04", "a spreadsheet (xlsx), not UTF-8 text; export the sheet as CSV"),
        (b"PAR1", "is a Parquet file, not UTF-8 text; read it with dataset=parquet"),
    ],
)
def test_content_that_is_no_utf8_text(content, sentence):
    (problem,) = refused(content)
    assert problem.startswith("dataset.train")
    assert "reviews.csv" in problem
    assert sentence in problem


@given(st.integers(0, 40), st.sampled_from([b"\xe9", b"\xc3", b"\xf0\x9f\x98", b"\xff"]), st.integers(1, 9))
@settings(deadline=None, max_examples=60)
def test_the_first_bad_byte_is_named_wherever_the_blocks_end(place, bad, block):
    good = "é\n😀".encode() * 6
    place = len(good[:place].decode(errors="ignore").encode())  # not inside a character
    content = good[:place] + bad + good[place:]
    with pytest.raises(UnicodeDecodeError) as reference:
        content.decode()
    Path("odd.csv").write_bytes(content)
    before, files.BLOCK = files.BLOCK, block
    try:
        with pytest.raises(UserError) as error:
            files.inspect("dataset.train", "odd.csv")
    finally:
        files.BLOCK = before
    line = content[: reference.value.start].count(b"\n") + 1
    assert f"offset {reference.value.start} (line {line})" in str(error.value)


@pytest.mark.parametrize(
    ("content", "settings", "sentences"),
    [
        (
            "Review,label\nx,y\n",
            {"text": "text"},
            ["dataset.text: dataset.train=reviews.csv has no column 'text'. Its columns are 'Review', 'label'"],
        ),
        (
            "TEXT,Labels\nx,y\n",
            {"text": "text", "label": "label"},
            ["has no column 'text'; did you mean 'TEXT'?", "has no column 'label'; did you mean 'Labels'?"],
        ),
        ("text,label,text\na,b,c\n", {}, ["several columns are called 'text'; rename all but one"]),
        (
            "text;label\na;b\n",
            {"delimiter": "comma"},
            ["looks separated by semicolon: try dataset.delimiter=semicolon"],
        ),
        ("text\tlabel\na\tb\n", {"delimiter": "comma"}, ["looks separated by tab: try dataset.delimiter=tab"]),
        (HEADER + ROWS, {"delimiter": "tab"}, ["looks separated by comma: try dataset.delimiter=comma"]),
    ],
)
def test_headers_without_the_columns(content, settings, sentences):
    problems = refused(content, **settings)
    assert len(problems) == len(sentences)
    for problem, sentence in zip(problems, sentences, strict=True):
        assert sentence in problem


def test_rows_with_more_or_fewer_cells_are_counted_and_named():
    (problem,) = refused(HEADER + '"two\nlines",pos\n' + "a,b,c\nonly\n" * 4 + ROWS)
    assert "the header has 2 columns, and 8 of 19 rows more or fewer cells" in problem
    assert "row 3 (3 cells), 4 (1 cell), 5 (3 cells), 6 (1 cell), 7 (3 cells) and 3 more" in problem


@pytest.mark.parametrize("row", ['"a,pos\n', 'a,"pos\n'])
@pytest.mark.parametrize(("delimiter", "mark"), [("comma", ","), ("semicolon", ";")])
def test_a_quote_that_never_closes_is_not_one_long_text(row, delimiter, mark):
    (problem,) = refused((HEADER + ROWS + row + ROWS).replace(",", mark), delimiter=delimiter)
    assert "a quoted field that opens in row 12 or before is never closed" in problem


def test_missing_labels_of_both_files_are_counted_with_their_rows():
    problems = refused(HEADER + ROWS + "a,\nb, \n", HEADER + "c,\n")
    assert "dataset.train=reviews.csv: column 'label' holds no label for 2 of 12 texts (row 12, 13)" in problems[0]
    assert "dataset.test=test.csv: column 'label' holds no label for 1 of 1 text (row 2)" in problems[1]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (["x"] * 9, "holds one label only ('x')"),
        ([i / 7 for i in range(30)], "looks like a measurement, not classes: 30 different numbers from 0 to 4.14"),
        ([f"c{i % 151}" for i in range(400)], "151 different labels in 400 rows, and 150 classes are the most"),
        (range(200), "no two rows share a label: is the column an identifier?"),
        ([f"{'long ' * 20}{i}" for i in range(200)], "are dataset.text and dataset.label swapped?"),
    ],
)
def test_columns_that_are_not_classes(labels, sentence):
    (problem,) = refused(numbered(labels))
    assert problem.startswith("dataset.label: column 'label' of dataset.train=reviews.csv")
    assert sentence in problem


def test_test_labels_that_cannot_be_learned_are_named():
    (problem,) = refused(numbered("abab"), numbered("abxxy"))
    assert "2 labels of its column 'label' cannot be learned" in problem
    assert "'x' (2 texts), 'y' (1 text). dataset.train has 'a', 'b'" in problem


def test_the_training_file_is_no_test_file():
    (problem,) = refused(HEADER + ROWS, HEADER + ROWS)
    assert problem.startswith("dataset.test: test.csv has the same content as dataset.train")


def test_a_file_that_changes_while_it_is_read_is_noticed():
    Path("reviews.csv").write_text(HEADER + ROWS)
    file = files.inspect("dataset.train", "reviews.csv")
    file.check_unchanged()
    with Path("reviews.csv").open("a") as stream:
        stream.write("more,pos\n")
    with pytest.raises(UserError, match="the file changed while it was being read"):
        file.check_unchanged()


def test_a_row_that_no_parser_can_hold_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr("embexp.text.csv_files.BLOCK", 64)
    (problem,) = refused(HEADER + ROWS + f'"{"long " * 60}",pos\n' + ROWS)
    assert "it cannot be read as CSV" in problem
    assert "is a quoted field never closed?" in problem


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=20)), max_size=9
    )
)
@settings(deadline=None, max_examples=60)
def test_any_text_survives_the_way_through_a_csv_file(texts):
    import csv

    with Path("any.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([("text", "label"), ("first", "x"), ("second", "y"), *((text, "x") for (text,) in texts)])
    raw = load(train="any.csv")
    assert raw.train.to_list() == ["first", "second", *(text for (text,) in texts)]


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="needs a file that opens but cannot be read")
def test_a_file_that_fails_while_it_is_read():
    (problem,) = refused(train="/proc/self/mem")
    assert problem == "dataset.train: /proc/self/mem cannot be read (Input/output error); check disk and permissions"
