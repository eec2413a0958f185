"""What a figure shows, as plain data: axes, lines with intervals, bars of a timeline.

Charts are prepared in figures.py and timeline.py; draw_plotly.py and draw_matplotlib.py draw them and compute
nothing themselves, so that page and files cannot disagree. Texts in here are plain, not escaped.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from embexp.conclude.report.palette import Style


@dataclass(frozen=True)
class Axis:
    """An axis: its words, its scale and where its ticks stand."""

    label: str
    log: bool = False
    ticks: tuple[float, ...] = ()  # empty: the drawing library chooses
    tick_labels: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Series:
    """One line with its intervals.

    `low` and `high` are as long as `x`, None where a point has no interval. `keys` name the strategies that
    must be shown for the series to be shown.
    """

    keys: tuple[str, ...]
    style: Style
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    hover: tuple[str, ...]
    bars: bool = False  # intervals as error bars; otherwise as a band
    arrows: tuple[str, ...] = ()  # per point "up", "down" or "": the true value lies beyond the point
    labels: tuple[str, ...] = ()  # per point a word beside it; the points are then not joined
    sides: tuple[str, ...] = ()  # per label of points with error bars: left or right of the point, else right


@dataclass(frozen=True)
class IntervalRow:
    """A point with its interval on the size axis, in a strip below the chart; None is an open end."""

    keys: tuple[str, str]
    label: str
    estimate: float
    low: float | None
    high: float | None
    value: str  # estimate and interval in words
    also: tuple[tuple[float | None, float | None], ...] = ()  # further stretches that cannot be excluded
    style: Style | None = None  # of the strategy that is ahead from there on


@dataclass(frozen=True)
class Chart:
    """Lines over one x axis, if need be with a strip of intervals on the same axis."""

    name: str
    title: str
    alt: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    rows: tuple[IntervalRow, ...] = ()
    reference: float | None = None  # a horizontal line, for example no difference
    shade: tuple[float, float] | None = None  # a horizontal band, for example the margin
    controls: frozenset[str] = frozenset()
    by_size: bool = True  # x are train sizes

    @property
    def unified(self) -> bool:
        """Whether all series have points at the same sizes, so that one can be read against the other."""
        return self.by_size and len({line.x for line in self.series}) == 1


@dataclass(frozen=True)
class Segment:
    """A bar of the timeline: tasks of one stage that one worker did one after another."""

    lane: int
    start: float
    end: float
    hover: str


@dataclass(frozen=True)
class Timeline:
    """What each worker did when, counted from the first task's start in `unit` (a plural noun)."""

    name: str
    title: str
    alt: str
    lanes: tuple[str, ...]
    stages: dict[str, tuple[Segment, ...]] = field(default_factory=dict)
    span: float = 0.0
    unit: str = "seconds"


@dataclass(frozen=True)
class Panels:
    """Charts of one kind beside each other; their rows stand at the foot of each panel, not in a strip below."""

    name: str
    title: str
    alt: str
    charts: tuple[Chart, ...]
    shared_y: bool  # whether all have the same limits

    @property
    def lines(self) -> list[Series]:
        """One series for each key that any panel has, for the legend."""
        return list({line.keys: line for chart in reversed(self.charts) for line in reversed(chart.series)}.values())[
            ::-1
        ]


def foot_shares(chart: Chart) -> list[float]:
    """Return at which share of a panel's height its rows stand."""
    return [0.03 + 0.045 * place for place in range(len(chart.rows))]


def foot_heights(chart: Chart) -> list[float]:
    """Return where in the units of y the rows stand at the foot of a panel."""
    low, high = chart.y.limits or (0.0, 1.0)
    return [low + share * (high - low) for share in foot_shares(chart)]


Figure = Chart | Panels | Timeline


@dataclass(frozen=True)
class Interval:
    """The interval of the point at `place` in its series."""

    place: int
    x: float
    low: float
    high: float


def interval_runs(series: Series) -> tuple[list[list[Interval]], list[Interval]]:
    """Split the intervals into runs of neighbours, drawn as bands, and lone ones, drawn as bars."""
    runs: list[list[Interval]] = [[]]
    for place, (x, low, high) in enumerate(zip(series.x, series.low, series.high, strict=True)):
        if low is None or high is None:
            runs.append([])
        else:
            runs[-1].append(Interval(place, x, low, high))
    if series.bars:
        return [], [interval for run in runs for interval in run]
    return [run for run in runs if len(run) > 1], [run[0] for run in runs if len(run) == 1]
