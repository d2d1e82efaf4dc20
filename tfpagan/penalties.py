"""Direct losses: functions of tensors that no opponent judges; one value per sample."""

from typing import TYPE_CHECKING

from tfpagan.lazy import tf

if TYPE_CHECKING:
    from tensorflow import Tensor


def l1(x: "Tensor", y: "Tensor") -> "Tensor":
    """Mean absolute difference of two batches of images [N, H, W, C], per sample [N] (PAGAN-L1, Table 3)."""
    return tf.reduce_mean(tf.abs(x - y), axis=[1, 2, 3])
