"""A folder of Leffa's works wherever one of StableVITON's does: evaluated and sampled, from Python and by command."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from PIL import Image

from vtonlib import experiment
from vtonlib.cli import main
from vtonlib.config import DataConfig, override, to_json
from vtonlib.data.world import World
from vtonlib.evaluation.report import Report
from vtonlib.images import save_png
from vtonlib.models.autoencoder import load_autoencoder
from vtonlib.models.conditions import INPUT_CHANNELS
from vtonlib.models.leffa import LeffaUNet
from vtonlib.pipelines.leffa import LeffaPipeline
from vtonlib.presets import preset, read_config
from vtonlib.tasks.latent_diffusion import new_scheduler
from vtonlib.tasks.leffa import LeffaTask

SMALL = DataConfig(height=32, width=24)


def saved(folder, order):
    torch.manual_seed(0)
    unet = LeffaUNet(
        INPUT_CHANNELS[order],
        block_out_channels=(16, 32),
        layers_per_block=1,
        attention_levels=(False, True),
        num_attention_heads=2,
        norm_num_groups=8,
    )
    pipeline = LeffaPipeline(load_autoencoder(), unet, new_scheduler(), default_denoising_steps=2, order=order)
    pipeline.save_pretrained(folder / "final")
    (folder / "config.json").write_text(to_json(replace(preset("stableviton"), data=SMALL)))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("leffa"), "leffa")


@pytest.fixture(scope="module")
def posing(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("posing"), "leffa_pose")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Pictures of one example, as the command line takes them."""
    folder, batch = tmp_path_factory.mktemp("files"), World(SMALL).unpaired("test", torch.arange(1))
    masks = {"mask": batch.agnostic_mask.expand(1, 3, 32, 24) * 2 - 1}
    pictures = {"person": batch.person, "garment": batch.garment, "dense-pose": batch.dense_pose} | masks
    for name, picture in pictures.items():
        save_png(folder / f"{name}.png", picture[0])
    return {name: ["--" + name, str(folder / f"{name}.png")] for name in pictures}


def test_evaluate_scores_the_pictures_and_every_attention(run):
    assert main(["evaluate", str(run), "--count", "1", "--splits", "unpaired, laid straight", "--blind", str(run)]) == 0
    first = Report.from_json((run / "report.json").read_text()).tables[0]
    printed = first.markdown()
    blocks = ["up_blocks.0.attentions.1", "up_blocks.0.attentions.0", "mid_block.attentions.0"]
    for name in ("Leffa", *blocks, *(f"{block}, other garment" for block in blocks), f"{blocks[0]}, blind twin"):
        assert f"| {name} |" in printed, name
    assert (run / "grid.png").exists()


def test_trying_on_and_the_correspondence(run):
    pipeline, batch = experiment.load_pipeline(run), World(SMALL).unpaired("test", torch.arange(2))
    worn = experiment.try_on(pipeline, batch)
    assert torch.equal(worn.image, experiment.try_on(pipeline, batch).image)
    assert all(record.key_grid == record.query_grid for record in worn.attention.values())
    name, flow = worn.correspondence()
    assert name in worn.attention and flow.shape[0] == 2
    different = ({"scheduler": "ddpm"}, {"guidance_scale": 1.0}, {"guidance_rescale": 2.5}, {"repaint": "released"})
    images = [experiment.try_on(pipeline, batch, **options).image for options in different]
    assert not any(torch.equal(worn.image, image) for image in images)
    for option in ({"start": "leaking"}, {"guidance_on": "token"}):
        with pytest.raises(ValueError, match=f"{next(iter(option))}: no option of this pipeline, which is Leffa"):
            experiment.try_on(pipeline, batch, **option)


def test_sampling_from_files(run, files, tmp_path, capsys):
    def sample(*options):
        given = [word for words in files.values() for word in words]
        assert main(["sample", str(run), *given, "--out", str(tmp_path / "a.png"), *options]) == 0
        return (tmp_path / "a.png").read_bytes()

    plain = sample("--correspondence", str(tmp_path / "b.png"))
    assert sample("--steps", "2", "--reference-steps", "each", "--guidance-scale", "2.5") == plain
    others = (["--scheduler", "ddpm"], ["--steps", "3"], ["--guidance-rescale", "1"], ["--seed", "1"], ["--no-repaint"])
    assert len({plain, *(sample(*options) for options in others)}) == 1 + len(others)
    with Image.open(tmp_path / "b.png") as picture:
        assert min(picture.size) > 100
    command = ["sample", str(run), *files["garment"], "--out", str(tmp_path / "a.png")]
    capsys.readouterr()
    assert main(command) == 2 and "--person is missing: this model paints on a picture" in capsys.readouterr().err


