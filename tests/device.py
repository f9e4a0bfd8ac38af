"""Arrays that refuse what CuPy refuses, so that paths for GPUs are tested without."""

import operator
from functools import partial
from typing import Any, Callable, Container

import numpy
import pytest
import thinc.backends.ops
import thinc.types
import thinc.util
from thinc.api import Model, Ops


class DeviceArray:
    """An array that never becomes one of numpy's unasked, nor is computed with them."""

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: numpy.ndarray) -> None:
        self.array = array

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_function__(self, function: Any, *args: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} was called with a device's array.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.array, name)
        return _on_device(value) if callable(value) else _wrap(value)

    def __getitem__(self, key: Any) -> Any:
        return _wrap(self.array[_unwrap(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.array[_unwrap(key)] = _unwrap(value)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Any:
        return map(_wrap, self.array)

    def __bool__(self) -> bool:
        return bool(self.array)

    def __int__(self) -> int:
        return int(self.array)

    def __float__(self) -> float:
        return float(self.array)

    __index__ = __int__


def _wrap(value: Any) -> Any:
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        return DeviceArray(numpy.asarray(value))  # scalars stay on the device
    if isinstance(value, (tuple, list)):
        return type(value)(map(_wrap, value))
    return value


def _unwrap(value: Any) -> Any:
    if isinstance(value, DeviceArray):
        return value.array
    if isinstance(value, numpy.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, (tuple, list)):
        return type(value)(map(_unwrap, value))
    return value


def _on_device(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        named = {key: _unwrap(value) for key, value in kwargs.items()}
        return _wrap(function(*_unwrap(args), **named))

    return call


def _add_operators() -> None:
    binary = "add sub mul truediv floordiv pow mod matmul and or xor"
    for name in binary.split():
        function = getattr(operator, name, None) or getattr(operator, f"{name}_")
        setattr(
            DeviceArray, f"__{name}__", lambda a, b, f=function: _on_device(f)(a, b)
        )
        setattr(
            DeviceArray, f"__r{name}__", lambda a, b, f=function: _on_device(f)(b, a)
        )

        def in_place(a: Any, b: Any, f: Any = function) -> Any:
            a.array[...] = f(a.array, _unwrap(b))
            return a

        setattr(DeviceArray, f"__i{name}__", in_place)
    for name in "lt le gt ge eq ne".split():
        function = getattr(operator, name)
        setattr(
            DeviceArray, f"__{name}__", lambda a, b, f=function: _on_device(f)(a, b)
        )
    for name in "neg invert abs".split():
        function = getattr(operator, name)
        setattr(DeviceArray, f"__{name}__", lambda a, f=function: _on_device(f)(a))


_add_operators()


class DeviceModule:
    """numpy's functions, for arrays of the device; in place of the module cupy."""

    ndarray = DeviceArray

    def __getattr__(self, name: str) -> Any:
        value = getattr(numpy, name)
        if isinstance(value, type) or not callable(value):
            return value
        return _Function(value)

    @staticmethod
    def asarray(data: Any, dtype: Any = None) -> DeviceArray:
        """From the host to the device, as in CuPy."""
        data = data.array if isinstance(data, DeviceArray) else data
        return DeviceArray(numpy.asarray(data, dtype=dtype))

    array = asarray


class _Function:
    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _on_device(self.function)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return _on_device(getattr(self.function, name))  # such as add.at


class DeviceOps(Ops):
    """Thinc's own operations over `DeviceArray`."""

    name = "device"
    xp = DeviceModule()

    def to_numpy(self, data: Any, *, byte_order: Any = None) -> numpy.ndarray:
        return data.array if isinstance(data, DeviceArray) else data


def to_device(model: Model, *, host: Container[str] = ()) -> None:
    """Move a model's parameters and computations to the device.

    host (Container[str]): names of layers that are computed on the host, and only give
        and take arrays of the device.
    """
    ops = DeviceOps()
    for node in model.walk():
        if node.name in host:
            node._func = partial(_forward_on_host, node._func)
            continue
        node.ops = ops
        for name in node.param_names:
            if node.has_param(name):
                node.set_param(name, ops.asarray(node.get_param(name)))


def _forward_on_host(function: Callable, model: Model, X: Any, is_train: bool) -> Any:
    Y, backprop = function(model, X, is_train)
    return _wrap(Y), lambda dY: backprop(_unwrap(dY))


@pytest.fixture
def device(monkeypatch):
    """Thinc knows whose functions the device's arrays take."""
    original = thinc.util.get_array_module

    def get_array_module(array: Any) -> Any:
        return DeviceOps.xp if isinstance(array, DeviceArray) else original(array)

    for module in (thinc.util, thinc.types, thinc.backends.ops):
        monkeypatch.setattr(module, "get_array_module", get_array_module)
