"""The verbs of `embexp`, in the order of the help: what each is called, says and does.

A verb's function is imported when it is called, so that the help needs none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from embexp.command.arguments import Arguments

Action = Callable[[Arguments], int]  # returns the exit code


@dataclass(frozen=True)
class Verb:
    """One verb: how it is written, told in a line, explained, and where its function is found."""

    name: str
    usage: str
    summary: str
    details: str
    load: Callable[[], Action]
    upkeep: bool = False  # the general help gives all of these one line
    lab: bool = False  # and these another


def _run() -> Action:
    from embexp.command.jobs import run

    return run


def _plan() -> Action:
    from embexp.command.planning import plan

    return plan


def _prepare() -> Action:
    from embexp.command.preparing import prepare

    return prepare


def _word2vec() -> Action:
    from embexp.command.vectors import word2vec

    return word2vec


def _report() -> Action:
    from embexp.command.reporting import report

    return report


def _predict() -> Action:
    from embexp.command.predicting import predict

    return predict


def _reproduce() -> Action:
    from embexp.command.reproducing import reproduce

    return reproduce


def _lookup() -> Action:
    from embexp.command.labs import lookup

    return lookup


def _neighbours() -> Action:
    from embexp.command.labs import neighbours

    return neighbours


def _transfer() -> Action:
    from embexp.command.labs import transfer

    return transfer


def _atlas() -> Action:
    from embexp.command.atlas import atlas

    return atlas


def _ui() -> Action:
    from embexp.command.tracking import ui

    return ui


def _sync() -> Action:
    from embexp.command.tracking import sync

    return sync


def _store() -> Action:
    from embexp.command.store import store

    return store


def _doctor() -> Action:
    from embexp.command.doctor import doctor

    return doctor


VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "run",
            "embexp [run] [KEY=VALUE ...] [-m]",
            "run a study and write its report (the default)",
            """\
Runs what the store lacks, shows the progress on stderr, and prints the verdict
and where the report is. The same command again does no work but the report.
With -m, one study per combination of comma-separated values.

  embexp experiment=quick
  embexp dataset=csv dataset.train=mine.csv dataset.text=review dataset.label=stars
  embexp grid.seeds=5 'grid.train_sizes=[100, 1000]' output=results
  embexp -m dataset=bbc_news,rotten_tomatoes training.batch_size=32,64

Exit codes: 0 done, 1 something failed, 2 a mistake in what was given,
130 interrupted (what was finished stays in the store).""",
            _run,
        ),
        Verb(
            "plan",
            "embexp plan [KEY=VALUE ...]",
            "show the tasks of a study, those in the store, the time",
            """\
Looks every task of the study up in the store. Runs and writes nothing.

  embexp plan experiment=quick
  embexp plan dataset=bbc_news grid.seeds=5""",
            _plan,
        ),
        Verb(
            "prepare",
            "embexp prepare [KEY=VALUE ...]",
            "read and tokenise a data set, show what is in it",
            """\
Brings the texts of a study into the store and prints their data sheet: sizes,
classes, tokens, empty texts, duplicates, texts in both training and test.

  embexp prepare dataset=bbc_news
  embexp prepare dataset=csv dataset.train=mine.csv dataset.label=stars""",
            _prepare,
        ),
        Verb(
            "word2vec",
            "embexp word2vec [KEY=VALUE ...]",
            "train or load word vectors alone and judge them",
            """\
Trains word vectors on the pool, on files of your own, or reads pre-trained ones,
and prints their card: coverage, WordSim-353, SimLex-999, analogies, neighbours.
Writes them in word2vec's binary format and as .safetensors for use elsewhere.

  embexp word2vec dataset=bbc_news
  embexp word2vec 'word2vec.seeds=[1,2,3]'
  embexp word2vec word2vec=files 'word2vec.files=[mine.txt]'
  embexp word2vec word2vec=pretrained word2vec.file=vectors.bin""",
            _word2vec,
        ),
        Verb(
            "report",
            "embexp report [STUDY ...] [KEY=VALUE ...]",
            "write a study's report again, or compare studies",
            """\
Writes report.html, report.md, figures and tables from a study's results.json.
STUDY is its folder or that file; without one, the latest of the configuration.
Several studies are held side by side: one page, one table, one figure, and what
cannot be compared. It goes to <output>/comparison.

  embexp report outputs/quick/latest
  embexp report experiment=quick
  embexp report outputs/movie_reviews/latest outputs/bbc_news/latest""",
            _report,
        ),
        Verb(
            "predict",
            "embexp predict MODEL FILE [output=FILE] [text=COLUMN] [delimiter=NAME]",
            "ask the model of a study about the texts of a file",
            """\
