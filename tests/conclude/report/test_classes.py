"""The section on classes says what was confused with what."""

from report_example import make_results

from embexp.conclude.report.blocks import Material
from embexp.conclude.report.classes import classes
from embexp.conclude.report.reading import StudyResults


def section(labels, strategies):
    results = make_results() | {"confusion": {"train_size": 1000, "labels": labels, "strategies": strategies}}
    return classes(Material(StudyResults(results), {}, {}))


def texts_of(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_recall_of_each_class_and_its_mean():
    _, recalls, confusion = section(["a", "b"], {"frozen": [[3, 1], [0, 4]]})
    assert texts_of(recalls.table) == [["a", "75.0"], ["b", "100.0"], ["balanced accuracy", "87.5"]]
    assert texts_of(confusion.table) == [["a", "3", "1"], ["b", "0", "4"]]


def test_of_many_classes_the_worst_pairs_are_shown_and_all_are_kept():
    matrix = [[100 if row == column else 7 * (row == 3 and column == 5) for column in range(30)] for row in range(30)]
    *_, confusion = section([f"c{number}" for number in range(30)], {"frozen": matrix})
    assert texts_of(confusion.table) == [["c3", "c5", "7"]]
    assert len(confusion.table.records) == 31


def test_results_without_confusion_have_no_such_section():
    assert classes(Material(StudyResults(make_results()), {}, {})) == []
