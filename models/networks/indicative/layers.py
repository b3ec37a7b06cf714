"""Convolutions of the two layouts, each with its transpose, and the residual block with its vector-Jacobian
product.

A vector-Jacobian product is written by hand because autograd.grad cannot be exported to ONNX. Batch normalisation
takes part in inference form, y = scale x + shift, whose transpose is a multiplication by the scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def sizes(x: Tensor) -> tuple[int, ...]:
    """The sizes behind the batch as plain numbers, also while the network is traced for export: only B is free."""
    return tuple(int(size) for size in x.shape[1:])


class Unit(nn.Module):
    """A convolution with batch normalisation behind it; subclasses say how to convolve.

    After `fold` the normalisation is part of the weights.
    """

    def __init__(self, out: int) -> None:
        super().__init__()
        self.norm: nn.BatchNorm1d | None = nn.BatchNorm1d(out)
        self.shift: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolve(x)
        if self.norm is None:
            assert self.shift is not None
            return y + self.shift.reshape(-1, *([1] * (y.ndim - 2)))
        return self.norm(y.flatten(2)).reshape(-1, *sizes(y))

    def transpose(self, upstream: Tensor, size: Sequence[int]) -> Tensor:
        """The gradient by the input, whose spatial size is `size`, in inference form."""
        if self.norm is not None:
            upstream = upstream * self.scale().reshape(-1, *([1] * (upstream.ndim - 2)))
        return self.convolve_transposed(upstream, size)

    def scale(self) -> Tensor:
        """The factor of the normalisation per channel."""
        assert self.norm is not None and self.norm.running_var is not None
        return self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)

    @torch.no_grad()
    def fold(self) -> None:
        """Make the normalisation part of the weights, for good."""
        assert self.norm is not None and self.norm.running_mean is not None
        scale = self.scale()
        self.shift = self.norm.bias - self.norm.running_mean * scale
        for weight in self.parameters(recurse=False):
            weight.copy_(weight * scale.reshape(-1, *([1] * (weight.ndim - 1))))
        self.norm = None

    def convolve(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def convolve_transposed(self, upstream: Tensor, size: Sequence[int]) -> Tensor:
        raise NotImplementedError


class MakeUnit(Protocol):
    def __call__(self, inputs: int, outputs: int, kernel: int, stride: int) -> Unit: ...


def _initial(*shape: int) -> nn.Parameter:
    weight = torch.empty(*shape)
    nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")
    return nn.Parameter(weight)


class Unit2d(Unit):
    """On [B, C, R, S]."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__(outputs)
        self.stride, self.padding = stride, kernel // 2
        self.weight = _initial(outputs, inputs, kernel, kernel)

    def convolve(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, stride=self.stride, padding=self.padding)

    def convolve_transposed(self, upstream: Tensor, size: Sequence[int]) -> Tensor:
        extra = [self._extra(full, small) for full, small in zip(size, sizes(upstream)[1:], strict=True)]
        return F.conv_transpose2d(
            upstream, self.weight, stride=self.stride, padding=self.padding, output_padding=extra
        )

    def _extra(self, full: int, small: int) -> int:
        return full - ((small - 1) * self.stride - 2 * self.padding + self.weight.shape[2])


