"""Section `represent`: a list of representations, each with a `kind` (the file that does it) and a `name`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ecgwas.study.base import option
from ecgwas.study.feature_table import FeatureTable
from ecgwas.study.own_model import TrainedEncoder
from ecgwas.study.representation import Representation

Counts = Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(min_length=1, max_length=12)]
Precision = Literal["float32", "tf32", "bfloat16"]
KernelSizes = tuple[Annotated[int, Field(ge=1, le=255)], ...]


class Learned(Representation):
    """What every representation that learns from signals has."""

    input: Literal["beat", "strip"] = "beat"
    """Median beats, or whole recordings."""
    leads: Literal["each", "together"] = "together"
    """One set of features per lead from one model over all leads' traces, or one set for all leads together."""
    align: Literal["none", "waves"] = "none"
    """`waves`: time is stretched so that onset, peak and end of P, QRS and T coincide in all participants; the stretching
    itself is learned along with the leads. Needs `input: beat` and `leads: together`."""
    features: int = option(32, ge=1, le=4096)
    """Features per lead, or for all leads together."""
    max_mse: float | None = option(None, gt=0)
    """Recordings (lead by lead) whose reconstruction error in normalised units is larger are excluded and listed."""
    test_share: float = option(0.1, gt=0, lt=0.5)
    """Share of participants held out as the test set; training with early stopping holds out as many again as its validation
    set."""

    @property
    def signals_described(self) -> str:
        """What it is learned from, for `described`."""
        return "of whole recordings" if self.uses_strips else "of median beats"

    @property
    def uses_strips(self) -> bool:
        """By `input`."""
        return self.input == "strip"

    @property
    def joins_leads(self) -> bool:
        """By `leads`."""
        return self.leads == "together"

    @property
    def error_limit(self) -> float | None:
        """`max_mse`."""
        return self.max_mse

    @property
    def feature_count(self) -> int:
        """`features`."""
        return self.features

    @property
    def aligns_waves(self) -> bool:
        """By `align`."""
        return self.align == "waves"

    @property
    def smallest_sd_uv(self) -> float:
        """Smallest SD that a lead and time point is divided by."""
        return 0.0

    @property
    def conditions_on_measurements(self) -> bool:
        """Its decoder also receives the measurements of kind `intervals`."""
        return False

    @property
    def uses_fiducials(self) -> bool:
        """To align waves, or for measurements."""
        return self.aligns_waves or self.conditions_on_measurements

    @property
    def decoder_takes_maps(self) -> bool:
        """Its decoder needs the encoder's maps as well as the features, so that features alone cannot be decoded."""
        return False

    @model_validator(mode="after")
    def _beats_are_aligned_on_all_leads(self) -> Learned:
        if self.align == "waves" and (self.input != "beat" or self.leads != "together"):
            raise ValueError("align: waves needs input: beat and leads: together")
        return self


class Pca(Learned):
    """Principal components: deterministic, seconds to fit, the baseline for everything learned."""

    kind: Literal["pca"] = "pca"
    scaling: Literal["none", "point"] = "point"
    """`point` divides each lead and time point by its SD between participants (at least `floor_uv`), so that small waves
    count; `none` divides everything by one SD."""
    floor_uv: float = option(25.0, unit="uV", gt=0)
    """Smallest SD to divide by."""
    criterion: Literal["variance", "repeatable"] = "variance"
    """What components maximise: the variance between participants, or (`repeatable`, beats only) the ratio of that variance to
    the difference between odd and even heartbeats of a participant, within twice as many components of variance."""
    rotation: Literal["none", "varimax", "ica"] = "none"
    """`varimax` rotates the components so that each is large in few leads and time points; `ica` so that they are as
    independent as possible (FastICA)."""
    waves: Literal["together", "apart"] = "together"
    """`apart`: P, QRS and T each have their own components, a third of the features each (beats only)."""

    @property
    def uses_fiducials(self) -> bool:
        """To align or to separate waves."""
        return super().uses_fiducials or self.waves == "apart"

    @property
    def described(self) -> str:
        """With the number of components."""
        return f"principal components ({self.features} features) [@pca] {self.signals_described}"

    @property
    def smallest_sd_uv(self) -> float:
        """`floor_uv`."""
        return self.floor_uv

    @model_validator(mode="after")
    def _beats_repeat_and_have_waves(self) -> Pca:
        if self.criterion == "repeatable" and self.input != "beat":
            raise ValueError("criterion: repeatable needs input: beat")
        if self.waves == "apart" and (self.input != "beat" or self.features < 3):
            raise ValueError("waves: apart needs input: beat and at least 3 features")
        return self


