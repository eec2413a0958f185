"""The general loop is the plain PyTorch loop over padded texts and the full table, for any encoder and optimiser."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from small_texts import CLASSES, ENCODERS, UNTOUCHED, VOCABULARY, as_bags, make_matrix, make_texts, padded, read_by
from torch import nn

from embexp.classify.batches import batch_order, rate_shares
from embexp.classify.cell import CellData, run_strategy, train_strategy
from embexp.classify.loop import make_loss, train_encoder
from embexp.classify.model import MeanPoolClassifier, build_model
from embexp.classify.reference import train_reference
from embexp.classify.strategies import WordVectors
from embexp.config import BudgetConfig, ClassifierConfig, TrainingConfig
from embexp.errors import UserError

RATES = {"adam": 0.01, "adagrad": 0.05, "adadelta": 1.0, "sgd": 0.5}
STEPS = 40


def labels_of(texts) -> np.ndarray:
    return np.arange(len(texts)) % CLASSES


def usual_loop(model, texts, labels, batches, config, train_rows) -> list[float]:
    """Padded ids, autograd, torch's optimisers over the full table; decoupled decay by hand."""
    ids, lengths = padded(texts)
    weights = torch.from_numpy(compute_class_weight("balanced", classes=np.arange(CLASSES), y=labels)).float()
    loss_function = nn.CrossEntropyLoss(
        weights if config.class_weights == "balanced" else None, label_smoothing=config.label_smoothing
    )

    def optimiser(name, parameters, rate):
        kinds = {"adam": torch.optim.Adam, "adagrad": torch.optim.Adagrad, "sgd": torch.optim.SGD}
        if name == "adadelta":
            return torch.optim.Adadelta(parameters, lr=rate, rho=0.95, eps=1e-6)
        return kinds[name](parameters, lr=rate)

    model.embedding.weight.requires_grad_(train_rows)
    head = [weight for name, weight in model.named_parameters() if name.split(".")[0] not in ("embedding", "static")]
    both = [(optimiser(config.optimizer, head, config.learning_rate), config.learning_rate, config.weight_decay)]
    if train_rows:
        rate = config.embedding_learning_rate
        rows = optimiser(config.embedding_optimizer, [model.embedding.weight], rate)
        both.append((rows, rate, config.embedding_weight_decay))
    losses = []
    for share, batch in zip(rate_shares(config.schedule, len(batches)), torch.from_numpy(batches), strict=True):
        loss = loss_function(model(ids[batch], lengths[batch]), torch.from_numpy(labels)[batch])
        model.zero_grad()
        loss.backward()
        if config.gradient_clipping is not None:
            trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
            nn.utils.clip_grad_norm_(trained, config.gradient_clipping)
        for step, rate, decay in both:
            step.param_groups[0]["lr"] = rate * float(share)
            for parameter in step.param_groups[0]["params"]:
                if parameter.ndim > 1:
                    parameter.data.mul_(1 - rate * float(share) * decay)
            step.step()
        model.limit_norm()
        losses.append(float(loss.detach()))
    return losses


def check(classifier, config, strategy="finetuned") -> None:
    texts = make_texts()
    labels, batches = np.minimum(np.arange(len(texts)) % 5, 2), batch_order(len(texts), 7, STEPS, seed=1)
    trained = strategy != "frozen"
    plain, fast = (build_model(classifier, make_matrix(), CLASSES, 5, strategy) for _ in range(2))
    expected = usual_loop(plain, texts, labels, batches, config, trained)
    losses = train_encoder(fast, read_by(classifier.encoder, texts), labels, batches, config, trained, 0)
    np.testing.assert_allclose(losses, expected, rtol=1e-3, atol=1e-4)
    for name, parameter in plain.state_dict().items():
        np.testing.assert_allclose(
            fast.state_dict()[name].numpy(), parameter.numpy(), rtol=5e-3, atol=5e-4, err_msg=name
        )


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("optimizer", RATES)
def test_it_equals_the_usual_loop_for_every_encoder_and_optimiser(name, optimizer):
    rate = RATES[optimizer] * (0.2 if name.startswith("lstm") else 1)
    config = TrainingConfig(
        optimizer=optimizer, embedding_optimizer=optimizer, learning_rate=rate, embedding_learning_rate=rate
    )
    check(ENCODERS[name], config)


