"""Three trained stages become one pipeline, which is evaluated and sampled like any run."""

import json
import shutil

import pytest
import torch
from gan_stages import TASKS, new_pipeline, stage_config
from PIL import Image

from vtonlib import experiment
from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.cli import main
from vtonlib.config import DataConfig, override
from vtonlib.data.folders import write_folder
from vtonlib.data.world import World
from vtonlib.evaluation.report import Report
from vtonlib.pipelines.alias import ALIASPipeline
from vtonlib.presets import preset

OPTIONS = {"segmentation": "--segmentation", "geometric_matching": "--matching", "alias": "--alias"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One finished run of each stage, of two steps."""
    root = tmp_path_factory.mktemp("stages")
    for name in TASKS:
        experiment.train(stage_config(name, steps=2), root / name)
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("folder") / "vton"
    write_folder(World(DataConfig(height=32, width=24)), root, train=8, test=4)
    return root


def command(runs, out):
    stages = [word for name, option in OPTIONS.items() for word in (option, str(runs / name))]
    return ["assemble", *stages, "--out", str(out)]


@pytest.fixture(scope="module")
def assembled(runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("assembled") / "run"
    assert main(command(runs, out)) == 0
    return out


def assemble(runs, out, **others):
    return experiment.assemble(
        *(others.get(name, runs / name) for name in ("segmentation", "geometric_matching", "alias")), out
    )


def test_the_assembled_pipeline_holds_the_three_trained_networks(runs, assembled):
    pipeline = experiment.load_pipeline(assembled)
    assert isinstance(pipeline, ALIASPipeline) and not pipeline.generator_network.training
    parts = {
        "segmentation/final/segmentation": pipeline.segmentation,
        "geometric_matching/final/matcher": pipeline.matcher,
        "alias/final/generator": pipeline.generator_network,
    }
    for folder, network in parts.items():
        trained = type(network).from_pretrained(runs / folder).state_dict()
        assert trained.keys() == network.state_dict().keys()
        assert all(torch.equal(tensor.cpu(), trained[key]) for key, tensor in network.state_dict().items())
    assert json.loads((assembled / "config.json").read_text()) == json.loads((runs / "alias/config.json").read_text())
    assert {p.name for p in assembled.iterdir()} == {"config.json", "final"}


def test_assembling_again_replaces_it(runs, assembled, tmp_path):
    shutil.copytree(assembled, tmp_path / "run")
    (tmp_path / "run" / "final" / "left over").write_text("x")
    assert main(command(runs, tmp_path / "run")) == 0
    assert not (tmp_path / "run" / "final" / "left over").exists()


def test_evaluation_scores_images_and_flow(assembled):
    assert main(["evaluate", str(assembled), "--count", "3"]) == 0
    report = Report.from_json((assembled / "report.json").read_text())
    assert {table.split for table in report.tables} >= {"cross, laid anyhow", "unpaired, laid straight"}
    for table in (t for t in report.tables if not t.split.endswith(" by fabric")):
        names = [metric.name for metric in table.metrics]
        rows = {
            row.method: {name for name, cell in zip(names, row.cells, strict=True) if cell is not None}
            for row in table.rows
        }
        assert {"ALIAS", "geometric matching", "oracle", "copy", "agnostic"} <= rows.keys()
        assert "masked SSIM" in rows["ALIAS"] and "EPE" not in rows["ALIAS"]
        assert "EPE" in rows["geometric matching"] and "masked SSIM" not in rows["geometric matching"]
        assert "true person blurred four times" in rows and "latents moved by truth" not in rows, "it has no latents"
    assert (assembled / "report.md").read_text().startswith("# alias, tiny, 3 examples a split")
    with Image.open(assembled / "grid.png") as picture:
        assert picture.size == (4 * 24 + 3 * 2, 6 * 32 + 5 * 2), "six rows, four columns, two pixels apart"


def test_try_on_from_files(assembled, folder, tmp_path, capsys):
    person = min((folder / "test" / "image").iterdir())
    garment = max((folder / "test" / "cloth").iterdir())
    picture, correspondence = tmp_path / "result.png", tmp_path / "correspondence.png"
    sample = ["sample", str(assembled), "--person", str(person), "--garment", str(garment), "--out", str(picture)]
    assert main([*sample, "--correspondence", str(correspondence)]) == 0
    assert "(geometric matching)" in capsys.readouterr().out
    with Image.open(picture) as image:
        assert image.size == (24, 32) and image.mode == "RGB"
    with Image.open(correspondence) as image:
        assert min(image.size) > 100
    first = picture.read_bytes()
    assert main(sample) == 0
    assert picture.read_bytes() == first, "seeded"


def test_the_segmentation_beside_the_person_is_read(assembled, folder, tmp_path):
    person, garment = min((folder / "test" / "image").iterdir()), min((folder / "test" / "cloth").iterdir())
    labels = folder / "test" / "image-parse-v3" / f"{person.stem}.png"
    pictures = []
    for name, parse in (
        ("beside", []),
        ("named", ["--parse", str(labels)]),
        ("other", ["--parse", str(tmp_path / "l.png")]),
    ):
        with Image.open(labels) as image:
            image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(tmp_path / "l.png")
        out = tmp_path / f"{name}.png"
        files = ["--person", str(person), "--garment", str(garment), "--out", str(out)]
        assert main(["sample", str(assembled), *files, *parse]) == 0
        pictures.append(out.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


@pytest.mark.parametrize("name", TASKS)
def test_a_folder_trains_each_stage(name, folder, tmp_path):
    experiment.train(stage_config(name, steps=2, root=str(folder)), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    phases = {line["phase"] for line in lines if line.get("step") == 2 and "phase" in line}
    assert len(phases) == (1 if name == "geometric_matching" else 2)
    assert (tmp_path / "run" / "final" / "trained.json").exists()


@pytest.mark.parametrize("name", TASKS)
def test_a_picture_is_drawn_while_training(name, tmp_path):
    config = override(stage_config(name, steps=1), "train.sample_every=1")
    experiment.train(config, tmp_path / "run")
    columns = {"segmentation": 4, "geometric_matching": 3, "alias": 4}[name]
    with Image.open(tmp_path / "run" / "samples" / "step-000001.png") as picture:
        assert picture.size == (columns * 24 + (columns - 1) * 2, 8 * 32 + 7 * 2)


@pytest.mark.parametrize("norm", ["alias", "instance", "spade"])
def test_the_ablation_is_a_setting(norm):
    assert override(preset("alias"), f"task.norm={norm}").task.norm == norm


def test_an_unknown_norm_is_refused(capsys):
    assert main(["train", "alias", "--set", "task.norm=batch"]) == 2
    assert "task.norm=batch: expected one of alias, instance, spade" in capsys.readouterr().err


def test_a_stage_that_is_not_trained_is_named(runs, tmp_path, capsys):
    with pytest.raises(FileNotFoundError, match=r"nowhere: not a finished run; .* vtonlib train geometric_matching"):
        assemble(runs, tmp_path / "out", geometric_matching=tmp_path / "nowhere")
    shutil.copytree(runs / "alias", tmp_path / "unfinished")
    (tmp_path / "unfinished" / "final" / "trained.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"unfinished: not a finished run; .* vtonlib train alias"):
        assemble(runs, tmp_path / "out", alias=tmp_path / "unfinished")
    assert main(command(tmp_path, tmp_path / "out")) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_damaged_stages_are_one_line(runs, tmp_path, capsys, monkeypatch):
    """Without the folder, diffusers' own loader would ask a server six times; and it would run a pickle."""
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was loaded"))
    shutil.copytree(runs, tmp_path / "runs")
    network = tmp_path / "runs" / "segmentation" / "final" / "segmentation"
    weights = network / "diffusion_pytorch_model.safetensors"
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    assert main(command(tmp_path / "runs", tmp_path / "out")) == 2
    assert f"{weights} is missing; `train` with" in (said := capsys.readouterr().err) and len(said.splitlines()) == 1
    (tmp_path / "runs" / "segmentation" / "final" / "trained.json").write_text("{}")  # nothing is known of the files
    assert main(command(tmp_path / "runs", tmp_path / "out")) == 2
    assert f"{network}: no .safetensors file" in (said := capsys.readouterr().err) and len(said.splitlines()) == 1
    shutil.rmtree(network)
    assert main(command(tmp_path / "runs", tmp_path / "out")) == 2
    assert f"{network / 'config.json'}: no such file" in (said := capsys.readouterr().err)
    assert len(said.splitlines()) == 1 and not (tmp_path / "out").exists()


def test_one_wrong_bit_in_final_weights_is_refused(runs, tmp_path, capsys):
    """The numbers would still load; only the checksum knows."""
    shutil.copytree(runs, tmp_path / "runs")
    weights = tmp_path / "runs" / "alias" / "final" / "generator" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert main(command(tmp_path / "runs", tmp_path / "out")) == 2
    assert f"{weights} is damaged: its checksum differs; `train` with" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_index_of_a_pipeline_names_no_classes_of_its_parts(assembled, tmp_path):
    shutil.copytree(assembled, tmp_path / "run")
    index = tmp_path / "run" / "final" / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"matcher": ["os", "system"]}))
    assert type(experiment.load_pipeline(tmp_path / "run").matcher).__name__ == "GeometricMatcher"