class ResidualAutoencoder(Learned):
    """1D residual convolutional autoencoder of the source study; every choice of its experiments is an option."""

    kind: Literal["residual_autoencoder"] = "residual_autoencoder"
    leads: Literal["each", "together"] = "each"
    """One set of features per lead from one model over all leads' traces, or one set for all leads together."""
    channels: Counts = (32, 64, 128)
    """Channels of each block; each block halves the length."""
    kernels: KernelSizes = (7, 7, 7)
    """Kernel size of each block (one value for all blocks is allowed)."""
    block: Literal["residual", "conv_pool"] = "residual"
    """Blocks of two convolutions, the first strided, or of Conv + BatchNorm + activation + MaxPool."""
    skip: Literal["encoder", "encoder_and_decoder", "encoder_to_decoder", "none"] = "encoder"
    """Where a 1x1 convolution bypasses each block: in the encoder, or in both halves. `encoder_to_decoder` connects each block
    of the encoder to the decoder's block of the same length, past the features, which then cannot be decoded alone."""
    skip_merge: Literal["add", "concatenate"] = "add"
    """How a skip joins the block's output; concatenated, the block has twice the channels."""
    activation: Literal["leaky_relu", "relu", "elu", "selu", "tanh"] = "leaky_relu"
    """Activation after each convolution."""
    leaky_slope: float = option(0.01, ge=0, lt=1)
    """Slope of `leaky_relu` below zero: 0.01 as in PyTorch; Keras has 0.3."""
    dropout: float = option(0.2, ge=0, lt=1)
    """Dropout after each block of the encoder and of the decoder."""
    batch_norm_momentum: float = option(0.9, ge=0, lt=1)
    """Share of their previous values that running means and variances keep at a step: 0.9 as in PyTorch; Keras has 0.99."""
    batch_norm_epsilon: float = option(1e-5, gt=0)
    """Added to a variance before it divides: 1e-5 as in PyTorch; Keras has 1e-3."""
    initial_weights: Literal["pytorch", "keras"] = "pytorch"
    """Initial weights: PyTorch's (uniform, as are biases), or Keras' (Glorot uniform, biases of zero)."""
    l2: float = option(1e-4, ge=0)
    """Weight in the loss of the sum of squared weights of the blocks' convolutions."""
    l1: float = option(0.0, ge=0)
    """Weight in the loss of the sum of absolute weights of the blocks' convolutions."""
    stop_by: Literal["error", "loss"] = "error"
    """Validation loss that ends training and halves the learning rate: squared error, or (Keras) error and penalty."""
    normalisation: Literal["global", "per_signal", "none"] = "global"
    """Training mean and SD, each signal's own, or none."""
    learning_rate: float = option(1e-3, gt=0)
    """Learning rate of Adam."""
    batch: int = option(32, ge=2)
    """Signals per training step."""
    epochs: int = option(100, ge=1)
    """Largest number of passes over the training signals."""
    patience: int = option(10, ge=1)
    """Epochs without a better validation loss before training stops; the best weights are restored."""
    halve_after: int = option(5, ge=1)
    """Epochs without a better validation loss before the learning rate is halved."""
    precision: Precision = "tf32"
    """Precision of products while training on a CUDA device: float32, TF32, or bfloat16 (faster, fewer digits). CPUs use
    float32."""
    other_seeds: int = option(0, ge=0, le=20)
    """Further trainings from other seeds, to test how similar their features are (stability.csv) and whether hits hold with
    them (audit.csv). Each takes as long as the first."""

    @property
    def described(self) -> str:
        """With the number of features."""
        words = f"a residual convolutional autoencoder ({self.features} features) [@residual_autoencoder]"
        return f"{words} {self.signals_described}"

    @property
    def network_settings(self) -> dict[str, str | float | None]:
        """As in the source study's tables of experiments."""
        return {
            "skip": self.skip if self.skip == "none" else f"{self.skip}, {self.skip_merge}", "activation": self.activation,
            "blocks": f"{len(self.channels)} {self.block}", "kernels": ",".join(map(str, self.kernel_sizes)),
            "channels": ",".join(map(str, self.channels)), "dropout": self.dropout, "l2": self.l2,
            "epochs_at_most": self.epochs,
        }  # fmt: skip

    @property
    def kernel_sizes(self) -> tuple[int, ...]:
        """One kernel size per block."""
        return self.kernels * len(self.channels) if len(self.kernels) == 1 else self.kernels

    @property
    def retrainings(self) -> int:
        """`other_seeds`."""
        return self.other_seeds

    @property
    def packages(self) -> tuple[str, ...]:
        """It is a network."""
        return ("torch",)

    @property
    def decoder_takes_maps(self) -> bool:
        """By `skip`."""
        return self.skip == "encoder_to_decoder"

    @model_validator(mode="after")
    def _one_kernel_per_block(self) -> ResidualAutoencoder:
        if len(self.kernels) not in (1, len(self.channels)):
            raise ValueError(f"{len(self.kernels)} kernels for {len(self.channels)} blocks: give one, or one per block")
        return self


