"""What a study found, for Python: tables, verdict, recommendations, figures."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from embexp.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    from matplotlib.figure import Figure as DrawnFigure

    from embexp.conclude.report.reading import StudyResults
    from embexp.conclude.report.tables import Table

SHOWN_ROWS = 30
REPORT = "report.html"


class Records(Sequence[Mapping[str, Any]]):
    """Rows of results.json: a sequence of mappings that turns into a data frame.

    Examples:
        >>> rows = Records([{"strategy": "frozen", "mean": 0.8}, {"strategy": "random", "mean": 0.7}])
        >>> rows[0]["strategy"], len(rows)
        ('frozen', 2)
        >>> rows.to_polars().shape
        (2, 2)
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = [dict(row) for row in rows]

    @overload
    def __getitem__(self, place: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Records: ...
    def __getitem__(self, place: int | slice) -> Mapping[str, Any] | Records:
        """Return one row, or the rows of a slice."""
        return Records(self._rows[place]) if isinstance(place, slice) else self._rows[place]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    @property
    def columns(self) -> list[str]:
        """The keys of all rows, in order of appearance."""
        return list(dict.fromkeys(key for row in self._rows for key in row))

    def where(self, **values: Any) -> Records:
        """Return the rows that hold these values.

        Examples:
            >>> Records([{"a": "random", "n": 1}, {"a": "frozen", "n": 2}]).where(a="frozen")[0]["n"]
            2
        """
        return Records([row for row in self._rows if all(row.get(key) == value for key, value in values.items())])

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas frame; a number that is not known is NaN."""
        import pandas as pd

        return pd.DataFrame.from_records(self._rows, columns=self.columns)

    def to_polars(self) -> pl.DataFrame:
        """Return a polars frame; a number that is not known is null."""
        import polars as pl

        columns = {key: [row.get(key) for row in self._rows] for key in self.columns}
        return pl.DataFrame(columns, strict=False)

    def __repr__(self) -> str:
        """Show how many rows of which columns there are."""
        return f"<{len(self)} rows of {', '.join(self.columns) or 'nothing'}>"

    def _repr_html_(self) -> str:
        rows = [[(_brief(row.get(key)), False) for key in self.columns] for row in self._rows[:SHOWN_ROWS]]
        more = f"<p>and {len(self) - SHOWN_ROWS} more</p>" if len(self) > SHOWN_ROWS else ""
        return _html_table(self.columns, rows) + more


@dataclass(frozen=True)
class Recommendation:
    """What to do with a number of labels.

    Attributes:
        n_labels: The number that was asked about.
        strategy: Scores highest there, controls included.
        expected: Its test accuracy, as a share.
        ci_low: Lower end of the interval, for new seeds and new texts.
        ci_high: Upper end.
        control: Whether it is a control.
        level_with: What the data cannot tell from it.
        embedding_strategy: The best that is no control.
        embedding_expected: Its test accuracy.
        measured: Whether the study trained with just so many labels; else the numbers lie on the line between the
            neighbouring sizes (over the logarithm of the size).
    """

    n_labels: int
    strategy: str
    expected: float
    ci_low: float | None
    ci_high: float | None
    control: bool
    level_with: tuple[str, ...]
    embedding_strategy: str | None
    embedding_expected: float | None
    measured: bool

    def __str__(self) -> str:
        """Say it in a sentence."""
        from embexp.conclude.report import words
        from embexp.conclude.statistics.wording import name

        interval = words.percent_interval(self.ci_low, self.ci_high)
        told = f"With {words.count(self.n_labels)} labels: {name(self.strategy)}, {words.percent(self.expected)} %"
        told += f" ({interval})" if interval else ""
        if self.level_with:
            told += f"; the data cannot tell it from {words.listed([name(other) for other in self.level_with])}"
        if self.control and self.embedding_strategy:
            told += f"; the best way to embed is {name(self.embedding_strategy)}"
        return told + "."


class Plot:
    """A figure of a study that shows itself in a notebook.

    Attributes:
        figure: The Matplotlib figure, to change or save.
        alt: What it shows, in words.
    """

    def __init__(self, figure: DrawnFigure, alt: str) -> None:
        self.figure = figure
        self.alt = alt

    def save(self, path: str | Path, dpi: int = 200) -> Path:
        """Save the figure; the ending of the name says in which format."""
        path = Path(path)
        self.figure.savefig(path, dpi=dpi)
        return path

    def _repr_png_(self) -> bytes:
        written = io.BytesIO()
        self.figure.savefig(written, format="png", dpi=110, metadata={"Software": None})
        return written.getvalue()

    def __repr__(self) -> str:
        """Describe the figure."""
        return f"<Plot: {self.alt}>"


class StudyResult:
    """What a study found; shows itself in a notebook.

    Attributes:
        results: The content of results.json.
        folder: Where results.json and the report are.
    """

    def __init__(self, results: Mapping[str, Any], folder: Path) -> None:
        self.results = dict(results)
        self.folder = folder

    @classmethod
    def load(cls, place: str | Path) -> StudyResult:
        """Read a finished study, by its folder or results.json.

        Raises:
            UserError: there is none, or it is not in this version's form.
        """
        from embexp.command.reporting import read_results, results_file

        file = results_file(Path(place))
        return cls(read_results(file), file.parent)

    @property
    def verdict(self) -> tuple[str, ...]:
        """What the study found, in plain sentences."""
        return tuple(self._reading.sentences("verdict"))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to bear in mind, in plain sentences."""
        return tuple(self._reading.sentences("warnings"))

    @property
    def cells(self) -> Records:
        """One row for each strategy, train size and seed."""
        return self.records("cells")

    @property
    def curves(self) -> Records:
        """Mean test accuracy and its interval for each strategy and train size."""
        return self.records("curves")

    @property
    def contrasts(self) -> Records:
        """Paired differences of two strategies at each train size, with interval and verdict."""
        return self.records("contrasts")

    @property
    def crossovers(self) -> Records:
        """Train sizes at which one strategy overtakes another, with their intervals."""
        return self.records("crossovers")

    @property
    def label_equivalence(self) -> Records:
        """How many labels one strategy is worth in another's."""
        return self.records("label_equivalence")

    @property
    def strategies(self) -> list[str]:
        """All strategies in reading order, controls last."""
        return self._reading.strategies

    @property
    def train_sizes(self) -> list[int]:
        """Train sizes, ascending."""
        return self._reading.train_sizes

    @property
    def fingerprint(self) -> str:
        """Identity of the results."""
        return str(self.results["study"]["fingerprint"])

    @property
    def report(self) -> Path:
        """The report, one page that works offline."""
        return self.folder / REPORT

    def records(self, key: str) -> Records:
        """Return the rows under any key of results.json."""
        return Records(self._reading.rows(key))

    def to_pandas(self) -> pd.DataFrame:
        """Return the cells as a pandas frame."""
        return self.cells.to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """Return the cells as a polars frame."""
        return self.cells.to_polars()

    def recommend(self, n_labels: int) -> Recommendation:
        """Say what to do with a number of labels.

        Recommendations stand about six percent apart; between two of them the nearer one, by ratio, answers.

        Raises:
            UserError: The number lies outside the sizes of the study: there is no extrapolation.
        """
        rows = [row for row in self._reading.rows("recommendations") if row.get("strategy")]
        if not rows:
            raise UserError("n_labels: the study has no recommendation, because too few of its cells were finished")
        low, high = rows[0]["n_labels"], rows[-1]["n_labels"]
        if isinstance(n_labels, bool) or not low <= n_labels <= high:
            raise UserError(
                f"n_labels: {n_labels} lies outside what was measured, {low:,} to {high:,} labels; run the study with "
                "wider train_sizes, because nothing is extrapolated"
            )
        row = min(rows, key=lambda row: abs(math.log(row["n_labels"] / n_labels)))
        return Recommendation(
            n_labels=int(n_labels),
            strategy=row["strategy"],
            expected=row["expected"],
            ci_low=row.get("ci_low"),
            ci_high=row.get("ci_high"),
            control=bool(row.get("control")),
            level_with=tuple(row.get("level_with") or ()),
            embedding_strategy=row.get("embedding_strategy"),
            embedding_expected=row.get("embedding_expected"),
            measured=n_labels in self.train_sizes,
        )

    def plot(self, figure: str = "learning_curves") -> Plot:
        """Draw a figure of the report.

        Args:
            figure: `learning_curves`, `differences`, `label_equivalence`, `forecasts`, `costs` or `timeline`.

        Raises:
            UserError: There is no such figure, or nothing to draw in it.
        """
        from matplotlib import rc_context

        from embexp.conclude.report.draw_matplotlib import SETTINGS, draw
        from embexp.conclude.report.figures import prepare_figures

        prepared = prepare_figures(self._reading)
        if figure not in prepared:
            near = did_you_mean(figure, prepared)
            raise UserError(f"figure: {figure!r} is none of this study's{near or ';'} there is {', '.join(prepared)}")
        with rc_context(SETTINGS):
            return Plot(draw(prepared[figure]), prepared[figure].alt)

    @cached_property
    def _reading(self) -> StudyResults:
        from embexp.conclude.report.reading import StudyResults

        return StudyResults(self.results)

    def _scores(self) -> Table | None:
        from embexp.conclude.report.tabulation import scores

        return scores(self._reading)

    def __repr__(self) -> str:
        """Show name, size and place."""
        study = self._reading.study
        return f"<StudyResult {study.get('name')}: {len(self.cells)} cells, report {_nearest(self.report)}>"

    def _repr_html_(self) -> str:
        return "".join(self._html())

    def _html(self) -> Iterator[str]:
        headline, *rest = self.verdict or ("There is no verdict.",)
        yield f"<p><b>{escape(headline)}</b></p>" + "".join(f"<p>{escape(sentence)}</p>" for sentence in rest)
        table = self._scores()
        if table is not None:
            rows = [[(cell.text, cell.best) for cell in row] for row in table.rows]
            yield f"<p>{escape(table.caption)}</p>" + _html_table(table.header, rows)
        for warning in self.warnings:
            yield f"<p><i>{escape(warning)}</i></p>"
        yield f"<p>Report: <code>{escape(_nearest(self.report))}</code></p>"


def _nearest(path: Path) -> str:
    """Return a path from the working folder where it lies in it."""
    whole = path.absolute()
    return str(whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole)


def _html_table(header: Sequence[str], rows: Sequence[Sequence[tuple[str, bool]]]) -> str:
    """Return a table; a cell is its text and whether it is the best of its column."""

    def shown(text: str, best: bool) -> str:
        return f"<td><b>{escape(text)}</b></td>" if best else f"<td>{escape(text)}</td>"

    head = "".join(f"<th>{escape(title)}</th>" for title in header)
    body = "".join("<tr>" + "".join(shown(*cell) for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _brief(value: Any) -> str:
    """Return a value as a table shows it: numbers to four digits, nothing for what is not known."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
