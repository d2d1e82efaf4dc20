"""TensorFlow Serving's gRPC services on its own stubs: Predict, GetModelMetadata and GetModelStatus.

https://github.com/tensorflow/serving/tree/master/tensorflow_serving/apis: prediction_service.proto, model_service.proto.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tfpagan.errors import UserError
from tfpagan.serving.errors import RequestError
from tfpagan.serving.hosted import Hosted
from tfpagan.serving.rest import DEFAULT_SIGNATURE
from tfpagan.serving.servable import Servable

CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    404: grpc.StatusCode.NOT_FOUND,
    503: grpc.StatusCode.UNAVAILABLE,
}
"""By the HTTP status of the same error."""
METADATA = "signature_def"
ModelStatus = get_model_status_pb2.ModelVersionStatus


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; what a model without classes cannot do stays unimplemented."""

    def __init__(self, hosted: Hosted):
        self._hosted = hosted

    def Predict(self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext) -> predict_pb2.PredictResponse:  # noqa: N802
        """Outputs of a signature."""
        with _answering(self._hosted, context):
            servable = self._hosted.found(**_asked(request.model_spec))
            signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
            outputs = self._hosted.predict(signature, _inputs(servable, signature, request.inputs))
            chosen = list(request.output_filter) or list(outputs)
            if unknown := [name for name in chosen if name not in outputs]:
                given = ", ".join(sorted(outputs))
                raise RequestError(f"output_filter names {unknown[0][:80]}; signature {signature} gives {given}")
            response = predict_pb2.PredictResponse(model_spec=_spec(self._hosted, signature))
            for name in chosen:
                response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
            return response

    def GetModelMetadata(  # noqa: N802
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """The signatures."""
        with _answering(self._hosted, context):
            servable = self._hosted.found(**_asked(request.model_spec))
            if list(request.metadata_field) != [METADATA]:
                given = ", ".join(request.metadata_field)[:80] or "none"
                raise RequestError(f"metadata_field must be {METADATA}; given: {given}")
            response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=_spec(self._hosted))
            response.metadata[METADATA].Pack(servable.definitions)
            return response

    def Classify(self, request: Any, context: grpc.ServicerContext) -> None:  # noqa: N802
        """Unimplemented: a model without classes."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "this model has signatures for Predict alone")

    Regress = MultiInference = Classify


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus."""

    def __init__(self, hosted: Hosted):
        self._hosted = hosted

    def GetModelStatus(  # noqa: N802
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Readiness."""
        with _answering(self._hosted, context):
            state = self._hosted.state(**_asked(request.model_spec))
            row = ModelStatus(version=self._hosted.version, state=ModelStatus.State.Value(state))
            return get_model_status_pb2.GetModelStatusResponse(model_version_status=[row])

    def HandleReloadConfigRequest(self, request: Any, context: grpc.ServicerContext) -> None:  # noqa: N802
        """Unimplemented: one version is served."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "this server serves one version, until it is started again")


def listening(hosted: Hosted, host: str, port: int, *, threads: int, max_bytes: int) -> tuple[grpc.Server, int]:
    """A started server with both services, and its port.

    Args:
      hosted: what is served.
      host: address to listen on.
      port: to listen on; 0: any free one.
      threads: concurrent requests.
      max_bytes: of a request.

    Raises:
      UserError: when the address is unavailable.
    """
    options = (("grpc.max_receive_message_length", max_bytes), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0))
    server = grpc.server(ThreadPoolExecutor(threads), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(hosted), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(hosted), server)
    try:
        bound = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError:  # whose text is of no use
        bound = 0
    if not bound:
        raise UserError(f"cannot listen on {host}, port {port} (--grpc_port)")
    server.start()
    return server, bound


@contextmanager
def _answering(hosted: Hosted, context: grpc.ServicerContext) -> Iterator[None]:
    """Errors become statuses."""
    with hosted.request():
        try:
            hosted.require_open()
            yield
        except RequestError as e:
            context.abort(CODES.get(e.status, grpc.StatusCode.INTERNAL), str(e))
        except Exception:  # our fault, not the client's: the details belong in the log
            logging.getLogger(__name__).exception("a gRPC request failed")
            context.abort(grpc.StatusCode.INTERNAL, "the server failed; its log says why")


def _asked(spec: model_pb2.ModelSpec) -> dict[str, Any]:
    """Name, version and label of a request."""
    version = spec.version.value if spec.HasField("version") else None
    return {"name": spec.name, "version": version, "label": spec.version_label or None}


def _spec(hosted: Hosted, signature: str = "") -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=hosted.name, signature_name=signature)
    spec.version.value = hosted.version
    return spec


def _inputs(servable: Servable, signature: str, protos: Any) -> dict[str, np.ndarray]:
    """The inputs of a request, checked; sizes are checked first, as a small message can stand for a large tensor."""
    specs = servable.inputs(signature)
    for name, proto in protos.items():
        if name not in specs:
            raise RequestError(f"signature {signature} takes the inputs {', '.join(sorted(specs))}; given: {name[:80]}")
        sizes = [dim.size for dim in proto.tensor_shape.dim]
        illegal = proto.tensor_shape.unknown_rank or min(sizes, default=0) < 0
        if illegal or not specs[name].shape.is_compatible_with(sizes):
            raise RequestError(
                f"{name} must be {specs[name].dtype.name} of shape {specs[name].shape.as_list()}; given: {sizes}"
            )
        if sizes and not 1 <= sizes[0] <= servable.max_rows:
            raise RequestError(f"{name} asks for {sizes[0]} images; this server answers 1 to {servable.max_rows} at a time")
    return servable.check(signature, {name: _array(name, proto) for name, proto in protos.items()})


def _array(name: str, proto: Any) -> np.ndarray:
    try:
        return tf.make_ndarray(proto)
    except (TypeError, ValueError) as e:
        raise RequestError(f"{name} is no tensor: {' '.join(str(e).split())[:200]}") from None
