"""bin/serve to the official stubs of TensorFlow Serving: the same answers as REST, the same refusals, beside it to the end."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny
from helpers.serving import SHAPE, Start
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from tfpagan.errors import UserError
from tfpagan.images import normalize
from tfpagan.serving import grpc_service, rest
from tfpagan.serving.hosted import Hosted
from tfpagan.serving.servable import Servable

X = normalize(tiny.images(3, SHAPE)).numpy()
Code = grpc.StatusCode


@contextmanager
def stubs(hosted: Hosted) -> Iterator[tuple[Any, Any]]:
    server, port = grpc_service.listening(hosted, "127.0.0.1", 0, threads=4, max_bytes=2**20)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        services = prediction_service_pb2_grpc.PredictionServiceStub(channel), model_service_pb2_grpc.ModelServiceStub(channel)
        yield services
    server.stop(0).wait()


@pytest.fixture(scope="module")
def served(servable: Servable) -> Iterator[tuple[Any, Any]]:
    hosted = Hosted("tiny", 1, ["stable"])
    hosted.available(servable)
    with stubs(hosted) as both:
        yield both
    hosted.close()


def asking(signature: str, model: str = "tiny", **inputs: Any) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(value if hasattr(value, "tensor_shape") else tf.make_tensor_proto(value))
    return request


@pytest.mark.parametrize("signature", ["encode", "", "decode", "sample", "reconstruct_bytes"])
def test_predict_gives_what_the_export_gives(served: tuple[Any, Any], servable: Servable, signature: str) -> None:
    files = [tf.io.encode_png(image).numpy() for image in tiny.images(2, SHAPE)]
    inputs: dict[str, Any] = {
        "encode": {"images": X},
        "": {"images": X},
        "decode": {"latents": np.ones([2, tiny.Z], np.float32)},
        "sample": {"seed": np.int32(3), "num": np.int32(2)},
        "reconstruct_bytes": {"images_bytes": np.array(files, object)},
    }[signature]
    response = served[0].Predict(asking(signature, **inputs))
    name = signature or "serving_default"
    wanted = servable.run(name, {key: np.asarray(value) for key, value in inputs.items()})
    assert set(response.outputs) == set(wanted)
    for key, value in wanted.items():
        given = tf.make_ndarray(response.outputs[key])
        np.testing.assert_array_equal(given, value) if value.dtype == object else np.testing.assert_allclose(
            given, value, atol=1e-5
        )
    assert (response.model_spec.name, response.model_spec.version.value, response.model_spec.signature_name) == (
        "tiny",
        1,
        name,
    )


def test_versions_labels_and_output_filters(served: tuple[Any, Any]) -> None:
    request = asking("encode", images=X)
    request.model_spec.version_label = "stable"
    request.output_filter.append("mean")
    assert set(served[0].Predict(request).outputs) == {"mean"}
    request.model_spec.version.value = 1
    assert set(served[0].Predict(request).outputs) == {"mean"}


def test_status_and_metadata(served: tuple[Any, Any], servable: Servable) -> None:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "tiny"
    (row,) = served[1].GetModelStatus(request).model_version_status
    assert (row.version, row.state) == (1, get_model_status_pb2.ModelVersionStatus.AVAILABLE)
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    asked.model_spec.name = "tiny"
    answer = served[0].GetModelMetadata(asked)
    definitions = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(definitions)
    assert rest.to_json(definitions) == rest.to_json(servable.definitions)
    assert definitions.signature_def["encode"].inputs["images"].tensor_shape.dim[1].size == 8


def test_the_warm_up_requests_of_the_export_are_answered(served: tuple[Any, Any], exported: Path) -> None:
    records = tf.data.TFRecordDataset(str(exported / "assets.extra/tf_serving_warmup_requests"))
    requests = [prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request for record in records]
    assert len(requests) > 8
    for request in requests:
        assert served[0].Predict(request).outputs


def huge() -> Any:
    proto = tf.make_tensor_proto(np.zeros([1, 8, 8, 3], np.float32))
    proto.tensor_shape.dim[0].size = 10**9  # of one value, repeated
    proto.tensor_content = b""
    proto.float_val.append(0.0)
    return proto


def negative() -> Any:
    proto = tf.make_tensor_proto(X)
    proto.tensor_shape.dim[0].size = -1
    return proto


def short() -> Any:
    proto = tf.make_tensor_proto(X)
    proto.tensor_content = proto.tensor_content[:100]
    return proto


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (asking("encode", "other", images=X), Code.NOT_FOUND, "servable not found: other; this server has tiny, version 1"),
        (asking("encoder", images=X), Code.INVALID_ARGUMENT, "signature_name 'encoder' is unknown; known: decode"),
        (asking("encode"), Code.INVALID_ARGUMENT, "signature encode takes the inputs images; given: none"),
        (asking("encode", image=X), Code.INVALID_ARGUMENT, "signature encode takes the inputs images; given: image"),
        (
            asking("encode", images=X[:, :4]),
            Code.INVALID_ARGUMENT,
            "images must be float32 of shape [None, 8, 8, 3]; given: [3, 4",
        ),
        (asking("encode", images=X.astype(np.float64)), Code.INVALID_ARGUMENT, "given: float64 [3, 8, 8, 3]"),
        (asking("encode", images=X * np.float32(np.nan)), Code.INVALID_ARGUMENT, "given: numbers that are not finite"),
        (asking("encode", images=X * 255), Code.INVALID_ARGUMENT, "images must be in [-1, 1]; given: values from"),
        (
            asking("encode", images=np.concatenate([X, X])),
            Code.INVALID_ARGUMENT,
            "images asks for 6 images; this server answers 1",
        ),
        (asking("encode", images=huge()), Code.INVALID_ARGUMENT, "images asks for 1000000000 images"),
        (asking("encode", images=negative()), Code.INVALID_ARGUMENT, "images must be float32 of shape [None, 8, 8"),
        (asking("encode", images=short()), Code.INVALID_ARGUMENT, "images is no tensor: "),
        (asking("sample", seed=np.int32(-1), num=np.int32(1)), Code.INVALID_ARGUMENT, "seed -1 is not legal"),
        (
            asking("reconstruct_bytes", images_bytes=[b"no file"]),
            Code.INVALID_ARGUMENT,
            "images_bytes holds a file that cannot be",
        ),
    ],
)
def test_what_is_refused_has_a_status_and_a_reason(
    served: tuple[Any, Any], request_: predict_pb2.PredictRequest, code: Code, message: str
) -> None:
    with pytest.raises(grpc.RpcError) as e:
        served[0].Predict(request_)
    assert e.value.code() == code
    assert message in e.value.details()


def test_unknown_labels_filters_fields_and_methods(served: tuple[Any, Any]) -> None:
    label, outputs = asking("encode", images=X), asking("encode", images=X)
    label.model_spec.version_label = "canary"
    outputs.output_filter.append("median")
    field = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["weights"])
    field.model_spec.name = "tiny"
    for call, request, code, message in (
        (
            served[0].Predict,
            label,
            Code.INVALID_ARGUMENT,
            "unrecognized servable version label: canary; this server has stable",
        ),
        (served[0].Predict, outputs, Code.INVALID_ARGUMENT, "output_filter names median; signature encode gives latents"),
        (served[0].GetModelMetadata, field, Code.INVALID_ARGUMENT, "metadata_field must be signature_def; given: weights"),
        (served[0].Classify, classification_pb2.ClassificationRequest(), Code.UNIMPLEMENTED, ""),
    ):
        with pytest.raises(grpc.RpcError) as e:
            call(request)
        assert (e.value.code(), message in e.value.details()) == (code, True)


def test_while_it_loads_and_while_it_ends(servable: Servable) -> None:
    hosted = Hosted("tiny", 1)
    with stubs(hosted) as (prediction, status):
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "tiny"
        (row,) = status.GetModelStatus(request).model_version_status
        assert row.state == get_model_status_pb2.ModelVersionStatus.LOADING
        with pytest.raises(grpc.RpcError, match="model tiny is loading"):
            prediction.Predict(asking("encode", images=X))
        hosted.available(servable)
        assert prediction.Predict(asking("encode", images=X)).outputs
        hosted.turn_away()
        with pytest.raises(grpc.RpcError, match="the server is shutting down") as e:
            prediction.Predict(asking("encode", images=X))
        assert e.value.code() == Code.UNAVAILABLE
    hosted.close()


def test_a_taken_port_is_said(servable: Servable) -> None:
    hosted = Hosted("tiny", 1)
    server, port = grpc_service.listening(hosted, "127.0.0.1", 0, threads=1, max_bytes=2**20)
    with pytest.raises(UserError, match=rf"cannot listen on 127\.0\.0\.1, port {port} \(--grpc_port\)"):
        grpc_service.listening(hosted, "127.0.0.1", port, threads=1, max_bytes=2**20)
    server.stop(0).wait()


@pytest.mark.slow
def test_the_command_answers_both_until_sigterm(start: Start) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        grpc_port = free.getsockname()[1]
    process, port = start(f"--grpc_port={grpc_port}", "--labels=stable,next")
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        given = tf.make_ndarray(prediction.Predict(asking("encode", images=X)).outputs["mean"])
        body = json.dumps({"signature_name": "encode", "inputs": X.tolist()}).encode()
        for label in ("stable", "next"):
            with urlopen(f"http://127.0.0.1:{port}/v1/models/tiny/labels/{label}:predict", body) as answer:
                np.testing.assert_allclose(json.load(answer)["outputs"]["mean"], given, rtol=1e-5)
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert process.wait() == 0
        assert time.monotonic() - begun < 10
        with pytest.raises(grpc.RpcError) as e:
            prediction.Predict(asking("encode", images=X))
        assert e.value.code() == Code.UNAVAILABLE