MODEL is the folder that export=best|STRATEGY left (or its study's), or an address
in MLflow. FILE is .csv, .tsv, .jsonl, .parquet or .arrow with a column of texts
(guessed, or text=COLUMN), else text, one a line; - reads lines from a pipe.
Writes label and probabilities, a row for each text, as CSV to stdout or to
output=FILE.csv|.tsv|.jsonl|.parquet. A file of any size takes the same memory.

  embexp experiment=quick export=best
  embexp predict outputs/quick/latest reviews.csv output=labels.csv
  embexp predict models:/reviews/1 reviews.jsonl text=body output=labels.parquet
  echo "A lovely film." | embexp predict outputs/quick/latest -""",
            _predict,
        ),
        Verb(
            "reproduce",
            "embexp reproduce PRESET [executor=KIND] [executor.KEY=VALUE] [store=FOLDER]",
            "run a reported study again and compare each cell",
            """\
Runs the study from nothing in a fresh store and prints every cell as reported,
now, and the verdict: identical where processor and versions are those of the
report, elsewhere within the spread of the seeds. Exit code 1 if a cell differs.
kim2014 is a paper's table: its protocol is run on the data sets of a folder, and
paper, ours, difference and interval are printed.

  embexp reproduce quick
  embexp reproduce kim2014 data=FOLDER
  embexp reproduce main executor=dask executor.address=tcp://head:8786 store=/mnt""",
            _reproduce,
        ),
        Verb(
            "lookup",
            "embexp lookup [form=small|full] [KEY=VALUE ...]",
            "lab: is an embedding layer a linear layer, and what for?",
            """\
Compares lookup and one-hot multiplication number by number, shows which rows
each optimiser moves, what both cost, which rows a training touches, and the
task without an embedding layer. The small form takes under a minute.

  embexp lookup dataset=bbc_news
  embexp lookup form=full""",
            _lookup,
            lab=True,
        ),
        Verb(
            "neighbours",
            "embexp neighbours [form=small|full] [probes=WORD,...] [KEY=VALUE ...]",
            "lab: what did the task change in the word vectors?",
            """\
Nearest words in word2vec, in the fine-tuned and in the task-trained matrix of a
study, movement of rows against frequency, agreement of the three spaces, a map.
The small form takes the largest train size, the full form every one.

  embexp neighbours dataset=bbc_news
  embexp neighbours probes=good,bad form=full""",
            _neighbours,
            lab=True,
        ),
        Verb(
            "transfer",
            "embexp transfer [form=small|full] [datasets=NAME,...] [KEY=VALUE ...]",
            "lab: is word2vec neutral, and a task's layer not?",
            """\
Uses the layer that one task learned for another, beside word2vec on either's
text, pre-trained vectors and random rows, on all words and on the shared ones.

  embexp transfer datasets=rotten_tomatoes,bbc_news
  embexp transfer form=full""",
            _transfer,
            lab=True,
        ),
        Verb(
            "atlas",
            "embexp atlas [DATASET|FILE|FOLDER ...] [KEY=VALUE ...]",
            "lab: over how many data sets does a finding hold?",
            """\
Runs one study for each data set named (names of conf/dataset, files, folders,
Hub names; without one, every packaged data set) and holds them side by side:
crossover and label ratio against text length, classes and pool size, and in how
many data sets, at least, each finding holds. It goes to <output>/atlas.

  embexp atlas
  embexp atlas bbc_news rotten_tomatoes grid.seeds=5""",
            _atlas,
            lab=True,
        ),
        Verb(
            "ui",
            "embexp ui [port=N] [KEY=VALUE ...]",
            "open MLflow at the learning curves",
            """\
Serves MLflow's interface on this machine until Ctrl-C, and prints the address
that draws the learning curves of the study that changed last, or of the one named.

  embexp ui
  embexp ui experiment=quick port=5000""",
            _ui,
        ),
        Verb(
            "sync",
            "embexp sync [KEY=VALUE ...]",
            "deliver to MLflow what it has not heard yet",
            """\
A study goes on when MLflow cannot be reached, and keeps what it would have said
beside the store. This delivers it.

  embexp sync
  embexp sync tracking.uri=http://mlflow.example:5000""",
            _sync,
            upkeep=True,
        ),
        Verb(
            "store",
            "embexp store [list | remove] [all] [yes] [days=N] [KEY=VALUE ...]",
            "list what is stored, remove what no study needs",
            """\
Lists the entries of the store, newest first: size, age, where and in which time
each was made, and whether a study in the output folder needs it. With remove it
shows what none needs and what is older than N days (1), asks, and removes it.

  embexp store
  embexp store remove
  embexp store remove yes days=30 store=/scratch/store output=results""",
            _store,
            upkeep=True,
        ),
        Verb(
            "doctor",
            "embexp doctor [repair] [KEY=VALUE ...]",
            "check the installation and the store",
            """\
Looks at versions, cores, device, folders, every checksum in the store, locks and
half-built entries, MLflow and the scheduler, and runs a study of five seconds.
With repair it clears away what dead studies left and sets damaged entries aside;
a whole entry is never removed. Exit code 1 if something stands in the way.

  embexp doctor
  embexp doctor repair store=/scratch/store
  embexp doctor executor=dask executor.address=tcp://head:8786""",
            _doctor,
            upkeep=True,
        ),
    )
}