class Vae(Learned):
    """Beta-VAE of median beats of the eight independent leads."""

    kind: Literal["vae"] = "vae"
    input: Literal["beat"] = "beat"
    """Median beats."""
    leads: Literal["together"] = "together"
    """All leads together."""
    beta: float = option(0.05, ge=0)
    """Weight of the KL divergence; 1 gives the evidence lower bound with noise of one normalised unit."""
    warm_up: int = option(10, ge=0)
    """Epochs over which beta rises from 0."""
    free_bits: float = option(0.0, unit="nats", ge=0)
    """KL divergence per feature that is not penalised."""
    condition_on: Literal["none", "measurements"] = "none"
    """`measurements`: the decoder also receives the measurements of kind intervals, so that features describe what those do
    not."""
    point_weights: Literal["none", "sd"] = "sd"
    """`none`: errors count in µV at every lead and time point; `sd`: divided by their SD between participants (P counts as much
    as R)."""
    floor_uv: float = option(25.0, unit="uV", gt=0)
    """Smallest SD to divide by."""
    channels: Counts = (32, 64, 128)
    """Channels of each residual block; each block halves the length."""
    learning_rate: float = option(1e-3, gt=0)
    """Learning rate of Adam."""
    batch: int = option(32, ge=2)
    """Signals per training step."""
    epochs: int = option(100, ge=1)
    """Largest number of passes over the training signals."""
    patience: int = option(15, ge=1)
    """Epochs without a better validation loss before training stops; the best weights are restored."""
    halve_after: int = option(5, ge=1)
    """Epochs without a better validation loss before the learning rate is halved."""
    precision: Precision = "tf32"
    """Precision of products while training on a CUDA device: float32, TF32, or bfloat16 (faster, fewer digits). CPUs use
    float32."""
    other_seeds: int = option(0, ge=0, le=20)
    """Further trainings from other seeds, to test how similar their features are (stability.csv) and whether hits hold with
    them (audit.csv). Each takes as long as the first."""

    @property
    def described(self) -> str:
        """With the number of features and beta."""
        return f"a variational autoencoder ({self.features} features, beta {self.beta:g}) [@vae] {self.signals_described}"

    @property
    def retrainings(self) -> int:
        """`other_seeds`."""
        return self.other_seeds

    @property
    def packages(self) -> tuple[str, ...]:
        """It is a network."""
        return ("torch",)

    @property
    def smallest_sd_uv(self) -> float:
        """`floor_uv`."""
        return self.floor_uv

    @property
    def conditions_on_measurements(self) -> bool:
        """By `condition_on`."""
        return self.condition_on == "measurements"


class BeatPoints(Representation):
    """The beat itself at regular time points: the 'whole cardiac cycle' phenotype (Verweij et al. 2020)."""

    kind: Literal["beat_points"] = "beat_points"
    points: int = option(500, ge=2)
    """Time points per lead."""
    stretch: bool = False
    """Scale the part before R to PR and the part after R to QT."""

    @property
    def described(self) -> str:
        """With the number of time points."""
        return f"the beat itself at {self.points} time points per lead"

    @property
    def has_traversals(self) -> bool:
        """Its features are points of the beat: moving one moves that point."""
        return False


class Local(Representation):
    """Details of the beat, a few milliseconds wide, in a lead, a group of leads or a direction of the heart vector: for effects
    that no measurement is named after."""

    kind: Literal["local"] = "local"
    features: int = option(48, ge=1, le=200)
    """Details for all leads together: the first of a fixed list of 200, the most informative on local effects first."""

    @property
    def described(self) -> str:
        """With the number of features."""
        return f"local details of the median beat ({self.features} features)"

    @property
    def joins_leads(self) -> bool:
        """Times are those of all leads together."""
        return True

    @property
    def feature_count(self) -> int:
        """`features`."""
        return self.features

    @property
    def aligns_waves(self) -> bool:
        """A time of the beat is only the same in everyone if waves are aligned."""
        return True


class Intervals(Representation):
    """Measurements by multi-lead delineation of the median beat: rate, intervals, axes, amplitudes."""

    kind: Literal["intervals"] = "intervals"

    @property
    def described(self) -> str:
        """What is measured, and how."""
        return "rate, intervals, axes and amplitudes measured by multi-lead delineation"

    @property
    def uses_fiducials(self) -> bool:
        """They are what it measures."""
        return True

    @property
    def measures_like_devices(self) -> bool:
        """Intervals, axes and amplitudes, as devices print them."""
        return True


RepresentationOptions = Annotated[
    Pca | ResidualAutoencoder | Vae | TrainedEncoder | BeatPoints | Local | Intervals | FeatureTable,
    Field(discriminator="kind"),
]
