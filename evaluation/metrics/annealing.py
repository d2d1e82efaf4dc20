"""How a likelihood is estimated by annealed importance sampling."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Annealing:
    """Part of a protocol; see `ais.py`.

    Attributes:
      images: how many test images, from the first.
      chains: independent ones for every image, of whose weights the mean is taken.
      distributions: between prior and posterior.
      sigma: standard deviation of the noise, for pixels in [0, 1]; 0: the best of some, for as many training images.
      leapfrog_steps: of one Hamiltonian proposal.
      first_step: size of a leapfrog step at first; each chain adapts its own on the way.
      images_at_once: how many images' chains run together.
    """

    images: int = 100
    chains: int = 16
    distributions: int = 1000
    sigma: float = 0.0
    leapfrog_steps: int = 10
    first_step: float = 0.05
    images_at_once: int = 50
