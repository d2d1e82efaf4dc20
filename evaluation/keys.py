"""Under which keys the metrics write: 'inception' only where the weights of 2015 were used."""

from collections.abc import Mapping

from evaluation.classifier import Classifier

HIGHER_IS_BETTER = ("score_mean", "log_likelihood_nats", "psnr", "class_kept", "negative_wasserstein_distance")
LOWER_IS_BETTER = (
    "_distance",
    "_distance_of_reconstructions",
    "_nats",
    "_bits_per_dim",
    "dissimilarity_mean",
    "dissimilarity_median",
)
"""Ends of keys; RMSE is lower too, but not that of codes. Other metrics have no better and worse of their own: diversity and
codes are read beside a reference."""


def has_direction(key: str) -> bool:
    """Whether a best value of this metric means anything."""
    return key == "rmse" or key.endswith(HIGHER_IS_BETTER + LOWER_IS_BETTER)


def improves(key: str, value: float, best: float) -> bool:
    """Whether a value of a metric is better than the best so far."""
    return value > best if key.endswith(HIGHER_IS_BETTER) else value < best


def keys_by_metric(classifier: Classifier | None) -> Mapping[str, tuple[str, ...]]:
    """The keys that every metric writes."""
    inception = classifier is None or classifier.official
    score, network = ("inception_score", "inception") if inception else ("classifier_score", "classifier")
    rid = f"reconstruction_{network}_dissimilarity"
    return {
        "is": (f"{score}_mean", f"{score}_std"),
        "fid": (f"frechet_{network}_distance",),
        "kid": (f"kernel_{network}_distance", f"kernel_{network}_distance_error"),
        "rid": (f"{rid}_mean", f"{rid}_std", f"{rid}_median", f"{rid}_percentile_95", "class_kept"),
        "fid_rec": (f"frechet_{network}_distance_of_reconstructions",),
        "rmse": ("rmse", "rmse_error", "psnr"),
        "ms_ssim": tuple(f"ms_ssim_diversity{which}{error}" for which in ("", "_real") for error in ("", "_error")),
        "panel": (
            "latent_mean_rms",
            "latent_mean_max",
            "latent_variance_of_means",
            "latent_mean_of_variances",
            "latent_covariance_rms",
            "latent_cycle_rmse",
        ),
        "nll": ("nll_bound_nats", "nll_bound_nats_error", "nll_bound_bits_per_dim"),
        "ais": ("ais_log_likelihood_nats", "ais_log_likelihood_nats_error", "ais_sigma"),
        "critic": ("negative_wasserstein_distance", "negative_wasserstein_distance_std"),
    }
