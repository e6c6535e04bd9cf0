"""Which networks are measured in which precision, and why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row: a network of the catalogue, its precision on the chip, and whether it must be refused as too large."""

    network: str
    precision: str
    refused: bool = False

    @property
    def name(self) -> str:
        """Name of the row."""
        return f"{self.network}_{self.precision}"


CASES = (
    Case(network="tiny_cnn", precision="int8"),
    Case(network="tiny_cnn", precision="fp16"),
    Case(network="resnet50", precision="int8"),
    Case(network="resnet50", precision="fp16"),
    Case(network="resnet101", precision="int8"),
    Case(network="resnet152", precision="int8"),
    Case(network="squeezenet", precision="int8"),
    Case(network="squeezenet", precision="fp16"),
    Case(network="mobilenet_v1", precision="int8"),
    Case(network="mobilenet_v2", precision="int8"),
    Case(network="mobilenet_v2", precision="fp16"),
    Case(network="vgg19", precision="fp16", refused=True),
)
QUICK = ("tiny_cnn",)
