"""The files under deploy/ are true: the image's build steps work, and every stop timeout is longer than the drain."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot import app
from bot.settings import Settings, variable

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DRAIN = float(Settings.model_fields["drain_seconds"].default)
# Compiling thousands of modules that are thrown away again is half of the time and proves nothing.
QUICKLY = {**os.environ, "PIP_NO_COMPILE": "1"}
NEEDED = DRAIN + app._GRACE  # what an orderly end may take


def instructions(stage: str) -> list[tuple[str, str]]:
    """(instruction, rest) of one stage of the Dockerfile."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found: list[tuple[str, str]] = []
    inside = False
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            inside = rest.endswith(f" AS {stage}") if stage else " AS " not in rest
        elif inside:
            found.append((word, rest))
    return found


def quick(step: str) -> str:
    """The same step without what only an image needs, and by uv where it is on PATH, as the Makefile does."""
    step = step.replace("--no-cache-dir ", "").replace("--disable-pip-version-check ", "")
    if shutil.which("uv"):
        step = re.sub(r"(\S+)/bin/pip install", r"uv pip install --quiet --python \1/bin/python", step)
    return step


@pytest.mark.parametrize("instruction", ["COPY", "RUN"])
def test_the_build_stage_has_steps_of_each_kind(instruction: str) -> None:
    assert [word for word, _ in instructions("build")].count(instruction) >= 3


@pytest.mark.long
def test_the_images_build_steps_make_a_bot_that_starts(tmp_path: Path) -> None:
    """Replays COPY and RUN of the build stage in a clean folder: what Docker would do, without Docker."""
    source, prefix = tmp_path / "src", tmp_path / "opt"
    source.mkdir()
    for word, rest in instructions("build"):
        if word == "COPY":
            *names, target = rest.split()
            for name in names:
                copied = source / target if (ROOT / name).is_dir() else source / target / Path(name).name
                copied.parent.mkdir(parents=True, exist_ok=True)
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, copied, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / name, copied)
        elif word == "RUN":
            step = quick(rest.replace("/opt/", f"{prefix}/"))
            arguments = [sys.executable if part == "python" else part for part in shlex.split(step)]
            done = subprocess.run(
                arguments, cwd=source, env=QUICKLY, capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode and "Could not find a version" in done.stderr and not os.environ.get("CI"):
                pytest.skip("no package index can be reached from here")
            assert done.returncode == 0, f"{rest}\n{done.stdout}\n{done.stderr}"
    inkstream = prefix / "inkstream" / "bin" / "inkstream"
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    told = subprocess.run(
        [inkstream, "version"], cwd=tmp_path, env=bare, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", told.stdout)
    refused = subprocess.run(
        [inkstream, "run"], cwd=tmp_path, env=bare, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "ANTHROPIC_API_KEY: is missing" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_image_runs_as_nobody_special_and_checks_its_health() -> None:
    last = dict(instructions(""))
    assert last["USER"] == "10001"
    assert "/healthz" in last["HEALTHCHECK"]
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert "inkstream" in last["CMD"]


def test_compose_keeps_the_data_and_waits_for_the_drain() -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["inkstream"]
    assert float(service["stop_grace_period"].removesuffix("s")) > NEEDED
    assert (DEPLOY / service["build"]["dockerfile"].removeprefix("deploy/")).is_file()
    assert "data:/data" in service["volumes"]
    assert service["environment"]["DATABASE_URL"].startswith("sqlite:////data/")
    assert set(service["environment"]) <= {variable(field) for field in Settings.model_fields}
    assert service["read_only"] is True
    assert all(port.startswith("127.0.0.1:") for port in service["ports"]), "health is for the machine alone"


def test_the_unit_waits_for_the_drain_and_does_not_retry_wrong_settings() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # the documented way to keep the case
    unit.read(DEPLOY / "inkstream.service")
    service = unit["Service"]
    assert float(service["TimeoutStopSec"]) > NEEDED
    assert service["KillMode"] == "mixed"
    assert service["RestartPreventExitStatus"] == "2"
    for hardening in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "DynamicUser"):
        assert service[hardening] == "yes"