class Unit4d(Unit):
    """Centre-pivot 4-D convolution (HSNet) on [B, C, I, J, K, L]: the sum of a 2-D convolution over (k, l) at the
    centre of (i, j) and one over (i, j) at the centre of (k, l). Kernel 1: one matrix of channels.

    Each is a 3-D convolution over a reshaped tensor, with nothing permuted.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__(outputs)
        self.stride, self.kernel = stride, kernel
        if kernel == 1:
            self.mix = _initial(outputs, inputs, 1, 1)
        else:
            self.over_query = _initial(outputs, inputs, kernel, kernel)
            self.over_result = _initial(outputs, inputs, kernel, kernel)

    def convolve(self, x: Tensor) -> Tensor:
        s, half = self.stride, self.kernel // 2
        channels, i, j, k, n = sizes(x)
        if self.kernel == 1:
            x = x[:, :, ::s, ::s, ::s, ::s]
            size = sizes(x)[1:]
            flat = x.reshape(-1, channels, size[0] * size[1], size[2] * size[3])
            return F.conv2d(flat, self.mix).reshape(-1, self.mix.shape[0], *size)
        out = self.over_query.shape[0]
        rows, columns, across, down = (-(-size // s) for size in (i, j, k, n))
        over_query = F.conv3d(
            x[:, :, ::s, ::s].reshape(-1, channels, rows * columns, k, n),
            self.over_query[:, :, None],
            stride=(1, s, s),
            padding=(0, half, half),
        )
        over_result = F.conv3d(
            x[..., ::s, ::s].reshape(-1, channels, i, j, across * down),
            self.over_result[..., None],
            stride=(s, s, 1),
            padding=(half, half, 0),
        )
        shape = (-1, out, rows, columns, across, down)
        return over_query.reshape(shape) + over_result.reshape(shape)

    def convolve_transposed(self, upstream: Tensor, size: Sequence[int]) -> Tensor:
        s, half = self.stride, self.kernel // 2
        channels, rows, columns, across, down = sizes(upstream)
        i, j, k, n = size
        if self.kernel == 1:
            flat = upstream.reshape(-1, channels, rows * columns, across * down)
            mixed = F.conv_transpose2d(flat, self.mix).reshape(-1, self.mix.shape[1], rows, columns, across, down)
            for axis in range(4):
                mixed = spread(mixed, axis + 2, size[axis], s)
            return mixed
        inputs = self.over_query.shape[1]
        to_query = F.conv_transpose3d(
            upstream.reshape(-1, channels, rows * columns, across, down),
            self.over_query[:, :, None],
            stride=(1, s, s),
            padding=(0, half, half),
            output_padding=(0, self._extra(k, across), self._extra(n, down)),
        ).reshape(-1, inputs, rows, columns, k, n)
        to_result = F.conv_transpose3d(
            upstream.reshape(-1, channels, rows, columns, across * down),
            self.over_result[..., None],
            stride=(s, s, 1),
            padding=(half, half, 0),
            output_padding=(self._extra(i, rows), self._extra(j, columns), 0),
        ).reshape(-1, inputs, i, j, across, down)
        to_query = spread(spread(to_query, 2, i, s), 3, j, s)
        return to_query + spread(spread(to_result, 4, k, s), 5, n, s)

    def _extra(self, full: int, small: int) -> int:
        return full - ((small - 1) * self.stride - 2 * (self.kernel // 2) + self.kernel)


def spread(x: Tensor, axis: int, size: int, stride: int) -> Tensor:
    """The transpose of `x[::stride]` along `axis`: the values apart by `stride`, zeros between, `size` in all."""
    if stride == 1:
        return x
    shape = [-1, *sizes(x)]
    zeros = torch.zeros_like(x)
    apart = torch.stack([x, *[zeros] * (stride - 1)], dim=axis + 1)
    shape[axis] *= stride
    return apart.reshape(shape).narrow(axis, 0, size)


class Block(nn.Module):
    """ResNet's basic block of one layout."""

    def __init__(self, unit: MakeUnit, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = unit(inputs, outputs, 3, stride)
        self.second = unit(outputs, outputs, 3, 1)
        self.shortcut = unit(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The output, and the activations inside, which `vjp` needs."""
        inside = F.relu(self.first(x))
        beside = x if self.shortcut is None else self.shortcut(x)
        return F.relu(self.second(inside) + beside), inside

    def vjp(self, upstream: Tensor, *, size: Sequence[int], inside: Tensor, out: Tensor) -> Tensor:
        """The gradient by the input of spatial size `size`. ReLU passes where its output is positive."""
        upstream = upstream * (out > 0).to(upstream.dtype)
        deeper = self.second.transpose(upstream, sizes(inside)[1:]) * (inside > 0).to(upstream.dtype)
        through = self.first.transpose(deeper, size)
        beside = upstream if self.shortcut is None else self.shortcut.transpose(upstream, size)
        return through + beside
