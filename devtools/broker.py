"""A real Kafka of one's own, for `make kafka` and for the tests: one node, without ZooKeeper. Not part of a deployment.

The broker is a Java program. Its jars come from Maven (deploy/kafka/pom.xml) and lie under `.run/kafka/libs`.
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
# Not from where the system takes the ports of outgoing connections: somebody who tries to reach a broker that is down
# could be given its very port, connect to himself, and keep the broker from coming back.
_PORTS = range(20_000, 30_000)
_HEAP = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


@dataclass(frozen=True, slots=True)
class BrokerPlaces:
    """One broker: its folder, and the ports of its clients and of its own controller."""

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
    """Whether a broker can be run here, or everything is there to fetch one."""
    return _java() is not None and (broker_is_fetched() or shutil.which("mvn") is not None)


def broker_fetch() -> None:
    """Has Maven copy the broker's jars, where they are not there yet. Raises ServerError."""
    if _java() is None:
        raise ServerError(MISSING)
    if broker_is_fetched():
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerError(MISSING)
    # Under another name first, so that an interrupted fetch leaves no half of the jars behind; one for each process,
    # so that of two which fetch at once each has its own.
    unfinished = _LIBS.with_name(f"libs.{os.getpid()}")
    fetched = subprocess.run(  # noqa: S603 - the command is ours
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
    """The broker, its data folder made where it is missing. Nothing but loopback reaches it.

    `run_dir` is the folder by which a leftover of a killed run is recognised: the broker's own, if none is given.
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
    """Ports that nobody listens on at this moment."""
    free: list[int] = []
    # Each process starts somewhere else, so that two of them seldom look at the same ones.
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
        # By number rather than from the data folder, so that the next start may take other ports.
        "controller.quorum.voters": f"1@{HOST}:{places.controller_port}",
        "listeners": f"PLAINTEXT://{places.bootstrap},CONTROLLER://{HOST}:{places.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{places.bootstrap}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": places.data,
        # Topics are made on purpose, with the partitions that they need: see `manage.py kafka_topics`.
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": "4",
        # One node: nobody is there to replicate to.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # Whoever starts, or dies, is noticed at once.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # Nor does a broker that was killed wait for long until its own controller believes that it is gone.
        "broker.session.timeout.ms": "1000",
        "broker.heartbeat.interval.ms": "250",
    }
    return "".join(f"{name}={value}\n" for name, value in options.items())


def _data_make(places: BrokerPlaces) -> None:
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    shutil.rmtree(places.data, ignore_errors=True)
    made = subprocess.run(  # noqa: S603 - the command is ours
        [*_command("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}"), "-c", str(places.properties)],
        capture_output=True, text=True, check=False, timeout=_JAVA_TIMEOUT_S,
    )  # fmt: skip
    if made.returncode != 0:
        raise ServerError(f"Kafka could not make its data folder.\n{made.stdout.strip()}\n{made.stderr.strip()}")


def _command(main_class: str, *arguments: str) -> list[str]:
    java = _java()
    if java is None:
        raise ServerError(MISSING)
    logging = f"-Dlog4j2.configurationFile={_LOGGING}"
    return [java, *_HEAP, logging, "-cp", f"{_LIBS}/*", main_class, *arguments]


def _java() -> str | None:
    """A Java that is recent enough; JAVA_HOME's before the PATH's."""
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
    """Whether the jars are those that the pom names."""
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