def test_a_run_of_another_preset_is_refused(runs, tmp_path):
    with pytest.raises(ValueError, match="alias: a run of preset 'alias', expected 'segmentation'"):
        assemble(runs, tmp_path / "out", segmentation=runs / "alias")
    assert not (tmp_path / "out").exists()


def test_a_trained_run_is_not_overwritten(runs, capsys):
    before = (runs / "alias" / "final" / "trained.json").read_bytes()
    assert main(command(runs, runs / "alias")) == 2
    assert "alias: what was trained here would be lost; choose another folder" in capsys.readouterr().err
    assert (runs / "alias" / "final" / "trained.json").read_bytes() == before


def test_stages_of_different_sizes_are_refused(runs, tmp_path):
    experiment.train(stage_config("segmentation", steps=1, height=24, width=32), tmp_path / "other")
    with pytest.raises(ValueError, match=r"differ in size: {'segmentation': '24x32', 'geometric_matching': '32x24'"):
        assemble(runs, tmp_path / "out", segmentation=tmp_path / "other")


def test_a_stage_is_no_pipeline(runs):
    with pytest.raises(FileNotFoundError, match=r"segmentation: this run has no try-on pipeline"):
        experiment.load_pipeline(runs / "segmentation")


def test_a_pipeline_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(ValueError, match="'StableDiffusionPipeline', expected TryOnDiffusionPipeline or Leffa"):
        experiment.load_pipeline(tmp_path)


