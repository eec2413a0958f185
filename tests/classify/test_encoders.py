"""Encoders: padding does not matter, one example at a time gives the same, channels add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_texts import CLASSES, ENCODERS, VECTOR_SIZE, VOCABULARY, as_bags, in_order, make_matrix, make_texts, padded
from small_texts import read_by as form_for
from torch import nn

from embexp.bags import Bags
from embexp.classify.encoders.flat import FlatTexts
from embexp.classify.model import build_model, predict_probabilities
from embexp.config import ClassifierConfig
from embexp.encoders import ENCODERS as KNOWN

CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def flat_logits(model, data):
    flat = FlatTexts.of(data)
    rows, numbered = flat.number(VOCABULARY)
    return model.classify_flat(model.embed(torch.from_numpy(rows)), numbered)


@pytest.mark.parametrize("strategy", ["finetuned", "multichannel"])
@pytest.mark.parametrize("name", ENCODERS)
def test_padded_flat_and_one_by_one_give_the_same_logits(name, strategy):
    texts, classifier = make_texts(), ENCODERS[name]
    model = build_model(replace(classifier, channels="own"), make_matrix(), CLASSES, 5, strategy)
    with torch.no_grad():
        expected = torch.cat([model(*padded([text], beyond=1)) for text in texts]).numpy()
        np.testing.assert_allclose(model(*padded(texts)).numpy(), expected, **CLOSE)
        np.testing.assert_allclose(flat_logits(model, form_for(classifier.encoder, texts)).numpy(), expected, **CLOSE)


@pytest.mark.parametrize("strategy", ["finetuned", "multichannel"])
@pytest.mark.parametrize("name", ENCODERS)
def test_what_the_table_says_of_an_encoder_is_so(name, strategy):
    classifier = replace(ENCODERS[name], channels="own")
    model, known = build_model(classifier, make_matrix(), CLASSES, 5, strategy), KNOWN[classifier.encoder]
    assert (type(model).__name__, model.in_order) == (known.classifier, known.in_order)
    behind = [
        weights.numel() for key, weights in model.named_parameters() if not key.startswith(("embedding", "static"))
    ]
    assert sum(behind) <= known.numbers(classifier, 2 * VECTOR_SIZE, CLASSES) + CLASSES + 2 * classifier.hidden_size


@pytest.mark.parametrize("name", ENCODERS)
def test_padded_and_flat_give_the_same_gradients(name):
    texts, classifier = make_texts(), ENCODERS[name]
    targets = torch.arange(len(texts)) % CLASSES
    gradients = []
    for form in ("padded", "flat"):
        model = build_model(classifier, make_matrix(), CLASSES, 5)
        data = form_for(classifier.encoder, texts)
        logits = model(*padded(texts)) if form == "padded" else flat_logits(model, data)
        nn.functional.cross_entropy(logits, targets).backward()
        gradients.append({key: parameter.grad for key, parameter in model.named_parameters()})
    for key, gradient in gradients[0].items():
        np.testing.assert_allclose(gradients[1][key].numpy(), gradient.numpy(), rtol=1e-4, atol=1e-6, err_msg=key)
        assert gradient.abs().max() > 0


def test_cnn_equals_kim_written_as_loops():
    """Window by window, filter by filter, with zeros on both sides, as section 2 of the paper has it."""
    texts, model = make_texts(), build_model(ENCODERS["cnn"], make_matrix(), CLASSES, 5)
    matrix = make_matrix()
    with torch.no_grad():
        features = model.encode(model.embed(padded(texts)[0]), padded(texts)[1]).numpy()
    for text, found in zip(texts, features, strict=True):
        expected = []
        for filters in model.filters:
            weight, bias = filters.weight.detach().numpy(), filters.bias.detach().numpy()
            window = weight.shape[2]
            zeros = np.zeros((window - 1, VECTOR_SIZE), np.float32)
            tokens = np.concatenate([zeros, matrix[text], zeros])
            places = range(max(1, len(text) + window - 1))
            stretches = [tokens[place : place + window] for place in places]
            for m in range(weight.shape[0]):
                c = [float((stretch.T * weight[m, :, : len(stretch)]).sum() + bias[m]) for stretch in stretches]
                expected.append(max(0.0, *c))
        np.testing.assert_allclose(found, expected, **CLOSE)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean_max"])
def test_lstm_equals_a_loop_over_tokens_that_reads_backwards_from_the_last_one(pooling):
    text = np.array([4, 8, 15, 16])
    model = build_model(replace(ENCODERS["lstm"], pooling=pooling), make_matrix(), CLASSES, 5)
    forward, backward = nn.LSTMCell(VECTOR_SIZE, 5), nn.LSTMCell(VECTOR_SIZE, 5)
    for cell, suffix in ((forward, ""), (backward, "_reverse")):
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(cell, part).data = getattr(model.lstm, f"{part}_l0{suffix}").data
    with torch.no_grad():
        directions = []
        for cell, order in ((forward, text), (backward, text[::-1])):
            state, states = (torch.zeros(1, 5), torch.zeros(1, 5)), []
            for token in order:
                state = cell(model.embedding.weight[int(token)][None], state)
                states.append(state[0].numpy()[0])
            directions.append(states)
        ids, lengths = padded([text], beyond=6)
        found = model.encode(model.embed(ids), lengths).numpy()[0]
    both = np.concatenate([directions[0], directions[1][::-1]], axis=1)  # (tokens, 10), states of one token in a row
    expected = {
        "last": np.concatenate([directions[0][-1], directions[1][-1]]),
        "mean": both.mean(axis=0),
        "max": both.max(axis=0),
        "mean_max": np.concatenate([both.mean(axis=0), both.max(axis=0)]),
    }
    np.testing.assert_allclose(found, expected[pooling], **CLOSE)


@pytest.mark.parametrize("name", ENCODERS)
def test_equal_channels_with_the_same_weights_are_one_channel_of_twice_the_rows(name):
    texts, matrix, classifier = make_texts(), make_matrix(), ENCODERS[name]
    data = form_for(classifier.encoder, texts)
    two = build_model(classifier, matrix, CLASSES, 5, "multichannel")
    one = build_model(classifier, 2 * matrix, CLASSES, 5)
    assert torch.equal(two.static.weight, two.embedding.weight)
    assert predict_probabilities(two, data).tobytes() == predict_probabilities(one, data).tobytes()


def test_equal_channels_with_weights_of_their_own_are_one_channel_with_the_sum_of_the_weights():
    texts, matrix, classifier = make_texts(), make_matrix(), ENCODERS["cnn"]
    two = build_model(replace(classifier, channels="own"), matrix, CLASSES, 5, "multichannel")
    one = build_model(classifier, matrix, CLASSES, 5)
    for single, double in zip(one.filters, two.filters, strict=True):
        single.weight.data = double.weight.data[:, :VECTOR_SIZE] + double.weight.data[:, VECTOR_SIZE:]
        single.bias.data = double.bias.data
    one.output.load_state_dict(two.output.state_dict())
    expected = predict_probabilities(one, in_order(texts))
    np.testing.assert_allclose(predict_probabilities(two, in_order(texts)), expected, **CLOSE)


@pytest.mark.parametrize("name", ENCODERS)
def test_what_stands_behind_the_embedding_layer_starts_the_same_for_every_strategy(name):
    models = [
        build_model(ENCODERS[name], make_matrix(seed), CLASSES, 9, strategy)
        for seed, strategy in ((1, "random"), (2, "frozen"), (2, "finetuned"), (2, "multichannel"))
    ]
    other = build_model(ENCODERS[name], make_matrix(1), CLASSES, 10, "random")
    behind = [key for key in models[0].state_dict() if key != "embedding.weight"]
    assert behind
    for key in behind:
        weights = [model.state_dict()[key] for model in models]
        assert all(torch.equal(weights[0], weight) for weight in weights[1:])
        assert not torch.equal(weights[0], other.state_dict()[key])


@pytest.mark.parametrize("name", ENCODERS)
def test_a_state_fits_into_a_rebuilt_classifier(name):
    texts, classifier = make_texts(), ENCODERS[name]
    model = build_model(classifier, make_matrix(), CLASSES, 5, "multichannel")
    empty = np.zeros((VOCABULARY, VECTOR_SIZE), np.float32)
    rebuilt = build_model(classifier, empty, CLASSES, 0, "multichannel")
    rebuilt.load_state_dict(model.state_dict())
    data = form_for(classifier.encoder, texts)
    assert predict_probabilities(rebuilt, data).tobytes() == predict_probabilities(model, data).tobytes()


def test_probabilities_in_parts_are_those_of_all_texts(monkeypatch):
    texts = make_texts()
    model = build_model(ENCODERS["cnn"], make_matrix(), CLASSES, 5)
    whole = predict_probabilities(model, in_order(texts))
    monkeypatch.setattr("embexp.classify.model.TOKENS_AT_ONCE", 20)
    np.testing.assert_allclose(predict_probabilities(model, in_order(texts)), whole, **CLOSE)
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-6)


def test_bags_do_not_tell_a_cnn_what_it_reads():
    model = build_model(ENCODERS["cnn"], make_matrix(), CLASSES, 5)
    with pytest.raises(TypeError, match="CnnClassifier reads the order of tokens"):
        predict_probabilities(model, as_bags(make_texts()))


def test_max_norm_shortens_long_weights_and_leaves_short_ones():
    model = build_model(ClassifierConfig(encoder="linear", max_norm=3.0), make_matrix(), CLASSES, 5)
    short = model.output.weight.detach()[1].clone()
    model.output.weight.data[0] *= 100
    direction = nn.functional.normalize(model.output.weight.detach()[0], dim=0)
    model.limit_norm()
    assert float(model.output.weight.detach()[0].norm()) == pytest.approx(3, rel=1e-5)
    np.testing.assert_allclose(
        nn.functional.normalize(model.output.weight.detach()[0], dim=0).numpy(), direction.numpy(), rtol=1e-5
    )
    assert torch.equal(model.output.weight.detach()[1], short)


@pytest.mark.parametrize("form", [as_bags, in_order])
def test_word_dropout_leaves_out_its_share_of_the_tokens(form):
    rng = np.random.default_rng(0)
    texts = FlatTexts.of(form([np.repeat(np.arange(20), 100), np.array([], int), np.arange(50)]))

    def tokens(flat):
        return int(flat.counts.sum()) if flat.counts is not None else len(flat.ids)

    left = [texts.drop_words(0.3, rng) for _ in range(20)]
    share = np.mean([tokens(flat) for flat in left]) / tokens(texts)
    assert share == pytest.approx(0.7, abs=0.02)  # 41,000 tokens: five standard errors are .011
    assert all(len(flat) == 3 and flat.lengths[1] == 0 for flat in left)
    assert all(set(flat.ids[: flat.offsets[1]]) <= set(range(20)) for flat in left)


def test_word_dropout_keeps_the_order_of_the_rest():
    texts = FlatTexts.of(in_order([np.arange(50), np.arange(50)]))
    left = texts.drop_words(0.5, np.random.default_rng(1))
    for text in range(2):
        ids = left.ids[left.offsets[text] : left.offsets[text + 1]]
        assert 10 < len(ids) < 40
        assert (np.diff(ids) > 0).all()


def test_sequences_hold_what_bags_count():
    texts = make_texts()
    sequences, bags = in_order(texts), as_bags(texts)
    chosen, types = np.array([7, 0, 2, 7]), np.array([1, 5, 9, 30])
    ids, offsets = sequences.select(chosen).keep(types).read()
    expected: Bags = bags.select(chosen).keep(types)
    for text in range(len(chosen)):
        counts = np.bincount(ids[offsets[text] : offsets[text + 1]], minlength=len(types))
        kept = slice(expected.offsets[text], expected.offsets[text + 1])
        assert counts[expected.indices[kept]].tolist() == expected.counts[kept].tolist()
        assert counts.sum() == expected.counts[kept].sum()
    cut, _ = replace(sequences, max_tokens=2, vocabulary_size=9).read()
    assert cut.tolist() == [token for text in texts for token in text[:2] if token < 9]
