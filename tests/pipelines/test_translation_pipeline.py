"""The translation pipeline: pictures of every kind in and out, saved and loaded, mistakes named."""

import numpy as np
import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.domains import Domains
from vtonlib.data.world import World
from vtonlib.images import to_uint8
from vtonlib.models.translator import ResnetTranslator
from vtonlib.pipelines.load import read_pipeline
from vtonlib.pipelines.pictures import PictureOutput
from vtonlib.pipelines.translation import TranslationPipeline


@pytest.fixture(scope="module")
def pipeline():
    torch.manual_seed(0)
    translator = ResnetTranslator(channels=4, blocks=1, skip=True).eval()
    torch.nn.init.normal_(translator.head.weight, std=0.1)  # away from the identity
    return TranslationPipeline(translator=translator)


@pytest.fixture(scope="module")
def pictures():
    return Domains(World(DataConfig(height=32, width=24))).paired("test", range(3)).source


def test_it_is_the_translators_pass(pipeline, pictures):
    made = pipeline(image=pictures)
    with torch.no_grad():
        assert torch.equal(made.images, pipeline.translator(pictures))
    assert type(made) is PictureOutput and not torch.allclose(made.images, pictures, atol=0.05)
    assert not made.images.requires_grad


def test_pil_numpy_and_tensors_agree_one_or_many(pipeline, pictures):
    pil = PictureOutput(images=pictures).pil()
    expected = pipeline(pil).images
    arrays = np.stack([np.asarray(picture) for picture in pil])
    for given in (arrays, arrays / np.float32(255)):
        torch.testing.assert_close(pipeline(given).images, expected, atol=1e-5, rtol=0)
    one = pipeline(pil[0])
    torch.testing.assert_close(one.images, expected[:1], atol=1e-5, rtol=0)
    torch.testing.assert_close(pipeline(pictures[1]).images, pipeline(pictures).images[1:2], atol=1e-5, rtol=0)
    assert one.pil()[0].size == (24, 32) and one.numpy().shape == (1, 32, 24, 3)
    assert np.array_equal(np.asarray(one.pil()[0]), to_uint8(one.images)[0].numpy())


def test_saved_and_loaded(pipeline, pictures, tmp_path):
    pipeline.save_pretrained(tmp_path)
    for loaded in (read_pipeline(tmp_path), TranslationPipeline.from_pretrained(tmp_path, local_files_only=True)):
        assert isinstance(loaded, TranslationPipeline) and loaded.translator.config.skip
        loaded.translator.eval()
        torch.testing.assert_close(loaded(pictures).images.cpu(), pipeline(pictures).images, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(1, 3, 30, 24), "images are 30x24: expected sides that are multiples of 4"),
        (torch.zeros(1, 1, 32, 24), r"image is \(1, 1, 32, 24\): expected pictures \[b 3 h w\], at least one"),
        (torch.zeros(0, 3, 32, 24), r"image is \(0, 3, 32, 24\): expected pictures"),
        (torch.full((3, 32, 24), 255.0), "image has values from 255 to 255: expected -1 to 1"),
        (torch.full((3, 32, 24), torch.nan), "image contains NaN or infinity"),
        (torch.zeros(3, 32, 24, dtype=torch.uint8), r"image is a tensor of torch.uint8"),
        ("portrait.png", "image is str: expected a tensor, a numpy array, a PIL image or a list of PIL images"),
    ],
)
def test_mistakes_are_named(pipeline, image, message):
    with pytest.raises(ValueError, match=message):
        TranslationPipeline.__call__.__wrapped__(pipeline, image) if isinstance(image, str) else pipeline(image)
