from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.scene import sample_scenes
from vtonlib.data.world import World
from vtonlib.models.classifier import load_classifier
from vtonlib.tasks.classifier import (
    ATTRIBUTES,
    ClassifierConfig,
    ClassifierTask,
    accuracy,
    garment_labels,
    world_labels,
)

DATA = DataConfig(height=32, width=24)


def test_labels_say_what_the_scene_holds() -> None:
    garment = sample_scenes(torch.arange(200), DATA, split="test").garment
    labels = garment_labels(garment)
    assert set(labels) == set(ATTRIBUTES)
    for name, values in labels.items():
        assert values.shape == (200,) and values.min() >= 0 and values.max() < len(ATTRIBUTES[name])
    names = [ATTRIBUTES["kind"][k] for k in labels["kind"].tolist()]
    for i, name in enumerate(names):
        expected = ("top", "trousers" if garment.trousers[i] else "skirt", "dress")[int(garment.category[i])]
        assert name == expected
        assert (ATTRIBUTES["sleeves"][int(labels["sleeves"][i])] == "none") == (float(garment.sleeve[i]) < 0)
    assert world_labels(torch.tensor([7, 3]), DATA, "test")["texture"].tolist() == garment.texture[[7, 3]].tolist()


def test_a_folder_has_no_labels() -> None:
    with pytest.raises(ValueError, match=r"data.root=photographs: the classifier needs the world's labels"):
        world_labels(torch.tensor([0]), DataConfig(root="photographs"), "train")


def test_a_few_steps_on_one_batch_lower_the_loss_and_it_is_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = ClassifierTask(ClassifierConfig(channels=(8, 16), width=16), DATA)
    task.check()
    batch = World(DATA).paired("train", torch.arange(16))
    optimizer = torch.optim.AdamW(task.parameters(), 1e-2)
    losses = []
    for _ in range(25):
        loss = sum(task.loss(batch).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    task.save(tmp_path)
    loaded = load_classifier(tmp_path / "classifier.safetensors")
    shares = accuracy(loaded, batch.person, world_labels(batch.index, DATA, "train"))
    assert set(shares) == set(ATTRIBUTES) and all(0 <= share <= 1 for share in shares.values())
