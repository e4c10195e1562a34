from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vtonlib.evaluation.distribution import extract
from vtonlib.models.classifier import SHIPPED, WorldClassifier, load_classifier, save_classifier

ATTRIBUTES = {"kind": ("top", "dress", "skirt"), "texture": ("plain", "dots")}


def small() -> WorldClassifier:
    torch.manual_seed(0)
    return WorldClassifier(ATTRIBUTES, channels=(8, 16), width=12).eval()


def test_it_gives_logits_of_every_attribute_and_features_of_any_image_size() -> None:
    classifier = small()
    for height, width in ((64, 48), (40, 56), (128, 96)):
        images = torch.rand(2, 3, height, width) * 2 - 1
        assert {name: x.shape for name, x in classifier(images).items()} == {"kind": (2, 3), "texture": (2, 2)}
        assert classifier.features(images).shape == (2, 12)
    assert extract(classifier, images.split(1)).shape == (2, 12)
    features = classifier.features(images)
    torch.testing.assert_close(features.square().mean(1), torch.ones(2), atol=1e-3, rtol=0)
    assert classifier.name == "vtonlib-classifier"


def test_a_sample_of_a_batch_equals_the_sample_alone() -> None:
    classifier, images = small(), torch.rand(3, 3, 64, 48) * 2 - 1
    torch.testing.assert_close(classifier.features(images)[1:2], classifier.features(images[1:2]))


def test_it_says_which_images_show_a_texture() -> None:
    classifier, images = small(), torch.rand(8, 3, 64, 48) * 2 - 1
    with torch.no_grad():
        classifier.heads["texture"].bias -= classifier(images)["texture"].mean(0)
    plain, dots = (classifier.shows(images, texture) for texture in ("plain", "dots"))
    assert torch.equal(plain, ~dots) and plain.any() and dots.any()
    logits = classifier(images)["texture"]
    assert torch.equal(dots, logits[:, 1] > logits[:, 0])
    with pytest.raises(ValueError, match="texture is 'checks': expected one of plain, dots"):
        classifier.shows(images, "checks")


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    classifier, path, images = small(), tmp_path / "new" / "classifier.safetensors", torch.rand(2, 3, 64, 48)
    save_classifier(classifier, path)
    loaded = load_classifier(path)
    assert loaded.attributes == ATTRIBUTES
    assert loaded.features(images).equal(classifier.features(images))
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    assert [p.name for p in path.parent.iterdir()] == ["classifier.safetensors"]


def test_a_missing_or_wrong_file_gives_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "classifier.safetensors"
    with pytest.raises(FileNotFoundError, match=r"classifier.safetensors: no such file.*train classifier"):
        load_classifier(path)
    path.write_bytes(b"no weights at all")
    with pytest.raises(ValueError, match=r"classifier.safetensors: not a classifier of vtonlib"):
        load_classifier(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"not a classifier of vtonlib \(KeyError"):
        load_classifier(path)
    save_classifier(small(), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="not a classifier of vtonlib"):
        load_classifier(path)


def test_a_classifier_of_another_shape_is_refused(tmp_path: Path) -> None:
    path, classifier = tmp_path / "classifier.safetensors", small()
    classifier.width = 13
    save_classifier(classifier, path)
    with pytest.raises(ValueError, match="size mismatch"):
        load_classifier(path)


@pytest.mark.skipif(not SHIPPED.is_file(), reason="the weights have not been trained yet")
def test_the_shipped_weights_load() -> None:
    classifier = load_classifier()
    features = classifier.features(torch.rand(2, 3, 64, 48) * 2 - 1)
    assert features.shape == (2, classifier.width) and features.isfinite().all()
