"""The sections of a configuration that every system has: data, augmentation, networks, training."""

import dataclasses
from collections.abc import Mapping

from tfpagan.settings.registries import ARCHITECTURES, AUGMENTATIONS
from tfpagan.settings.setting import setting


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The data set, and how its images are brought to one size [H, W, C] (`data/`)."""

    dataset: str = setting(
        "shapes", "TFDS name (celeb_a, cifar10, mnist, ...), folder:/path, npz:/file, color_mnist, or the embedded 'shapes'"
    )
    data_dir: str = setting("", "folder of TFDS data sets; default: $TFDS_DATA_DIR, else ~/tensorflow_datasets", resumable=True)
    cache_dir: str = setting(
        "", "folder for decoded images; default: $XDG_CACHE_HOME/tfpagan, else ~/.cache/tfpagan", resumable=True
    )
    image_size: int = setting(
        0,
        "height and width in px, a multiple of 8; 0: the data set's own (celeb_a 64, mnist 32)",
        at_least=0,
        multiple_of=8,
    )
    crop: str = setting(
        "auto",
        "none, center (the largest square), center:PX, pad (zeros up to image_size), or auto: chosen by data set",
    )
    skip_corrupt_images: bool = setting(False, "skip and count images that cannot be used")
    background: str = setting(
        "none", "colour behind transparent pixels; none: images that have them are refused", choices=("none", "white", "black")
    )


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """The stochastic augmentation a(x) of the real pairs (PAGAN section 3 and appendix B; `forward/augment.py`)."""

    augmentation: str = setting("pad_crop", "a(x) of the real pairs; none: PAGAN-NOAUG", choices=AUGMENTATIONS)
    pad_fraction: float = setting(
        0.1, "pad_crop: reflected border on each side, as a fraction of the image size", at_least=0.0, at_most=0.5
    )
    blur_sigma_min: float = setting(0.5, "blur: smallest standard deviation in px", at_least=0.05)
    blur_sigma_max: float = setting(2.0, "blur: largest standard deviation in px", at_least=0.05)
    contrast_min: float = setting(0.5, "contrast: smallest factor", at_least=0.0)
    contrast_max: float = setting(1.5, "contrast: largest factor", at_least=0.0)


DISC_AUGMENTATIONS = (
    "none",
    "color",
    "translation",
    "cutout",
    "color,translation",
    "color,cutout",
    "translation,cutout",
    "color,translation,cutout",
)


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Types and sizes of the networks (PAGAN section 5; `networks/`)."""

    channels: int = setting(
        512,
        "channels of the widest convolution, a multiple of 8 (512 in the code that PAGAN's paper names)",
        at_least=8,
        at_most=8192,
        multiple_of=8,
    )
    disc_channel_multiplier: int = setting(
        1, "discriminators have this many times --channels; the papers: 1", at_least=1, at_most=64
    )
    latent_dim: int = setting(128, "dimensions of the code z", at_least=1, at_most=65536)
    architecture: str = setting(
        "dcgan",
        "network architecture; dcgan: PAGAN's; resnet: residual generator and encoder; resnet_constant: the same with as many "
        "maps at every resolution; dcgan_32px, dcgan_64px: "
        "alpha-GAN's for images of 32 px (256 channels) and 64 px (512); color_mnist: for ColorMNIST (64)",
        choices=ARCHITECTURES,
    )
    initializer: str = setting("normal", "initial kernels: Normal(0, 0.02), or Xavier's", choices=("normal", "xavier"))
    encoder_norm: str = setting(
        "batch",
        "normalisation in the encoder; with spectral it can collapse to the prior",
        choices=("batch", "spectral", "none"),
    )
    posterior: str = setting(
        "gaussian",
        "q(z | x): gaussian: with diagonal covariance; flow: gaussian, then a normalising flow; point: deterministic; "
        "sphere: deterministic, on the unit sphere, with a uniform prior on it",
        choices=("gaussian", "flow", "point", "sphere"),
    )
    flow_length: int = setting(80, "--posterior=flow: number of coupling layers", at_least=1, at_most=1000)
    max_variance: float = setting(
        0.0,
        "smooth upper bound of the encoder's variances v, which become 1 / (1 / v + 1 / bound); 0: none, as in the papers",
        at_least=0.0,
    )
    disc_norm: str = setting("spectral", "normalisation in the discriminators", choices=("spectral", "batch", "none"))
    disc_dropout: float = setting(
        0.0, "dropout rate of image features after the discriminators' last convolution", at_least=0.0, below=1.0
    )
    disc_augmentation: str = setting(
        "none", "differentiable augmentation of the images that discriminators see, real and fake", choices=DISC_AUGMENTATIONS
    )
    code_layers: str = setting("512,256", "widths of the hidden layers of the code discriminator", whole_numbers=True)
    code_disc_norm: str = setting(
        "auto",
        "normalisation in the code discriminator; auto: as --disc_norm, but with batch there is none",
        choices=("auto", "spectral", "batch", "none"),
    )
    pair: str = setting("width", "how the pair discriminator joins two images", choices=("width", "channels", "siamese"))
    joint: str = setting(
        "features",
        "how the discriminator of images with codes joins the two; features: features of both before its last layers, as ALI "
        "and BiGAN do; channels: the code becomes a further channel of the image, by a linear layer",
        choices=("features", "channels"),
    )
    likelihood: str = setting(
        "none",
        "p(x | z) of a stochastic decoder, centred at the generator's output; none: the decoder is deterministic",
        choices=("none", "gaussian", "laplace", "bernoulli"),
    )
    likelihood_scale: float = setting(
        0.0,
        "standard deviation (laplace: scale) of p(x | z), for pixels in [-1, 1]; 0: learned with the generator",
        at_least=0.0,
    )
    joint_batch_norm: bool = setting(
        False, "compute the generator's batch statistics over samples and reconstructions together instead of separately"
    )
    sync_batch_norm: bool = setting(False, "compute batch statistics over all replicas instead of per replica")