def test_pose_transfer_from_a_reference_and_a_pose(posing, files, tmp_path, capsys):
    command = ["sample", str(posing), *files["garment"], "--out", str(tmp_path / "a.png")]
    assert main([*command, *files["dense-pose"], "--correspondence", str(tmp_path / "b.png")]) == 0
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (24, 32)
    capsys.readouterr()
    for options, message in (
        ([], "--dense-pose is missing: give the pose to paint, or a --person beside whom it lies"),
        ([*files["dense-pose"], *files["mask"]], "--mask and --parse belong to a person: give --person too"),
    ):
        assert main([*command, *options]) == 2
        assert message in capsys.readouterr().err


SHORT = (
    *("data.height=64", "data.width=48", "train.steps=4", "train.batch_size=2", "train.precision=no"),
    *("task.block_out_channels=16,32", "task.cached_examples=8", "train.sample_every=0"),
)


def test_one_command_trains_the_three_stages(tmp_path, capsys):
    words = ["train", "leffa", "--progressive", "--out", str(tmp_path / "run"), "--set", *SHORT]
    assert main(words) == 0
    last = tmp_path / "run" / "followed"
    assert f"trained: {last / 'final'}" in capsys.readouterr().out
    stages = [read_config(tmp_path / "run" / name / "config.json") for name in experiment.STAGES]
    assert [stage.data.height for stage in stages] == [32, 64, 64]
    assert [stage.train.steps for stage in stages] == [1, 4, 1]
    assert [stage.task.initial for stage in stages] == [
        "",
        *(str(tmp_path / "run" / name) for name in ("low", "whole")),
    ]
    assert stages[-1].task.following.active
    before = (last / "final" / "trained.json").read_bytes()
    assert main(words) == 0 and (last / "final" / "trained.json").read_bytes() == before, "nothing is done twice"
    (tmp_path / "run").rename(tmp_path / "moved")
    capsys.readouterr()
    assert main([*words[:4], str(tmp_path / "moved"), *words[5:]]) == 0
    assert capsys.readouterr().out.count("nothing to do") == 3, "the stages know each other by their weights"
    assert main(["evaluate", str(tmp_path / "moved"), "--count", "1", "--splits", "unpaired, laid straight"]) == 0
    assert (tmp_path / "moved" / "followed" / "report.md").exists()


def test_stages_and_one_training_have_different_folders(monkeypatch, capsys):
    monkeypatch.setattr(experiment, "train", lambda config, out: out)
    monkeypatch.setattr(experiment, "train_progressively", lambda config, out: out)
    assert main(["train", "leffa"]) == main(["train", "leffa", "--progressive"]) == 0
    assert capsys.readouterr().out.split() == ["trained:", "runs/leffa-tiny", "trained:", "runs/leffa-tiny-progressive"]


def test_other_initial_weights_are_another_run(tmp_path):
    config = override(preset("leffa"), *SHORT, "train.steps=1")
    torch.manual_seed(1)
    for name in "ab":
        unet = LeffaTask.new_unet(config.task)
        pipeline = LeffaPipeline(load_autoencoder(), unet, new_scheduler(), order=config.task.order)
        pipeline.save_pretrained(tmp_path / name)
    started = {name: replace(config, task=replace(config.task, initial=str(tmp_path / name))) for name in "ab"}
    experiment.train(started["a"], tmp_path / "run")
    with pytest.raises(ValueError, match=r"config.task.initial is \w{64} there, \w{64} here"):
        experiment.train(started["b"], tmp_path / "run")


@pytest.mark.parametrize("steps", [0, "many"])
def test_a_stored_number_of_steps_that_is_none_is_named(run, tmp_path, steps):
    shutil.copytree(run, tmp_path / "run")
    index = tmp_path / "run" / "final" / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"default_denoising_steps": steps}))
    with pytest.raises(ValueError, match=rf"{index}: default_denoising_steps=.*{steps}.*: expected"):
        experiment.load_pipeline(tmp_path / "run")


def test_stages_are_leffas_alone(tmp_path, capsys):
    assert main(["train", "matcher", "--progressive", "--out", str(tmp_path / "run")]) != 0
    assert "preset is 'matcher': expected one of Leffa's" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
