"""Every table: its runs, what a paper reports in them, and how its protocol differs from ours."""

from collections.abc import Mapping
from typing import Any

from tfpagan.experiments import pagan_plus, systems
from tfpagan.experiments.experiment import Experiment
from tfpagan.experiments.table import Row, Table


def _preset(name: str, preset: str, paper: Mapping[str, str], **settings: Any) -> Row:
    return Row(name, Experiment(preset, preset, settings), paper)


def _paper_only(name: str, **paper: str) -> Row:
    return Row(name, None, paper)


_TEN = {"dataset": "mnist", "latent_dim": 10}
OFFICIAL = (
    "CIFAR-10, TensorFlow 1.10's Inception (section 5). Steps, batch size, channels and counts are not stated; --images=0 has "
    "those of the code that section 5 names, chainer-gan-lib: 100,000 steps of batch 64, 512 channels, 50,000 samples"
)

PAGAN_1 = Table(
    "PAGAN Table 1: samples, CIFAR-10",
    (
        _paper_only("WAE-GAN", FID="87.7", IS="4.18 ± 0.04"),
        _preset("ALI", "ali_cifar10", {"IS": "5.34 ± 0.04"}),
        _preset("AGE", "age_cifar10", {"FID": "39.51", "IS": "5.9 ± 0.04"}),
        _preset("ALICE", "alice_cifar10", {"IS": "6.02 ± 0.03"}),
        _paper_only("S-VAE", IS="6.055"),
        _preset("alpha-GAN", "alpha_gan_cifar10", {"IS": "6.2"}),
        _preset("AS-VAE", "as_vae_cifar10", {"IS": "6.3"}),
        _paper_only("PD-WGAN", FID="33.0", IS="6.70 ± 0.09"),
        _preset("PAGAN", "pagan_cifar10", {"FID": "32.84", "IS": "6.56 ± 0.06"}),
    ),
    ("FID", "IS", "CPU min"),
    "numbers of the systems' own papers, networks and step counts where they had any; " + OFFICIAL,
)

PAGAN_2 = Table(
    "PAGAN Table 2: reconstructions, CIFAR-10",
    (
        Row("AUG", Experiment("aug_cifar10", "pagan_cifar10", {}, "augment:pad_crop"), {"RMSE": "8.89", "RID": "1.57 ± 0.02"}),
        _preset("VAE", "vae_cifar10", {"RMSE": "5.85", "RID": "44.33 ± 2.27"}),
        _paper_only("SVAE", RMSE="8.59", RID="38.13 ± 1.92"),
        _preset("AGE", "age_cifar10", {"RMSE": "6.675", "RID": "19.02 ± 0.84"}),
        _preset("PAGAN", "pagan_cifar10", {"RMSE": "8.12", "RID": "13.01 ± 0.82"}),  # RMSE: of the slides
    ),
    ("RMSE", "RID", "class kept", "CPU min"),
    f"PAGAN's RMSE is that of its authors' slides of December 2018; {OFFICIAL}",
)

PAGAN_3 = Table(
    "PAGAN Table 3: without the adversarial loss or the augmentation, CIFAR-10",
    (
        _preset("PAGAN", "pagan_cifar10", {"FID": "32.84", "IS": "6.56 ± 0.06", "RID": "13.01 ± 0.82"}),
        _preset("PAGAN-L1", "pagan_l1_cifar10", {"FID": "76.73", "IS": "4.46 ± 0.03", "RID": "30.94 ± 1.58"}),
        _preset("PAGAN-NOAUG", "pagan_noaug_cifar10", {"FID": "111.151", "IS": "4.23 ± 0.06", "RID": "50.15 ± 2.71"}),
    ),
    ("FID", "IS", "RID", "class kept", "CPU min"),
    OFFICIAL,
)

PAGAN_4 = Table(
    "PAGAN Table 4: augmentations, CIFAR-10",
    (
        _preset("crop + padding 0", "pagan_pad0_cifar10", {"IS": "3.35 ± 0.03", "FID": "108.81"}),
        _preset("0.05", "pagan_pad005_cifar10", {"IS": "5.62 ± 0.01", "FID": "45.60", "RID": "14.70 ± 1.08"}),
        _preset("0.1", "pagan_pad01_cifar10", {"IS": "6.43 ± 0.03 or 6.56 ± 0.09", "FID": "37.20", "RID": "12.75 ± 0.75"}),
        _preset("0.15", "pagan_pad015_cifar10", {"IS": "6.16 ± 0.03", "FID": "39.38", "RID": "12.25 ± 0.71"}),
        _preset("0.2", "pagan_pad02_cifar10", {"IS": "6.16 ± 0.19", "FID": "39.18", "RID": "13.86 ± 0.72"}),
        _preset("blur", "pagan_blur_cifar10", {"IS": "2.15 ± 0.01", "FID": "200.66", "RID": "32.92 ± 1.46"}),
        _preset("contrast", "pagan_contrast_cifar10", {"IS": "4.18 ± 0.01", "FID": "101.27", "RID": "50.02 ± 2.10"}),
    ),
    ("IS", "FID", "RID", "class kept", "CPU min"),
    OFFICIAL + "; IS of padding 0.1: 6.43 after as many epochs as the others, which was not its last",
    drawn_by="pad_fraction",  # Figure 4
    drawn=("crop + padding 0", "0.05", "0.1", "0.15", "0.2"),
)