QUICK_PROTOCOLS = ("quick1k", "quick5k", "pagan", "is50k", "fid50k", "rid10k", "full")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Optimisation and the training loop (PAGAN section 5, Algorithm 1; `training/`)."""

    train_steps: int = setting(100_000, "training steps; each updates every player at least once", at_least=1, resumable=True)
    batch_size: int = setting(64, "images per step, over all replicas", at_least=2, at_most=65536)
    dequantise: bool = setting(
        False, "add uniform noise of one grey level to training images, as for likelihoods of natural images in AS-VAE"
    )
    learning_rate: float = setting(2e-4, "Adam's learning rate", above=0.0)
    generator_learning_rate: float = setting(0.0, "Adam's learning rate for the generator; 0: the same", at_least=0.0)
    encoder_learning_rate: float = setting(0.0, "Adam's learning rate for the encoder; 0: the same", at_least=0.0)
    disc_learning_rate: float = setting(0.0, "Adam's learning rate for the discriminators; 0: the same", at_least=0.0)
    decay_fraction: float = setting(
        0.0,
        "the last part of the run, in which all learning rates fall linearly to 0; 0: they are constant",
        at_least=0.0,
        at_most=1.0,
    )
    clip_norm: float = setting(
        0.0,
        "largest norm of each player's gradient, longer ones are scaled down to it (Pascanu et al., 2013); 0: none",
        at_least=0.0,
    )
    adam_beta1: float = setting(0.5, "Adam's decay rate of the first moment", at_least=0.0, below=1.0)
    adam_beta2: float = setting(0.999, "Adam's decay rate of the second moment", at_least=0.0, below=1.0)
    ema_decay: float = setting(
        0.0,
        "decay of the moving average of generator and encoder, used for images, scores and export; 0: no average",
        at_least=0.0,
        below=1.0,
    )
    gradients: str = setting(
        "auto",
        "how gradients are computed; auto: fused where exact, else simultaneous",
        choices=("auto", "fused", "simultaneous", "reference"),
    )
    mixed_precision: str = setting("none", "dtype of activations", choices=("none", "bfloat16", "float16"))
    xla: str = setting(
        "auto",
        "whether XLA compiles each replica's update; auto: on GPUs alone",
        choices=("auto", "true", "false"),
        resumable=True,
    )
    data_on_device: str = setting(
        "auto",
        "whether the training images stay on the devices, where batches are then formed; auto: where XLA compiles for GPUs, "
        "up to 2 GiB",
        choices=("auto", "true", "false"),
        resumable=True,
    )
    seed: int = setting(0, "seed of weights, noise and the order of the data", at_least=0, at_most=2**31 - 1)
    deterministic: bool = setting(False, "give the same numbers in every run on the same machine; slower")
    devices: str = setting("", "comma-separated, such as GPU:0,GPU:1 or CPU:0; default: all GPUs, else the CPU", resumable=True)
    wait_for_workers: int = setting(
        600,
        "with TF_CONFIG: seconds to wait for other workers, before the first step and when one was lost, after which all go on "
        "from the newest checkpoint; 0: wait for the first step without end, and end with exit code 75 when one is lost",
        at_least=0,
        resumable=True,
    )
    summary_every_steps: int = setting(
        100, "steps between lines of metrics.jsonl and TensorBoard scalars", at_least=1, resumable=True
    )
    image_every_steps: int = setting(1000, "steps between image grids", at_least=1, resumable=True)
    save_every_steps: int = setting(1000, "steps between checkpoints", at_least=1, resumable=True)
    validation_images: int = setting(
        0,
        "images held out, of the data set's validation split or else of the training images: evaluations during training use "
        "them; 0: they use test images. With --best_metric, by default as many as --eval_protocol reconstructs",
        at_least=0,
    )
    critic_from: float = setting(
        0.0,
        "share of the steps after which an independent Wasserstein critic learns beside the model, on the held-out images "
        "(alpha-GAN: 0.5); 0: none does",
        at_least=0.0,
        below=1.0,
    )
    eval_every_steps: int = setting(0, "steps between evaluations; 0: none", at_least=0, resumable=True)
    eval_protocol: str = setting("quick1k", "protocol of evaluations during training", choices=QUICK_PROTOCOLS, resumable=True)
    eval_classifier: str = setting(
        "inception",
        "inception, shapes, mnist or cifar10 (come along), or a SavedModel folder from bin/train_classifier",
        resumable=True,
    )
    best_metric: str = setting(
        "",
        "key of the metric that selects the best checkpoint, kept in best/, such as rmse; default: none is kept",
        resumable=True,
    )
    patience: int = setting(
        0,
        "stop after this many evaluations in a row without a better --best_metric (early stopping); 0: go on to the last step",
        at_least=0,
        resumable=True,
    )
    keep_checkpoints: int = setting(3, "how many checkpoints to keep", at_least=1, resumable=True)


SECTIONS: Mapping[str, type] = {
    "data": DataConfig,
    "augmentation": AugmentationConfig,
    "networks": NetworkConfig,
    "training": TrainingConfig,
}
