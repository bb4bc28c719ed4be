"""The settings of devices: their queues, and how long they need for a job."""

from __future__ import annotations

from core.settings import Setting
from core.settings.kinds import BOOLEAN, POSITIVE, WHOLE, choice, integer, number
from core.settings.setting import Rows

QUEUE_ARRIVALS = Setting(
    "SIMULATOR_QUEUE_ARRIVALS",
    number(0),
    5.0,
    "jobs of other people that arrive at an idle device in a second; fewer arrive at a busy one",
    "--queue-arrivals",
)
QUEUE_SERVICE_SECONDS = Setting(
    "SIMULATOR_QUEUE_SERVICE_SECONDS",
    POSITIVE,
    1.0,
    "mean seconds of other people's jobs",
    "--queue-service-seconds",
)
QUEUE_INITIAL = Setting[int | None](
    "SIMULATOR_QUEUE_INITIAL",
    integer(0),
    None,
    "jobs in the queue of each device at the start",
    "--queue-initial",
    default_text="random",
)
QUEUE_SEED = Setting[int | None](
    "SIMULATOR_QUEUE_SEED", WHOLE, None, "seed of other people's jobs", "--queue-seed", default_text="random"
)
QUEUE_ORDER = Setting(
    "SIMULATOR_QUEUE_ORDER",
    choice("arrival", "fair_share"),
    "arrival",
    "order in which a device serves its queue: by arrival, or next the user who has used the device least",
    "--queue-order",
)
QUEUE_USERS = Setting(
    "SIMULATOR_QUEUE_USERS",
    integer(1, 1_000),
    20,
    "other people whose jobs are in a device's queue, for the order by fair share",
    "--queue-users",
)
QUEUE_POSITIONS = Setting(
    "SIMULATOR_QUEUE_POSITIONS",
    BOOLEAN,
    False,
    "1: jobs have position_in_queue and estimated_completion_time; IBM's have none",
    "--queue-positions",
)
JOB_OVERHEAD_SECONDS = Setting[float | None](
    "SIMULATOR_JOB_OVERHEAD_SECONDS",
    number(0),
    None,
    "seconds that a device needs to load and compile a job",
    "--job-overhead-seconds",
    default_text="half of --queue-service-seconds",
)
CIRCUIT_OVERHEAD_SECONDS = Setting(
    "SIMULATOR_CIRCUIT_OVERHEAD_SECONDS",
    number(0),
    0.0,
    "seconds that a device needs between circuit executions of a job",
    "--circuit-overhead-seconds",
)
REP_DELAY_SECONDS = Setting(
    "SIMULATOR_REP_DELAY_SECONDS",
    number(0),
    250e-6,
    "seconds of device time of one shot, unless the job sets rep_delay",
    "--rep-delay-seconds",
)
QUEUE_SPEED_UP = Setting(
    "SIMULATOR_QUEUE_SPEED_UP", POSITIVE, 1.0, "seconds of device time in a second", "--queue-speed-up"
)

DEVICE_ROWS: Rows = (
    QUEUE_ARRIVALS,
    QUEUE_SERVICE_SECONDS,
    QUEUE_INITIAL,
    QUEUE_SEED,
    QUEUE_ORDER,
    QUEUE_USERS,
    QUEUE_POSITIONS,
    JOB_OVERHEAD_SECONDS,
    CIRCUIT_OVERHEAD_SECONDS,
    REP_DELAY_SECONDS,
    QUEUE_SPEED_UP,
)
