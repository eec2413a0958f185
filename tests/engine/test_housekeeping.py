"""Lists of a store, and removing from it."""

import engine_stages as stages

from embexp.engine.housekeeping import closure, list_entries, remove_entry
from embexp.engine.scheduler import carry_out


def three(ledger):
    base = stages.counted("base", ledger)
    middle = stages.counted("middle", ledger, [base], large=True)
    return base, middle, stages.counted("top", ledger, [middle])


def test_a_list_says_what_when_where_and_how_large(store, ledger, serial):
    base, middle, top = three(ledger)
    carry_out([top], store, serial)
    entries = {entry.title: entry for entry in list_entries(store)}
    assert {name: entry.stage for name, entry in entries.items()} == dict.fromkeys(("base", "middle", "top"), "count")
    assert entries["middle"].size_bytes == sum(
        path.stat().st_size
        for path in store.path(middle.fingerprint).rglob("*")
        if path.is_file() and path.name not in ("entry.json", "timing.json")
    )
    assert entries["top"].made == store.read_timing(top.fingerprint)["ended"]
    assert entries["middle"].needs == (base.fingerprint,)
    assert closure([top.fingerprint], entries.values()) == {task.fingerprint for task in (base, middle, top)}


def test_a_damaged_entry_is_listed_and_can_be_removed(store, ledger, serial):
    base, *_ = three(ledger)
    carry_out([base], store, serial)
    (store.path(base.fingerprint) / "entry.json").write_text("{")
    (entry,) = list_entries(store)
    assert "entry.json cannot be read" in entry.problem
    assert remove_entry(store, base.fingerprint)
    assert list_entries(store) == []
    assert list((store.root / "building").iterdir()) == []


def test_removing_spares_what_is_being_built_and_what_is_not_there(store, ledger, serial):
    base, *_ = three(ledger)
    carry_out([base], store, serial)
    with store.lock(base.fingerprint):
        assert not remove_entry(store, base.fingerprint)
    assert store.has(base.fingerprint)
    assert remove_entry(store, base.fingerprint)
    assert not remove_entry(store, base.fingerprint)
    assert carry_out([base], store, serial).done == [base]
