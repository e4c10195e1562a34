"""Public functions that compute and have no case, by reason; a name of a module holds for all that is in it."""

from __future__ import annotations

REASONS = {
    "runs a loop of steps on a record; its tests repeat one step by hand": """
        attention.descent.descend
    """,
    "only looks at the shape and hands the tensor on": """
        attention.neighbours.check_maps
    """,
    "exercises and their wrong answers, of which every one is tried by tests/book/test_check.py": """
        check
    """,
    "counts bytes of what a call keeps; tests compare it with counting by hand": """
        cost
    """,
    "puts functions with cases together for one batch; its tests compare it with calling them": """
        data.augment.augment data.augment.varied evaluation.causes evaluation.dispersion.batch_tokens
        evaluation.dispersion.colour_causes evaluation.dispersion.partial_rank_correlation
        evaluation.doubt.doubt_scores evaluation.doubt.doubts evaluation.doubt.temperature_of_entropy
        evaluation.evaluate.image_scores evaluation.fabrics.fabric_tables evaluation.fabrics.garment_scores
        evaluation.fabrics.geometric_interval evaluation.parts.other_side evaluation.parts.part_matrices
        evaluation.parts.same_part evaluation.picture_zoo evaluation.probe evaluation.references models.conditions
    """,
    "draws the world from keys in one precision; the pictures are compared pixel for pixel with stored ones": """
        data.backdrop data.render data.reposing data.sampling data.scene
    """,
    "a part of the world's drawing, whose inputs are its own records of a scene": """
        data.body data.canvas data.frame.Frame.coverage data.frame.interpolate data.frame.interpolate_anywhere
        data.frame.make_frame data.frame.steepness data.garment data.head data.laying data.misfit data.palette
        data.surface data.textures data.truth
    """,
    "reads or renders examples by number; tests compare the batches with the world or the files they come from": """
        data.domains data.folders.encode data.folders.loose data.folders.read.to_images data.folders.read.to_masks
        data.folders.read.to_one_hot data.source data.world
    """,
    "moves a whole example with records of its own; its tests move it back, or by whole pixels": """
        data.moving.Move.back data.moving.Move.forth data.moving.Move.sources data.moving.mirror data.moving.move
        data.moving.moved_flow data.moving.read_known data.moving.rows_of
    """,
    "makes whole numbers of keys; its tests compare them with plain Python": """
        data.random.draw data.random.keys
    """,
    "reads what its object holds, whose parts have cases or tests of their own": """
        data.recoloured.ColourFields.at data.recoloured.LatticeBatch.identity data.recoloured.Painting.loss
        data.recoloured.Painting.mean_colour data.recoloured.Painting.of data.recoloured.Painting.target
        data.recoloured.on_lattice evaluation.pushes.Pushes.both experiment
    """,
    "goes through bytes or filters of Pillow, which its tests call beside it": """
        data.slips.reread_labels data.slips.resized
    """,
    "trains or asks a whole small system that other tests hold; its own tests break it on purpose": """
        mutation
    """,
    "takes plain numbers alone; compared with the released schedule": """
        diffusion.noise_schedule
    """,
    "draws samples or counts on plain numbers; its tests compare it with enumeration or a closed form": """
        evaluation.bootstrap evaluation.comparison.difference_interval evaluation.comparison.sign_flip
        evaluation.ranking.discordant_pairs evaluation.ranking.draws evaluation.ranking.seeds_and_people
        evaluation.sample_size.at_infinity evaluation.sample_size.frechet_by_size
    """,
    "a protocol, which others fulfil: nothing is computed here": """
        evaluation.distribution.FeatureExtractor.features losses.perceptual.FeatureMaps.maps
    """,
    "a whole network, compared with outputs of the authors' releases or of a slow twin in its own tests": """
        evaluation.likeness models.alias.ALIASGenerator.forward models.autoencoder
        models.classifier.WorldClassifier.forward models.classifier.WorldClassifier.shows
        models.feature_addition.GarmentReader.encode models.feature_addition.GarmentReader.forward
        models.feature_addition.LatticePainter.forward models.features.VGG19Features.from_state_dict
        models.features.VGG19Features.maps models.garment_encoder.ControlBranch.forward
        models.garment_encoder.GarmentEncoder.forward models.garment_encoder.GarmentUNet.forward
        models.garment_encoder.read_alone models.geometric_matching.GeometricMatcher.flow
        models.geometric_matching.GeometricMatcher.forward models.geometric_matching.GeometricMatcher.offsets
        models.geometric_matching.Regression.forward models.leffa models.matcher.Matcher.forward models.segmentation
        models.side_by_side.SideBySide.attend models.side_by_side.copying models.side_by_side.pictures_of
        models.spade.ModulatedResBlock.combine models.spade.SPADEGenerator.forward models.spade.SPADELadder.climb
        models.stable_viton.StableVITONUNet.control models.stable_viton.StableVITONUNet.encode_garment
        models.stable_viton.StableVITONUNet.forward models.stable_viton.StableVITONUNet.paint
        models.stable_viton.ZeroCrossAttentionBlock.carry models.strip models.style.StyleEncoder.forward
        models.style.StyledSPADEGenerator.forward models.translator.ResnetTranslator.features
        models.translator.ResnetTranslator.forward models.translator.ResnetTranslator.with_features models.unet
    """,
    "makes one plain number of one table; compared with the best fitted kernel": """
        evaluation.painted.unmoved_share
    """,
    "calls networks of torchmetrics, which are not part of this library": """
        evaluation.pretrained
    """,
    "differentiates a given loss; its tests take differences instead": """
        evaluation.tilts
    """,
    "an attention processor inside diffusers' blocks, tested in a whole UNet": """
        models.joined
    """,
    "multiplies out what a block costs; compared with counting operations": """
        models.joint_blocks
    """,
    "draws noise for all rows together; tests measure its spread": """
        models.normalization.alias.alias_noise
    """,
    "a short cut; tests compare it with the convolutions": """
        models.normalization.modulation.LabelModulation.table
    """,
    "a short cut for label maps; tests compare it with the convolutions": """
        models.normalization.patterns
    """,
    "keeps vectors between calls; compared with torch's spectral_norm": """
        models.normalization.spectral.SpectralNorm.forward models.normalization.spectral.SpectralNorm.right_inverse
    """,
    "compared with the released steps, golden by golden": """
        models.released_masks.released_loss_mask
    """,
    "a part that reads at places, tested inside the network that it closes": """
        models.unet_parts.Composition.forward
    """,
    "takes the state of a released model and renames it; no numbers are computed": """
        official.cut official.keys official.latent_autoencoder official.latent_diffusion official.leffa
        official.spade official.stable_diffusion official.stable_viton official.viton_hd_alias
        official.viton_hd_gmm.VITONHDMatcher.flow official.viton_hd_gmm.build official.viton_hd_seg
    """,
    "samples with a whole model; compared with the releases' sampling loops": """
        pipelines.diffusion
    """,
    "takes pictures of any kind apart; its tests give each kind and each fault": """
        pipelines.pictures.read_pictures pipelines.pictures.suspicions pipelines.pictures.to_batch
    """,
    "goes through Pillow as the releases do; compared with their stored results": """
        pipelines.released.released_pictures
    """,
    "keeps a history between calls; compared with the released sampler": """
        pipelines.schedulers
    """,
    "draws or sums for processes; two processes are compared with one": """
        shares.drawn shares.noise_like shares.sharing
    """,
    "a step of training with models and draws of its own; its losses have cases, its tests compare a step by hand": """
        tasks
    """,
    "keeps and shares states of training; tests kill it, resume it and compare bit by bit": """
        training
    """,
    "prepares what a figure shows; its tests compare it with the numbers that the page shows": """
        viz.compared viz.figures.spread_points viz.frame.Frame.logs viz.frame.decode_logits viz.frame.read_row
        viz.mask_painter viz.matrix.MatrixExplorer.value viz.mosaic viz.patches viz.resumed viz.snapshots
        viz.stages.stage_pictures viz.variation viz.zoo
    """,
}
EXCUSED = {f"vtonlib.{name}": reason for reason, names in REASONS.items() for name in names.split()}


def excuse(name: str) -> str:
    """The reason for a function, or that of what it lies in; "" where there is none."""
    parts = name.split(".")
    return next((r for end in range(len(parts), 1, -1) if (r := EXCUSED.get(".".join(parts[:end])))), "")