PAGAN_5 = Table(
    "PAGAN Table 5: Wasserstein PAGAN, CIFAR-10",
    (_preset("WPAGAN", "wpagan_cifar10", {"FID": "52.29", "IS": "5.62 ± 0.09", "RID": "13.44 ± 0.44"}),),
    ("FID", "IS", "RID", "class kept", "CPU min"),
    OFFICIAL,
)

SLIDES = Table(
    "PAGAN's slides: reconstruction losses side by side, CIFAR-10",
    (
        *(
            Row(name, Experiment(f"{augmentation}_cifar10", "pagan_cifar10", {}, f"augment:{augmentation}"))
            for name, augmentation in (("blur in place of G(E(x))", "blur"), ("pad and crop", "pad_crop"))
        ),
        _preset("adversarial (PAGAN)", "pagan_cifar10", {"RMSE": "8.12", "RID": "13.01 ± 0.82"}),
        _preset("L1", "pagan_l1_cifar10", {"RID": "30.94 ± 1.58"}),
        *(
            Row(
                name,
                Experiment(f"pagan_{kind}_cifar10", "pagan_cifar10", {"augmentation": "none", "reconstruction": kind} | more),
            )
            for name, kind, more in (
                ("L2", "l2", {}),
                ("perceptual (of the scoring classifier)", "perceptual", {"perceptual_classifier": "inception"}),
            )
        ),
    ),
    ("RMSE", "RID", "class kept", "FID", "IS", "CPU min"),
    "of December 2018; they show losses of blurred and of padded images, on scales not stated, and no run with L2 or the "
    "perceptual loss. " + OFFICIAL,
)

AS_VAE = Table(
    "AS-VAE section 5.2: negative log-likelihood bound, MNIST",
    (
        _paper_only("normalizing flow", **{"NLL nats": "85.1"}),
        _paper_only("state of the art", **{"NLL nats": "79.2"}),
        _preset("AS-VAE", "as_vae_mnist", {"NLL nats": "82.51"}),
        _preset("AS-VAE-r", "as_vae_r_mnist", {"NLL nats": "81.14"}),
        _preset("AS-VAE-g", "as_vae_g_mnist", {}),
    ),
    ("NLL nats", "RMSE", "CPU min"),
    "MNIST of 28 px with the networks of its appendix and dropout. Ours is padded to 32 px with black, without dropout, and is "
    "the cross-entropy of grey pixels as probabilities, whose least value is the pixels' own entropy; the paper calls its "
    "images continuous and does not say more",
    "nll10k",
    "nll10k",
)


def _as_vae(section: str, dataset: str, scores: Mapping[str, str], *others: Row) -> Table:
    return Table(
        f"AS-VAE section {section}: reconstruction and generation, {dataset}",
        (
            _preset("AS-VAE", f"as_vae_{dataset}", scores),
            *(_preset(f"AS-VAE-{half}", f"as_vae_{half}_{dataset}", {}) for half in "rg"),
            *others,
        ),
        ("NLL bits/dim", "IS", "RMSE", "CPU min"),
        "its tables were not available" + ("; the Inception Score is that of PAGAN's Table 1" if scores else ""),
        "nll5k_is5k",
        "nll10k_is50k",
    )


def _alpha_gan(data: str, *test_images: Row) -> Table:
    systems = (("DCGAN", "dcgan"), ("WGAN-GP", "wgan_gp"), ("AGE", "age_of_alpha_gan"), ("alpha-GAN", "alpha_gan"))
    critic = {"validation_images": 5000, "critic_from": 0.5}
    runs = {name: Experiment(f"{preset}_{data}_held_out", f"{preset}_{data}", critic) for name, preset in systems}
    return Table(
        f"alpha-GAN sections 6 and H: its comparison, {data}",
        (*(Row(name, experiment) for name, experiment in runs.items()), *test_images),
        ("critic", "critic beside", "diversity", "IS", "FID", "CPU min"),
        "box plots over sweeps (Figures 2 and 5; bin/sweep draws them), and the test images' scores; the Inception Score by a "
        "network trained on CIFAR-10 is 9.18 for those. Here, one point of each sweep",
        "alpha_gan",
        "alpha_gan",
        pictures=("samples", "reconstructions", "training_reconstructions"),
    )


def _age_without(name: str, dataset: str, settings: Mapping[str, Any]) -> Row:
    run = "_".join(["age", *settings, dataset])
    return Row(name, Experiment(run, f"age_{dataset}", settings))


