"""What a row of the table is. rows/*.py each hold a list ROWS of these."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass
class Row:
    id: str  # "lens-fp32-gradient"
    what: str  # the work in words, with dtype and sizes
    work: str  # its name in ours/works.cpp
    rival: str  # who it is compared with, in words
    rival_class: str  # "rivals.lens:NaiveFloat32"
    required: float  # demanded ratio: rival's time / our time
    inputs: Callable[[], dict]  # -> named torch tensors that both sides are given; made from a fixed seed
    # errors(inputs, ours, theirs) -> {name: (largest error of ours against an fp64 reference, what is allowed)}
    errors: Callable[[dict, dict, dict], dict]
    params: dict = dataclasses.field(default_factory=dict)
    repeats: int = 5
    rival_scale: float = 1.0  # the rival did 1/rival_scale of the work (extrapolated; the table says so)
    gflop: float = 0.0  # of one run of ours, for its share of the measured peak; 0: none given
    roof: str = ""  # the row that measures how fast those operations can be, "roof-float32" or "roof-bfloat16"
    always: bool = False  # measured first in every run: other rows are compared with it
    memory_limit_mb: float = 0.0  # our peak above the prepared state; 0: no limit
    memory_share: float = 0.0  # our peak may be at most this share of the rival's; 0: no limit
    seconds_limit: float = 0.0  # our median run may take at most this long; 0: no limit
    slow: bool = False  # left out by --quick
    needs: tuple = ()  # Python modules of the rival; where one is missing the row is skipped with that reason
    environment: str = ".venv"  # the rival's Python environment, made by tools/bootstrap --bench
