"""AS-VAE's half for reconstruction."""

from dataclasses import dataclass

from tfpagan.objectives.as_vae import ASVAE


@dataclass(frozen=True)
class ASVAEr(ASVAE):
    """AS-VAE-r (Pu et al., 2017, section 5): only L_x, eq. (8)."""

    name = "as_vae_r"
    players = ("encoder", "generator", "disc_xz_x")
    reads_whole_batch = False
    legal = {**ASVAE.legal, "code_weight": (1.0,)}  # there is no f2