AGE_CIFAR10 = Table(
    "AGE section 3.1 and figures 5 and 9: samples, CIFAR-10",
    (
        _preset("AGE", "age_cifar10", {"IS": "5.90 ± 0.04"}),
        _age_without("without reconstruction terms (5c)", "cifar10", {"latent_weight": 0.0, "data_weight": 0.0}),
        _age_without("with the data loss in the generator too (9)", "cifar10", {"generator_data_weight": 10.0}),
        _preset("DCGAN (5b)", "dcgan_cifar10", {}),
        _preset("ALI", "ali_cifar10", {"IS": "5.34 ± 0.05"}),
        _paper_only("Salimans et al. (2016)", IS="4.36 ± 0.04"),
        _paper_only("Warde-Farley and Bengio (2017)", IS="7.72 ± 0.13"),
    ),
    ("IS", "FID", "RID", "RMSE", "CPU min"),
    "official Inception; numbers of images and steps are not stated, nor lambda. ALI: as Warde-Farley and Bengio report it",
)

AGE_CELEB_A = Table(
    "AGE section 3.1, figure 3: reconstructions, CelebA",
    (
        _preset("AGE", "age_celeb_a", {}),
        *(
            Row(name, Experiment(f"{objective}_64_celeb_a", "age_celeb_a", {"objective": objective}))
            for name, objective in (("ALI", "ali"), ("VAE", "vae"))
        ),
    ),
    ("RMSE", "RID", "FID", "images", "images/s", "CPU min"),
    "pictures after 10 epochs (1,627,700 images, two hours; ALI's take six, or 3 times as long), and of ALI until convergence",
)

AGE_SVHN = Table(
    "AGE section 3.1: feature learning, SVHN",
    (
        _preset("AGE", "age_svhn", {"SVM error": "23.7 %"}),
        Row("ALI", Experiment("ali_64_svhn", "age_svhn", {"objective": "ali"}), {"SVM error": "19.14 %"}),
    ),
    ("SVM error", "RMSE", "FID", "CPU min"),
    "the pipeline of ALI's paper, which reports ALI's error with networks of its own, and more features",
)

AGE_MNIST = Table(
    "AGE section 3.1: log-likelihood of 10 dimensions, MNIST",
    (
        _preset("AGE", "age_mnist", {"log p(x) nats": "746"}),
        *(
            Row(name, Experiment(f"{objective}_10_mnist", "", {"objective": objective, **_TEN}), {"log p(x) nats": nats})
            for name, objective, nats in (("ALI", "ali", "721"), ("VAE", "vae", "705.375"), ("GAN", "dcgan", "346.679"))
        ),
    ),
    ("log p(x) nats", "CPU min"),
    "28 x 28 px, by the code of Wu et al. (2017), who report VAE and GAN, of fully connected networks. Ours are padded to "
    "32 x 32 px, and each of the 240 added black pixels adds to the density",
    "ais100",
    "ais1k",
)

ZOO = Table(
    "Trained models to begin with",
    (
        # An export of it, of less than 2 MB, comes with the package.
        Row(
            "shapes",
            Experiment("shapes", "pagan_shapes_cpu", {"latent_dim": 40, "train_steps": 7000, "eval_every_steps": 7000}),
        ),
        _preset("mnist", "pagan_mnist_cpu", {}),
        _preset("cifar10", "pagan_cifar10_cpu", {}),
    ),
    ("class kept", "RMSE", "RID", "IS", "FID", "CPU min"),
    protocol="quick1k",
    full_protocol="quick1k",
)

TABLES: Mapping[str, Table] = {
    "systems_mnist": systems.table("mnist"),
    "systems_cifar10": systems.table("cifar10"),
    "pagan_1": PAGAN_1,
    "pagan_2": PAGAN_2,
    "pagan_3": PAGAN_3,
    "pagan_4": PAGAN_4,
    "pagan_5": PAGAN_5,
    "slides_losses": SLIDES,
    "pagan_plus_cifar10": pagan_plus.TABLE,
    "alpha_gan_color_mnist": _alpha_gan("color_mnist"),
    "alpha_gan_celeb_a": _alpha_gan("celeb_a", _paper_only("test images", diversity="0.621")),
    "alpha_gan_cifar10": _alpha_gan("cifar10", _paper_only("test images", IS="11.25")),
    "age_cifar10": AGE_CIFAR10,
    "age_celeb_a": AGE_CELEB_A,
    "age_mnist": AGE_MNIST,
    "age_svhn": AGE_SVHN,
    "as_vae_mnist": AS_VAE,
    "as_vae_cifar10": _as_vae(
        "5.3",
        "cifar10",
        {"IS": "6.3"},
        *(_preset(name, f"{name.lower()}_cifar10", {}) for name in ("ALI", "DCGAN", "VAE")),
        _paper_only("PixelCNN++", **{"NLL bits/dim": "2.92"}),
        _paper_only("PixelRNN", **{"NLL bits/dim": "3.00"}),
    ),
    "as_vae_imagenet": _as_vae(
        "5.4",
        "imagenet",
        {},
        Row("DCGAN", Experiment("dcgan_imagenet", "", {"objective": "dcgan", "dataset": "imagenet_resized/64x64"})),
        _paper_only("PixelCNN++"),
        _paper_only("PixelRNN", **{"NLL bits/dim": "3.63"}),
    ),
    "zoo": ZOO,
}
"""By the value of `--table`."""
