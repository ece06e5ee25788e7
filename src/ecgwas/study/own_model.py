"""Options of kind `encoder`: a trained model of the user's own, and the input that it was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from ecgwas.study.base import StudyPath, option
from ecgwas.study.representation import Representation

Lead = Literal["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
ModelFormat = Literal[".onnx", ".pt2", ".safetensors"]


class TrainedEncoder(Representation):
    """A trained model of your own, such as a foundation model of ECGs: from a file, on the input that it was trained on."""

    kind: Literal["encoder"] = "encoder"
    file: StudyPath
    """The model: ONNX (.onnx), a program of torch.export (.pt2), or the weights of a network that ecgwas trained
    (encoder.safetensors next to its encoder.json)."""
    outputs: int = option(ge=1, le=16384)
    """Numbers that the model gives for one recording, after the mean over time."""
    output: str | None = option(None, min_length=1)
    """Name of the output to use, of a model with several."""
    time_axis: Literal[1, 2] = 1
    """Axis of time in an output with three axes, over which the mean is taken: 1 of (recordings, time, numbers), 2 of
    (recordings, numbers, time)."""
    input: Literal["strip", "beat"] = "strip"
    """Whole recordings, or median beats."""
    rate_hz: float = option(unit="Hz", gt=0, le=10000)
    """Sampling rate that the model was trained at; signals of another rate are resampled to it."""
    leads: Annotated[tuple[Lead, ...], Field(min_length=1, max_length=12)]
    """The model's leads in its order."""
    seconds: float | None = option(None, unit="s", gt=0)
    """Length of a strip that the model takes; a longer recording is cut into as many whole strips as fit, and their outputs are
    averaged. null: the whole recording."""
    layout: Literal["leads_samples", "samples_leads", "flat"] = "leads_samples"
    """Axes of one recording: (leads, samples), (samples, leads), or one axis with one lead after the other."""
    unit: Literal["uV", "mV"] = "mV"
    """Unit of the voltages that the model was trained on."""
    mean: float = 0.0
    """Subtracted from the voltages of all recordings, in `unit`: the mean of what the model was trained on."""
    sd: float = option(1.0, gt=0)
    """What the voltages of all recordings are then divided by, in `unit`: the SD of what the model was trained on."""
    scaling: Literal["none", "each_lead", "all_leads"] = "none"
    """By the recording itself. `each_lead`: subtract each lead's own mean and divide by its SD; `all_leads`: one mean and SD of
    all leads together; `none`: only `mean` and `sd`."""
    criterion: Literal["outputs", "variance", "repeatable"] = "outputs"
    """Features: the model's outputs as they are; principal components of the outputs, each divided by its SD between
    participants (`variance`); or the directions in which participants differ most relative to the difference between odd and
    even heartbeats, or between odd and even strips of a recording (`repeatable`)."""
    features: int = option(32, ge=1, le=4096)
    """Number of components of criterion `variance` or `repeatable`; all `outputs` are features otherwise."""

    @property
    def described(self) -> str:
        """With the file and what becomes of the outputs."""
        taken = {
            "outputs": f"{self.outputs} outputs",
            "variance": f"{self.feature_count} principal components of {self.outputs} outputs",
            "repeatable": f"the {self.feature_count} most repeatable components of {self.outputs} outputs",
        }[self.criterion]
        signals = "whole recordings" if self.uses_strips else "median beats"
        return f"the trained model {self.file.name} ({taken}) on {signals}"

    @property
    def format(self) -> str:
        """The end of the file's name, in small letters."""
        return self.file.suffix.lower()

    @property
    def config(self) -> Path:
        """Of a .safetensors file: the file next to it that names the network's options."""
        return self.file.with_suffix(".json")

    @property
    def input_files(self) -> tuple[Path, ...]:
        """The model, and its configuration if it has one."""
        return (self.file, self.config) if self.format == ".safetensors" else (self.file,)

    @property
    def input_leads(self) -> tuple[str, ...]:
        """`leads`."""
        return self.leads

    @property
    def uses_strips(self) -> bool:
        """By `input`."""
        return self.input == "strip"

    @property
    def joins_leads(self) -> bool:
        """Its leads enter together."""
        return True

    @property
    def feature_count(self) -> int:
        """`features`, or all outputs."""
        return self.outputs if self.criterion == "outputs" else self.features

    @property
    def packages(self) -> tuple[str, ...]:
        """ONNX Runtime or PyTorch, by the format of the file."""
        return ("onnxruntime",) if self.format == ".onnx" else ("torch",)

    @field_validator("file")
    @classmethod
    def _format_is_known(cls, file: Path) -> Path:
        if file.suffix.lower() in (".pt", ".pth", ".ckpt", ".pkl", ".bin"):
            raise ValueError(
                f"{file.name} is a pickle, which can run any program when it is opened; export the model to .onnx or .pt2"
            )
        if file.suffix.lower() not in get_args(ModelFormat):
            raise ValueError(f"{file.name} does not end in {', '.join(get_args(ModelFormat))}")
        return file

    @field_validator("leads")
    @classmethod
    def _leads_are_different(cls, leads: tuple[Lead, ...]) -> tuple[Lead, ...]:
        if len(set(leads)) < len(leads):
            raise ValueError("a lead is named twice")
        return leads

    @model_validator(mode="after")
    def _options_fit_together(self) -> TrainedEncoder:
        if self.input == "beat" and self.seconds is not None:
            raise ValueError("seconds is the length of strips; that of median beats is `read.beats.before_ms` and `after_ms`")
        plain = (self.unit, self.mean, self.sd, self.scaling, self.layout) == ("uV", 0.0, 1.0, "none", "leads_samples")
        if self.format == ".safetensors" and not plain:
            raise ValueError("a network of ecgwas scales µV itself: it needs unit: uV, scaling: none, layout: leads_samples")
        if self.feature_count > self.outputs:
            raise ValueError(f"{self.features} features cannot come from {self.outputs} outputs")
        return self
