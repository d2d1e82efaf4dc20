"""TensorFlow Serving's REST format of the `:predict` call: JSON bodies to inputs by name, and outputs to JSON.

https://www.tensorflow.org/tfx/serving/api_rest: `instances` is the row format, a list with one value or object per row;
`inputs` the column format, one value or an object of columns. Bytes are {"b64": "..."}, also in outputs whose names end in
`_bytes`.
"""

import base64
import binascii
import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from tfpagan.serving.errors import RequestError

DEFAULT_SIGNATURE = "serving_default"


def parse(body: bytes) -> tuple[str, bool, Any]:
    """The signature's name, whether the format is by row, and the value of `instances` or `inputs` with bytes decoded.

    Raises:
      RequestError: when the body is not such a JSON object.
    """
    try:
        request = json.loads(body, parse_constant=_refuse_constant, object_hook=_with_bytes)
        if not isinstance(request, dict):
            raise RequestError("the body is not a JSON object")
        name = request.get("signature_name") or DEFAULT_SIGNATURE
        if not isinstance(name, str):
            raise RequestError("signature_name is not a string")
        if ("instances" in request) == ("inputs" in request):
            raise RequestError("the body must have either instances, by row, or inputs, by column")
        by_row = "instances" in request
        value = request["instances" if by_row else "inputs"]
    except RecursionError:
        raise RequestError("the body is nested too deeply") from None
    except (ValueError, UnicodeDecodeError) as e:
        raise RequestError(f"the body is not JSON: {e}") from None
    if by_row and not (isinstance(value, list) and value):
        raise RequestError("instances is not a list of at least one row")
    return name, by_row, value


def columns(by_row: bool, value: Any, names: Sequence[str]) -> dict[str, Any]:
    """The inputs by name; the name of a single input may be omitted.

    Raises:
      RequestError: when rows name other inputs than the first one, or names are missing.
    """
    if not by_row:
        if isinstance(value, dict):
            return value
        return {_only(names): value}
    if not isinstance(value[0], dict):
        return {_only(names): value}
    if not all(isinstance(row, dict) and row.keys() == value[0].keys() for row in value):
        raise RequestError("every row of instances must name the same inputs")
    return {name: [row[name] for row in value] for name in value[0]}


def answer(by_row: bool, outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """`predictions` by row or `outputs` by column; a single output without its name."""
    lists = {name: _to_json(name, array) for name, array in outputs.items()}
    if by_row:
        rows: Any = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
        return {"predictions": rows if len(lists) > 1 else next(iter(lists.values()))}
    return {"outputs": lists if len(lists) > 1 else next(iter(lists.values()))}


def to_json(message: Message) -> dict[str, Any]:
    """A message of the protocol as TensorFlow Serving prints it, with the fields that have their default values."""
    options = inspect.signature(MessageToDict).parameters
    all_fields = "always_print_fields_with_no_presence"
    all_fields = all_fields if all_fields in options else "including_default_value_fields"  # before protobuf 5
    return MessageToDict(message, preserving_proto_field_name=True, **{all_fields: True})


def _only(names: Sequence[str]) -> str:
    if len(names) != 1:
        raise RequestError(f"the inputs {', '.join(sorted(names))} must be given by name")
    return names[0]


def _with_bytes(value: dict[str, Any]) -> Any:
    """The bytes of {"b64": "..."}, and every other object as it is."""
    if value.keys() != {"b64"}:
        return value
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, TypeError, ValueError) as e:
        raise RequestError(f"b64 holds no base64: {e}") from None


def _to_json(name: str, array: np.ndarray) -> Any:
    if array.dtype != object:
        if not np.isfinite(array).all():
            raise RequestError(f"the resulting {name} are not all finite numbers")
        return array.tolist()
    if name.endswith("_bytes"):
        return [{"b64": base64.b64encode(item).decode()} for item in array.ravel()]
    return [item.decode() for item in array.ravel()]


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a JSON number")
