"""The artifact: read without scikit-learn, equal to scikit-learn, refused when damaged."""

import math
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from pipeline_guard.classifier.artifact import FILE_NAME, default_folder, load, parse
from pipeline_guard.classifier.features import terms
from pipeline_guard.classifier.fit import (
    Document,
    LabelledLine,
    artifact_bytes,
    fit_categories,
    fit_lines,
)
from pipeline_guard.classifier.predict import Model
from pipeline_guard.errors import ConfigError

TEXTS = {
    "timeout": ["the job took too long", "waited too long for the server", "too long, giving up"],
    "crash": ["the program crashed badly", "core dumped, program crashed", "it crashed at once"],
    "rate_limit": ["too many requests today", "many requests, slow down", "requests limit reached"],
}
META = {"temperature": 1.0, "settings": {}, "combine": {}}


def _documents() -> list[Document]:
    rows = [(label, text) for label, texts in TEXTS.items() for text in texts]
    return [
        Document(tuple(terms([text])), label, group) for group, (label, text) in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def data() -> bytes:
    lines = fit_lines(
        [LabelledLine(one.bag, one.label == "crash", one.group) for one in _documents()]
    )
    classes, table = fit_categories(_documents())
    return artifact_bytes(lines, table, classes, META)


def test_the_same_bytes_each_time(data: bytes) -> None:
    lines = fit_lines(
        [LabelledLine(one.bag, one.label == "crash", one.group) for one in _documents()]
    )
    classes, table = fit_categories(_documents())
    assert artifact_bytes(lines, table, classes, META) == data


def test_skops_itself_reads_the_same_numbers(data: bytes) -> None:
    assert skops.io.get_untrusted_types(data=data) == []
    theirs, ours = skops.io.loads(data), parse(data)
    assert theirs["categories_weights"].ravel().tolist() == list(ours.categories.weights)
    assert theirs["lines_idf"].tolist() == list(ours.lines.idf)
    assert bytes(theirs["lines_terms"]).decode().split("\n") == list(ours.lines.rows)


def test_chances_are_scikit_learns(data: bytes) -> None:
    weights = parse(data)
    known = list(weights.categories.rows)
    vectoriser = TfidfVectorizer(analyzer=list, vocabulary=known, sublinear_tf=True)
    vectoriser.fit([known])
    vectoriser.idf_ = np.array(weights.categories.idf)
    theirs = LogisticRegression()
    theirs.classes_ = np.array(weights.classes)
    theirs.coef_ = np.array(weights.categories.weights).reshape(len(known), -1).T
    theirs.intercept_ = np.array(weights.categories.bias)
    bag = terms(["the server took too long, too long", "many unknown words"])
    wanted = theirs.predict_proba(vectoriser.transform([bag]))[0]
    opinion = Model.of(weights).judge_bags([bag], [[]])
    assert list(opinion.chances.values()) == pytest.approx(wanted.tolist(), abs=1e-6)
    assert max(opinion.chances, key=opinion.chances.__getitem__) == "timeout"


def test_the_line_model_finds_what_it_was_taught(data: bytes) -> None:
    model = Model.of(parse(data))
    opinion = model.judge(["the job took too long", "the program crashed badly"], [1, 0])
    assert opinion.causes[1] > opinion.causes[0]
    assert all(math.isfinite(cause) for cause in opinion.causes)


def test_no_lines_are_no_trouble(data: bytes) -> None:
    opinion = Model.of(parse(data)).judge([], [])
    assert opinion.causes == []
    assert sum(opinion.chances.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("cut", [0, 1, 100, 900])
def test_a_damaged_file_is_refused(data: bytes, cut: int, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(data[:cut])
    with pytest.raises(ConfigError, match="not a model of this product"):
        load(tmp_path)


def test_another_ages_model_is_refused(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE_NAME).write_bytes(data)
    monkeypatch.setattr("pipeline_guard.classifier.artifact.VERSION", 999)
    with pytest.raises(ConfigError, match="this version has 999"):
        load(tmp_path)


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pipeline-guard train"):
        load(tmp_path)


def test_the_shipped_model_holds_no_host_and_no_secret() -> None:
    weights = load(default_folder())
    for term in (*weights.lines.rows, *weights.categories.rows):
        assert all(len(word) <= 24 or word.startswith("@") for word in term.split(" "))
        assert "." not in term
        assert "/" not in term