@pytest.mark.parametrize("name", ["mean_max", "cnn", "lstm"])
@pytest.mark.parametrize("strategy", ["frozen", "multichannel"])
@pytest.mark.parametrize("channels", ["shared", "own"])
def test_it_equals_the_usual_loop_for_every_strategy(name, strategy, channels):
    config = TrainingConfig(learning_rate=0.005, embedding_learning_rate=0.05)
    check(replace(ENCODERS[name], channels=channels), config, strategy)


@pytest.mark.parametrize(
    "settings",
    [
        {"class_weights": "balanced"},
        {"label_smoothing": 0.2},
        {"class_weights": "balanced", "label_smoothing": 0.2, "gradient_clipping": 0.1},
        {"weight_decay": 0.5, "optimizer": "adagrad"},
        {"weight_decay": 0.5, "schedule": "constant"},
        {"embedding_weight_decay": 0.5},
        {"embedding_weight_decay": 0.5, "embedding_optimizer": "adam", "embedding_learning_rate": 0.01},
    ],
    ids=lambda settings: "-".join(settings),
)
@pytest.mark.parametrize("name", ["mean", "cnn"])
def test_it_equals_the_usual_loop_for_every_setting(name, settings):
    given = {"learning_rate": 0.01, "embedding_learning_rate": 0.05} | settings
    check(replace(ENCODERS[name], max_norm=0.5), TrainingConfig(**given))


@pytest.mark.parametrize("train_rows", [True, False])
def test_it_equals_the_reference_of_the_compiled_loop(train_rows):
    texts = make_texts()
    config = TrainingConfig(learning_rate=0.01, embedding_learning_rate=0.05, weight_decay=0.1)
    batches = batch_order(len(texts), 7, 60, seed=1)
    plain, fast = (MeanPoolClassifier(make_matrix(), 8, CLASSES, seed=5) for _ in range(2))
    expected = train_reference(plain, texts, labels_of(texts), batches, config, train_rows)
    losses = train_encoder(fast, as_bags(texts), labels_of(texts), batches, config, train_rows, 0)
    np.testing.assert_allclose(losses, expected, rtol=2e-4, atol=2e-5)
    for name, parameter in plain.state_dict().items():
        np.testing.assert_allclose(fast.state_dict()[name].numpy(), parameter.numpy(), rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("strategy", ["frozen", "multichannel"])
def test_what_is_frozen_stays_bitwise_unchanged(name, strategy):
    texts = make_texts()
    model = build_model(ENCODERS[name], make_matrix(), CLASSES, 5, strategy)
    before = model.output.weight.detach().clone()
    batches = batch_order(len(texts), 8, 20, 0)
    data = read_by(ENCODERS[name].encoder, texts)
    train_encoder(model, data, labels_of(texts), batches, TrainingConfig(), strategy != "frozen", 0)
    still = model.embedding if strategy == "frozen" else model.static
    assert still.weight.detach().numpy().tobytes() == make_matrix().tobytes()
    assert not torch.equal(model.output.weight, before)


@pytest.mark.parametrize("optimizer", RATES)
def test_rows_of_absent_tokens_stay_bitwise_unchanged_and_others_move(optimizer):
    texts = make_texts()
    model = build_model(ENCODERS["mean"], make_matrix(), CLASSES, 5)
    config = TrainingConfig(embedding_optimizer=optimizer, label_smoothing=0.1)
    train_encoder(model, as_bags(texts), labels_of(texts), batch_order(len(texts), 8, 30, 0), config, True, 0)
    trained, present = model.embedding.weight.detach().numpy(), np.unique(np.concatenate(texts))
    absent = np.setdiff1d(np.arange(VOCABULARY), present)
    assert len(absent) >= UNTOUCHED
    assert trained[absent].tobytes() == make_matrix()[absent].tobytes()
    assert (trained[present] != make_matrix()[present]).any(axis=1).all()


def cell_data(texts) -> CellData:
    rng = np.random.default_rng(1)
    vectors = WordVectors(np.arange(40), rng.normal(1, 0.5, (40, 8)).astype(np.float32))
    labels, bags, sequences = labels_of(texts), as_bags(texts), read_by("cnn", texts)
    return CellData(bags, labels, bags, labels, CLASSES, VOCABULARY, vectors, sequences, sequences)


SHORT = TrainingConfig(budget=BudgetConfig(12, 0), batch_size=8, learning_rate=0.01, embedding_learning_rate=0.1)


def trained_by(strategy, classifier, training=SHORT, seed=0):
    data = cell_data(make_texts())
    return train_strategy(strategy, data, vector_size=8, classifier=classifier, training=training, seed=seed)


@pytest.mark.parametrize("name", ENCODERS)
def test_frozen_and_finetuned_agree_before_the_first_step(name):
    """The same loss in step one, dropped features and words included; from step two on they part."""
    classifier = replace(ENCODERS[name], dropout=0.3, word_dropout=0.2)
    frozen, tuned = (trained_by(strategy, classifier).losses for strategy in ("frozen", "finetuned"))
    assert frozen[0] == tuned[0]
    assert frozen[-1] != tuned[-1]


@pytest.mark.parametrize("name", ["dan", "cnn", "lstm"])
@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "sgd"])
def test_a_row_rate_of_zero_is_frozen(name, optimizer):
    classifier = replace(ENCODERS[name], dropout=0.3, word_dropout=0.2)
    training = replace(SHORT, embedding_learning_rate=0.0, embedding_optimizer=optimizer)
    frozen, tuned = (trained_by(strategy, classifier, training).model for strategy in ("frozen", "finetuned"))
    for key, value in frozen.state_dict().items():
        np.testing.assert_allclose(tuned.state_dict()[key].numpy(), value.numpy(), rtol=1e-6, err_msg=key)


