"""AS-VAE's half for generation."""

from dataclasses import dataclass

from tfpagan.objectives.as_vae import ASVAE


@dataclass(frozen=True)
class ASVAEg(ASVAE):
    """AS-VAE-g (Pu et al., 2017, section 5): only L_z, eq. (9)."""

    name = "as_vae_g"
    players = ("encoder", "generator", "disc_xz_z")
