import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.losses.matching import colour_copying
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask


def new_task():
    torch.manual_seed(0)
    return MatcherTask(MatcherConfig(channels=8, head_dim=8, layers=1))


def new_batch():
    return World(DataConfig(height=32, width=24)).paired("train", torch.arange(4))


def test_twenty_steps_on_one_batch_lower_the_loss():
    task, batch = new_task(), new_batch()
    task.check()
    optimizer = torch.optim.AdamW(task.parameters(), lr=3e-3)
    losses = []
    for _ in range(21):
        (loss,) = task.phases[0].loss(batch).values()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.97 * losses[0]


def test_the_loss_is_that_of_the_copied_image():
    task, batch = new_task(), new_batch()
    assert task.matcher_loss(batch)["copy"] == colour_copying(task.copy(batch), batch.person, batch.garment_region)


def test_the_sample_paints_the_garment_region_only():
    task, batch = new_task(), new_batch()
    garments, painted, persons = task.sample(batch)
    assert torch.equal(garments, batch.garment) and torch.equal(persons, batch.person)
    outside = (batch.garment_region == 0).expand_as(painted)
    assert torch.equal(painted[outside], batch.agnostic[outside])
    assert not torch.allclose(painted, batch.agnostic)


def test_half_precision_trains_on_a_cpu_as_the_error_about_fp16_recommends():
    task, batch = new_task(), new_batch()
    with torch.autocast("cpu", torch.bfloat16):
        half = task.matcher_loss(batch)["copy"]
    half.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in task.parameters())
    torch.testing.assert_close(half.float(), task.matcher_loss(batch)["copy"], atol=0.02, rtol=0.05)
