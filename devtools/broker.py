"""A real Kafka for `make kafka` and for the tests: one node, without ZooKeeper. Not part of a deployment.

The broker is a Java program. Maven fetches its jars (deploy/kafka/pom.xml) into `.run/kafka/libs`.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from devtools.servers import Server, ServerError
from wallet_project.embedded import BASE_DIR, PLACES

HOST = "127.0.0.1"
JAVA_OLDEST = 17
MISSING = (
    f"Kafka needs a JDK ({JAVA_OLDEST} or newer) and Maven. Install them (Debian: apt-get install default-jdk-headless "
    "maven; macOS: brew install openjdk maven)."
)

_POM = BASE_DIR / "deploy" / "kafka" / "pom.xml"
_LOGGING = BASE_DIR / "deploy" / "kafka" / "log4j2.properties"
_LIBS = PLACES.kafka / "libs"
_FETCH_TIMEOUT_S = 600
_JAVA_TIMEOUT_S = 60
_ANSWER_TIMEOUT_S = 2.0
# These ports lie outside the range from which the system takes ports of outgoing connections. Otherwise a client that
# tries to reach a stopped broker could get the broker's port, connect to itself, and keep the broker from starting.
_PORTS = range(20_000, 30_000)
_HEAP = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


@dataclass(frozen=True, slots=True)
class BrokerPlaces:
    """Where one broker lives: its folder, the port for clients, and the port of its controller."""

    root: Path
    port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def properties(self) -> Path:
        return self.root / "server.properties"


def broker_possible() -> bool:
    """Whether a broker can run here: its jars are there, or Maven can fetch them."""
    return _java() is not None and (broker_is_fetched() or shutil.which("mvn") is not None)


def broker_fetch() -> None:
    """Lets Maven fetch the broker's jars if they are missing. Raises ServerError."""
    if _java() is None:
        raise ServerError(MISSING)
    if broker_is_fetched():
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerError(MISSING)
    # Into another folder first, so that an interrupted fetch leaves no incomplete `libs`. The folder's name contains
    # the process id, because two processes may fetch at the same time.
    unfinished = _LIBS.with_name(f"libs.{os.getpid()}")
    fetched = subprocess.run(  # noqa: S603 - a fixed command
        [maven, "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", "-DincludeScope=runtime",
         f"-DoutputDirectory={unfinished}"],
        capture_output=True, text=True, check=False, timeout=_FETCH_TIMEOUT_S,
    )  # fmt: skip
    if fetched.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise ServerError(f"Maven could not fetch the broker.\n{fetched.stdout.strip()}\n{fetched.stderr.strip()}")
    shutil.copy(_POM, unfinished)
    shutil.rmtree(_LIBS, ignore_errors=True)
    unfinished.rename(_LIBS)


def broker_server(places: BrokerPlaces, *, run_dir: Path | None = None) -> Server:
    """The broker as a server. Creates its data folder if it is missing. It listens on loopback only.

    `run_dir` is the folder that marks the process, so that leftovers of a killed run can be found. By default it is the
    broker's own folder.
    """
    places.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    places.properties.write_text(_properties(places))
    if not (places.data / "meta.properties").exists():
        _data_make(places)
    return Server(
        name="Kafka",
        command=_command("kafka.Kafka", str(places.properties)),
        log=places.root / "kafka.log",
        run_dir=run_dir or places.root,
        answers=lambda: _answers(places),
        stop_signal=signal.SIGTERM,
    )


def ports_free(count: int) -> list[int]:
    """Returns ports on which nobody listens now. Raises ServerError if there are too few."""
    free: list[int] = []
    # Each process starts its search at another port, so that two processes seldom choose the same one.
    start = os.getpid() * 17 % len(_PORTS)
    for port in [*_PORTS[start:], *_PORTS[:start]]:
        if len(free) == count:
            return free
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) != 0:
                free.append(port)
    raise ServerError("There is no free port left.")


def _properties(places: BrokerPlaces) -> str:
    options = {
        "process.roles": "broker,controller",
        "node.id": "1",
        # Static voters: the data folder would record the port, and the next start may use another one.
        "controller.quorum.voters": f"1@{HOST}:{places.controller_port}",
        "listeners": f"PLAINTEXT://{places.bootstrap},CONTROLLER://{HOST}:{places.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{places.bootstrap}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": places.data,
        # `manage.py kafka_topics` creates the topics, with the partitions that they need.
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": "4",
        # There is one node, so nothing can be replicated.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # A consumer that starts or dies is noticed at once.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # After a kill, the controller soon believes that the old broker is gone, so a restart is quick.
        "broker.session.timeout.ms": "1000",
        "broker.heartbeat.interval.ms": "250",
    }
    return "".join(f"{name}={value}\n" for name, value in options.items())


def _data_make(places: BrokerPlaces) -> None:
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    shutil.rmtree(places.data, ignore_errors=True)
    made = subprocess.run(  # noqa: S603 - a fixed command
        [*_command("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}"), "-c", str(places.properties)],
        capture_output=True, text=True, check=False, timeout=_JAVA_TIMEOUT_S,
    )  # fmt: skip
    if made.returncode != 0:
        raise ServerError(f"Kafka could not create its data folder.\n{made.stdout.strip()}\n{made.stderr.strip()}")


def _command(main_class: str, *arguments: str) -> list[str]:
    java = _java()
    if java is None:
        raise ServerError(MISSING)
    logging = f"-Dlog4j2.configurationFile={_LOGGING}"
    return [java, *_HEAP, logging, "-cp", f"{_LIBS}/*", main_class, *arguments]


def _java() -> str | None:
    """The path of a Java that is recent enough, preferably the one in JAVA_HOME."""
    home = os.environ.get("JAVA_HOME")
    for java in ([str(Path(home) / "bin" / "java")] if home else []) + ["java"]:
        path = shutil.which(java)
        if path is not None and _java_version(path) >= JAVA_OLDEST:
            return path
    return None


def _java_version(java: str) -> int:
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=_JAVA_TIMEOUT_S)  # noqa: S603
    found = re.search(r'version "(\d+)', told.stderr)
    return int(found[1]) if found else 0


def broker_is_fetched() -> bool:
    """Whether the jars are there and are those of the current pom.xml."""
    fetched = _LIBS / _POM.name
    return fetched.exists() and fetched.read_bytes() == _POM.read_bytes()


def _answers(places: BrokerPlaces) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_ANSWER_TIMEOUT_S)
        if probe.connect_ex((HOST, places.port)) != 0:
            return False
    try:
        AdminClient({"bootstrap.servers": places.bootstrap, "log_level": 0}).list_topics(timeout=_ANSWER_TIMEOUT_S)
    except KafkaException:
        return False
    return True
