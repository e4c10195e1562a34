"""Where rounding decides what comes out, float64 cannot say whether it is right: the tests that compute it another way.

Every other case is compared with itself in float64 by tests/properties/test_properties.py.
"""

from __future__ import annotations

HERE = "properties/test_second_ways.py::"
SECOND = {
    "images.to_uint8": "test_images.py::test_bytes_and_their_ends",
    "attention.descent.wrong_maps": "attention/test_attention_descent.py::test_four_ways_to_be_wrong",
    "attention.query_selection.QuerySelection.choose": (
        "attention/test_groups.py::test_the_worked_example_of_four_patches"
    ),
    "attention.query_selection.QuerySelection.pair": (
        "attention/test_neighbours.py::test_local_equals_a_loop_over_patches"
    ),
    "attention.rows.masked_rows": HERE + "test_masked_rows_are_those_of_boolean_indexing",
    "attention.zoo.attention_zoo": "attention/test_attention_zoo.py::test_what_each_map_looks_at",
    "losses.attention.known_rows": HERE + "test_known_rows_are_those_of_boolean_indexing",
    "losses.attention.bilinear_weights": (
        "losses/test_attention_loss.py::test_bilinear_weights_are_those_of_reading_a_picture"
    ),
    "losses.flow.flow_pull": (
        "book/test_chapter14_equations.py::test_a_pull_is_an_error_of_colour_times_a_slope_between_four_pixels"
    ),
    "evaluation.altered.place_disc": HERE + "test_a_disc_by_distances_of_pixels",
    "evaluation.altered.altered_garment": "evaluation/test_altered.py::test_only_cloth_within_a_token_is_altered",
    "evaluation.baselines.nearest_colour_flow": (
        "evaluation/test_baselines.py::test_nearest_colour_finds_the_pixel_of_equal_colour"
    ),
    "evaluation.baselines.baseline_flows": "evaluation/test_baselines.py::test_flows",
    "evaluation.correspondence.pck": "book/test_chapter01_equations.py::test_pck_is_the_share_within_the_radius",
    "evaluation.correspondence.mirror_swap_rate": (
        "book/test_chapter01_equations.py::test_mirror_swaps_compare_two_distances"
    ),
    "evaluation.correspondence.coverage": (
        "book/test_chapter01_equations.py::test_coverage_is_a_share_of_the_cells_that_the_truth_uses"
    ),
    "evaluation.correspondence.attention_mass": (
        "evaluation/test_correspondence.py::test_attention_mass_equals_the_loop_over_queries_and_keys"
    ),
    "evaluation.evaluate.correspondence_scores": (
        "evaluation/test_evaluate.py::test_flows_of_any_lattice_are_compared_at_the_resolution_of_the_images"
    ),
    "evaluation.painted.shift_probability": HERE + "test_shifts_are_counted_one_by_one",
    "evaluation.parts.body_regions": "evaluation/test_parts.py::test_regions_are_disjoint_and_on_their_sides",
    "evaluation.parts.garment_regions": "evaluation/test_parts.py::test_shares_of_keys_and_matrices_sum_to_one",
    "evaluation.parts.person_regions": "evaluation/test_parts.py::test_shares_of_keys_and_matrices_sum_to_one",
    "evaluation.selection.lowest_first": "evaluation/test_selection.py::test_the_first_of_equals_comes_first",
    "evaluation.selection.average_precision": "evaluation/test_selection.py::test_average_precision_by_hand",
    "models.released_masks.released_keep_mask": (
        "models/test_released_masks.py::test_the_keep_mask_is_bilinear_without_antialias"
    ),
    "models.style.StyleDistribution.draw": (
        "models/test_style.py::test_draws_have_the_mean_and_the_deviation_that_were_announced"
    ),
    "data.frame.above": HERE + "test_above_is_a_comparison",
    "data.moving.mirror_surface": "data/test_moving.py::test_surface_coordinates_run_as_the_world_lets_them_run",
    "data.moving.read_nearest": HERE + "test_the_nearest_pixel_is_grid_samples",
    "data.random.choose": "data/test_random.py::test_choices_follow_their_weights",
    "data.skeleton.draw_skeleton": (
        "data/test_skeleton.py::test_a_bone_is_a_stroke_between_its_ends_and_black_is_all_else"
    ),
    "data.slips.jpeg": "data/test_slips.py::test_what_they_do",
    "pipelines.pictures.looks_inverted": "pipelines/test_pictures.py::test_inverted_masks_are_told_from_right_ones",
    "pipelines.released.released_repaint": "pipelines/test_official_leffa.py::test_repainting",
    "viz.frame.encode_logits": "viz/test_explorer.py::test_logits_are_kept_as_well_as_promised",
}
