import torch

from vtonlib.losses.matching import colour_copying


def test_a_hand_written_case():
    person = torch.zeros(1, 3, 2, 3)
    copied = person.clone()
    copied[0, :, 0, 0] = torch.tensor([1.0, 0.0, 0.5])
    copied[0, :, 1, 2] = 100.0  # no garment there
    region = torch.tensor([[[[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]])
    assert colour_copying(copied, person, region) == 1.25 / 6


def test_equal_colours_cost_nothing_wherever_they_come_from():
    person = torch.full((2, 3, 4, 5), 0.3)
    assert colour_copying(person.flip(-1), person, torch.ones(2, 1, 4, 5)) == 0


def test_an_empty_region_gives_0_with_gradient_0():
    copied = torch.randn(2, 3, 4, 5, requires_grad=True)
    loss = colour_copying(copied, torch.zeros(2, 3, 4, 5), torch.zeros(2, 1, 4, 5))
    loss.backward()
    assert loss == 0 and (copied.grad == 0).all()


def test_gradcheck():
    copied = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    person, region = torch.randn(2, 3, 2, 3, dtype=torch.float64), torch.rand(2, 1, 2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda c: colour_copying(c, person, region), copied)