@pytest.mark.parametrize("text", ["", "[1]", '{"unet": 1}'])
def test_a_pipeline_index_that_says_nothing_is_refused(tmp_path, text):
    (tmp_path / "model_index.json").write_text(text)
    with pytest.raises(ValueError, match=r"model_index\.json"):
        experiment.load_pipeline(tmp_path)


def test_a_saved_pipeline_is_loaded_from_its_own_folder(tmp_path):
    new_pipeline().save_pretrained(tmp_path)
    assert isinstance(experiment.load_pipeline(tmp_path), ALIASPipeline)


def test_the_flow_of_a_warping_network_is_the_correspondence(assembled):
    batch = World(DataConfig(height=32, width=24)).unpaired("test", torch.arange(2))
    worn = experiment.try_on(experiment.load_pipeline(assembled), batch)
    name, flow = worn.correspondence()
    assert name == "geometric matching" and flow.shape == (2, 32, 24, 2) and not worn.attention
    assert torch.equal(flow, worn.flows[name])


def test_the_correspondence_is_the_surest_attention_of_the_finest():
    """Not a coarse one, however sure: from that little is painted, and in shipped models it looks at single keys."""

    def look(sharpness, *grid):
        tokens = torch.eye(grid[0] * grid[1])[None, None]
        return AttentionRecord(tokens, tokens, sharpness, Grid(*grid), (Grid(*grid),))

    attention = {"coarse and sure": look(100.0, 2, 2), "wide": look(1.0, 4, 3), "fine": look(5.0, 4, 3)}
    name, flow = experiment.TryOn(torch.zeros(1, 3, 8, 6), attention, {}).correspondence()
    assert name == "fine" and torch.equal(flow, expected_coordinates(attention["fine"]))


def test_options_of_diffusion_models_are_refused_by_name(assembled):
    pipeline, batch = (
        experiment.load_pipeline(assembled),
        World(DataConfig(height=32, width=24)).paired("test", torch.arange(1)),
    )
    with pytest.raises(ValueError, match="guidance_scale, steps: options of diffusion models; this pipeline is ALIAS"):
        experiment.try_on(pipeline, batch, steps=3, guidance_scale=2.0)
    with pytest.raises(ValueError, match=r"guidance: no option of sampling; there are: .*guidance_scale"):
        experiment.try_on(pipeline, batch, guidance=2.0)
    with pytest.raises(ValueError, match="repaint is 'released': expected one of True, False"):
        experiment.try_on(pipeline, batch, repaint="released")
    for seed in (1.5, -1, "0"):
        with pytest.raises(ValueError, match=rf"seed={seed!r}: expected (int )?0 to 4294967295"):
            experiment.try_on(pipeline, batch, seed=seed)
    free = experiment.try_on(pipeline, batch, repaint=False).image
    keep = (batch.agnostic_mask == 0).expand_as(free)
    assert not torch.equal(free[keep], batch.agnostic[keep])
    assert torch.equal(experiment.try_on(pipeline, batch).image[keep], batch.agnostic[keep])