@pytest.mark.parametrize("name", ENCODERS)
def test_one_seed_gives_the_same_bytes_and_leaves_torch_s_own_random_state(name):
    classifier = replace(ENCODERS[name], dropout=0.3, word_dropout=0.2)
    torch.manual_seed(1)
    first = trained_by("multichannel", classifier).model.state_dict()
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)
    torch.manual_seed(2)
    again = trained_by("multichannel", classifier).model.state_dict()
    assert all(value.numpy().tobytes() == again[key].numpy().tobytes() for key, value in first.items())
    other = trained_by("multichannel", classifier, seed=1).model.state_dict()
    assert not torch.equal(other["output.weight"], first["output.weight"])


def test_max_norm_holds_after_every_step():
    tight = trained_by("finetuned", replace(ENCODERS["cnn"], max_norm=0.2)).model
    assert (tight.output.weight.norm(dim=1) <= 0.2 * (1 + 1e-6)).all()


def test_the_record_counts_what_is_trained():
    data, classifier = cell_data(make_texts()), ENCODERS["cnn"]
    rows, rest = VOCABULARY * 8, (1 + 2 + 5) * 8 * 6 + 3 * 6 + (3 * 6 + 1) * CLASSES
    counts = {
        strategy: run_strategy(strategy, data, vector_size=8, classifier=classifier, training=SHORT, seed=0).record
        for strategy in ("random", "frozen", "finetuned", "multichannel")
    }
    assert {name: (row["parameters"], row["trained_parameters"]) for name, row in counts.items()} == {
        "random": (rows + rest, rows + rest),
        "frozen": (rows + rest, rest),
        "finetuned": (rows + rest, rows + rest),
        "multichannel": (2 * rows + rest, rows + rest),
    }


def test_balanced_weights_are_those_of_scikit_learn():
    labels = np.array([0, 0, 0, 0, 0, 2, 2, 1])
    weights = make_loss(TrainingConfig(class_weights="balanced"), labels, 4).weight
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(weights.numpy(), [*expected, 1.0], rtol=1e-6)  # class 3 has no labelled text


def test_a_cell_inside_the_labelled_texts_reads_only_those():
    data = cell_data(make_texts())
    inside = data.inside(np.arange(10, 30), np.arange(5))
    assert (inside.labels == data.labels[10:30]).all()
    assert (inside.text_labels == data.labels[:5]).all()
    for view, bags in ((inside.labelled_sequences, inside.labelled), (inside.text_sequences, inside.texts)):
        ids, offsets = view.read()
        assert np.diff(offsets).tolist() == bags.tokens().tolist()
        assert np.unique(ids).tolist() == np.unique(bags.indices).tolist()


def test_an_encoder_that_reads_the_order_says_so_where_there_is_none():
    data = replace(cell_data(make_texts()), labelled_sequences=None)
    with pytest.raises(UserError, match=r"classifier\.encoder: lstm reads the order of tokens.*classifier=mean_pool"):
        run_strategy("random", data, vector_size=8, classifier=ClassifierConfig(encoder="lstm"), training=SHORT, seed=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", ENCODERS)
def test_cuda_equals_the_cpu(name):
    on_cpu = trained_by("multichannel", ENCODERS[name]).model.state_dict()
    on_gpu = trained_by("multichannel", ENCODERS[name], replace(SHORT, device="cuda")).model.state_dict()
    for key, value in on_cpu.items():
        np.testing.assert_allclose(on_gpu[key].numpy(), value.numpy(), rtol=1e-2, atol=1e-3, err_msg=key)
