"""One way from released weights to a module of this library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from vtonlib.official import (
    cut,
    latent_autoencoder,
    leffa,
    spade,
    stable_viton,
    viton_hd_alias,
    viton_hd_gmm,
    viton_hd_seg,
)
from vtonlib.official.release import Release, check_weights, listed

RELEASES: dict[str, Release] = {
    "cut": cut.RELEASE,
    "cut_projector": cut.PROJECTOR,
    "leffa_pose": leffa.POSE,
    "leffa_pose_autoencoder": leffa.POSE_AUTOENCODER,
    "leffa_try_on": leffa.TRY_ON,
    "leffa_try_on_autoencoder": leffa.TRY_ON_AUTOENCODER,
    "spade": spade.RELEASE,
    "spade_discriminator": spade.DISCRIMINATOR,
    "spade_encoder": spade.ENCODER,
    "stable_viton": stable_viton.RELEASE,
    "stable_viton_autoencoder": latent_autoencoder.RELEASE,
    "stable_viton_image_encoder": stable_viton.IMAGE_ENCODER,
    "viton_hd_alias": viton_hd_alias.RELEASE,
    "viton_hd_gmm": viton_hd_gmm.RELEASE,
    "viton_hd_seg": viton_hd_seg.RELEASE,
}
"""The releases that :func:`load` knows, by name."""


def load(name: str, state_dict: Mapping[str, Tensor], **options: Any) -> nn.Module:
    """The module that released weights belong to, with copies of them, in evaluation mode.

    Read the file with a loader of your choice; the terms of use of released weights are their authors'.

    Args:
        name: which release, one of ``RELEASES``.
        state_dict: its tensors under their official keys. All sizes are inferred from them.
        options: what tensors do not tell; see ``build`` of the release's module.

    Raises:
        ValueError: for an unknown name (the error lists the known), and where a key is missing, unexpected or of
            another shape than the network needs (the error lists them all; a missing key under our name).

    Book: sec-alias-generator.
    """
    if name not in RELEASES:
        raise ValueError(f"no release is called {name!r}; there are {', '.join(RELEASES)}")
    strange = [key for key, value in state_dict.items() if not isinstance(value, Tensor)]
    if strange:
        raise ValueError(f"{name}: expected tensors alone; no tensors are {listed(strange)}")
    release = RELEASES[name]
    try:
        state_dict = release.prepare(state_dict)
        module = release.build(state_dict, **options)
    except KeyError as missing:
        raise ValueError(f"these are not the weights of {name}: there is no {missing} to infer sizes from") from None
    except IndexError:
        raise ValueError(f"these are not the weights of {name}: a tensor has too few dimensions") from None
    unused = release.unused(state_dict)
    official = {release.rename(key): key for key in state_dict if key not in unused}
    check_weights(name, module.state_dict(), official, state_dict)
    module.load_state_dict({ours: state_dict[key] for ours, key in official.items()})
    return module.eval()
