"""Fingerprints: all that moves bytes, and nothing else."""

import json
from enum import StrEnum
from fractions import Fraction

import engine_stages as stages
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embexp.engine.scheduler import carry_out
from embexp.engine.task import Stage, Task, canonical_json, plain

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
configs = st.dictionaries(st.text(), json_values, max_size=5)


def test_fingerprint_is_the_one_written_down():
    # A change of this value makes every store in the world worthless: it must be meant.
    need = Task(stages.COUNT, {"name": "texts"})
    task = Task(stages.COUNT, {"seed": 3, "rate": 0.05, "name": "é"}, {"dataset": need})
    assert need.fingerprint == "06147cca82588d6845b6c117598788a1d79042b8f3cc969aabeb85d5a7b201e1"
    assert task.fingerprint == "325eef0b4bfe4c47d571789a4d4f120030e79cd9c1fb50ffb4ddeb72ba34a7e6"


@given(configs)
def test_order_of_keys_does_not_matter(config):
    turned = dict(reversed(config.items()))
    assert Task(stages.COUNT, turned) == Task(stages.COUNT, config)


@given(configs)
def test_fingerprint_survives_a_json_file(config):
    assert Task(stages.COUNT, json.loads(json.dumps(config))) == Task(stages.COUNT, config)


@given(configs, configs)
def test_fingerprints_are_equal_only_for_equal_configurations(one, other):
    equal = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (Task(stages.COUNT, one) == Task(stages.COUNT, other)) is equal


@given(json_values)
def test_canonical_json_is_json(value):
    assert json.loads(canonical_json(plain(value))) == value


def test_all_that_moves_bytes_counts_and_nothing_else():
    need = Task(stages.COUNT, {"name": "need"})
    task = Task(stages.COUNT, {"name": "x"}, {"a": need})
    different = [
        Task(Stage("other", 1, stages.count), {"name": "x"}, {"a": need}),
        Task(Stage("count", 2, stages.count), {"name": "x"}, {"a": need}),
        Task(stages.COUNT, {"name": "y"}, {"a": need}),
        Task(stages.COUNT, {"name": "x"}, {"b": need}),
        Task(stages.COUNT, {"name": "x"}, {"a": Task(stages.COUNT, {"name": "need", "value": 2})}),
        Task(stages.COUNT, {"name": "x"}),
    ]
    assert len({task, *different}) == 1 + len(different)
    same = Task(Stage("count", 1, stages.trapped, all_cores=True), {"name": "x"}, {"a": need}, "a title", 99)
    assert same == task


def test_hints_reach_the_worker_and_move_no_fingerprint(store, executor):
    task = Task(stages.HINTED, {}, hints={"path": "here"})
    assert task.fingerprint == Task(stages.HINTED, {}, hints={"path": "there"}).fingerprint
    carry_out([task], store, executor)
    assert store.read_record(task.fingerprint) == {"path": "here"}


def test_later_changes_of_the_callers_dict_do_not_reach_the_task():
    config = {"sizes": [100, 300]}
    task = Task(stages.COUNT, config)
    config["sizes"].append(1000)
    assert task.config == {"sizes": [100, 300]}


class Colour(StrEnum):
    RED = "red"


def test_tuples_and_text_enums_are_plain_json():
    assert plain({"sizes": (1, 2), "colour": Colour.RED}) == {"sizes": [1, 2], "colour": "red"}
    assert Task(stages.COUNT, {"sizes": (1, 2)}) == Task(stages.COUNT, {"sizes": [1, 2]})


@pytest.mark.parametrize(
    ("value", "error", "sentence"),
    [
        ({"a": [1, Fraction(1, 2)]}, TypeError, r"config\.a\[1\] is Fraction\(1, 2\) of type Fraction"),
        ({"a": {1: 2}}, TypeError, r"config\.a has the key 1; JSON keys are strings"),
        ({"a": float("nan")}, ValueError, r"config\.a is nan"),
        ({"a": float("-inf")}, ValueError, r"config\.a is -inf"),
        ({"a": {1, 2}}, TypeError, r"type set"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(value, error, sentence):
    with pytest.raises(error, match=sentence):
        plain(value)


def test_a_stage_that_no_worker_could_import_is_refused():
    with pytest.raises(ValueError, match="no module-level function"):
        Stage("local", 1, lambda work: None)
