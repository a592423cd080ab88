"""What ``deploy`` refuses before anything is made: every problem at once, each with its remedy."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.emulated_stage import AGENTS, Stage, without_aws
from tests.terraform.support import needs_offline_provider, needs_terraform

pytestmark = [needs_terraform, needs_offline_provider, pytest.mark.timeout(300)]

OTHER_ACCOUNT = "111122223333"


@pytest.fixture(scope="module")
def made(emulated: Any, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A project that could be deployed."""
    emulated.reset()
    stage = Stage(tmp_path_factory.mktemp("shop"), emulated.env)
    stage.write()
    return stage


@pytest.fixture
def project(made: Stage) -> Iterator[Stage]:
    """The same; what a test changes in agents.yaml is taken back."""
    yield made
    (made.folder / "agents.yaml").write_text(AGENTS)


def refused(project: Stage, *arguments: str, **env: str) -> str:
    """What ``deploy`` says to standard error before it ends with 1."""
    done = project.run("deploy", "--auto-approve", *arguments, **env)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def only(folder: Path, script: str | None = None) -> str:
    """A PATH on which ``terraform`` is ``script``, or is not."""
    folder.mkdir()
    if script is not None:
        (folder / "terraform").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "terraform").chmod(0o755)
    others = [place for place in os.environ["PATH"].split(os.pathsep) if not (Path(place) / "terraform").exists()]
    return os.pathsep.join([str(folder), *others])


def test_everything_that_is_wrong_is_told_at_once(project: Stage, tmp_path: Path) -> None:
    long = "a" * 40
    (project.folder / "agents.yaml").write_text(
        AGENTS.replace("name: shop", f"name: {'s' * 32}").replace("reader: {}", f"reader: {{}}\n  {long}: {{}}")
    )
    old = only(tmp_path / "bin", 'echo \'{"terraform_version": "1.5.7"}\'')
    stranger = Stage(project.folder, without_aws(project.env))
    told = refused(stranger, PATH=old)
    assert f"its function would be called {'s' * 32}-dev-{long}, 77 characters; Lambda allows 64" in told
    assert "is terraform 1.5.7; 1.10 or newer is needed: https://" in told
    assert "NoCredentialsError" in told
    assert "set AWS_PROFILE" in told
    assert told.splitlines()[-1].endswith(" errors")


def test_without_terraform_the_place_to_get_it_is_told(project: Stage, tmp_path: Path) -> None:
    told = refused(project, PATH=only(tmp_path / "bin"))
    assert "terraform is not installed, or not on the PATH; install 1.10 or newer: https://" in told


def test_a_stage_that_does_not_exist(project: Stage) -> None:
    assert "there is no stage 'pord'; did you mean 'prod'?" in refused(project, "--stage", "pord")


def test_the_local_stage_has_nothing_to_deploy(project: Stage) -> None:
    assert "stage 'local' runs on this machine" in refused(project, "--stage", "local")


def test_another_account_than_the_one_that_was_meant(project: Stage) -> None:
    told = refused(project, "--account", OTHER_ACCOUNT)
    assert (
        f"belong to account 123456789012 (arn:aws:sts::123456789012:user/moto), and --account asks for {OTHER_ACCOUNT}"
        in told
    )


def test_credentials_that_have_expired(project: Stage) -> None:
    with _Expired() as url:
        told = refused(Stage(project.folder, {**project.env, "AWS_ENDPOINT_URL": url}))
    assert "ExpiredToken: The security token included in the request is expired" in told
    assert "the credentials are wrong or have expired" in told


def test_a_state_bucket_of_another_account_is_never_used(project: Stage, emulated: Any) -> None:
    sts = project.client("sts")
    role = sts.assume_role(RoleArn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/theirs", RoleSessionName="theirs")["Credentials"]
    theirs = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=emulated.url,
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )
    bucket = "shop-tfstate-123456789012-us-east-1"
    theirs.create_bucket(Bucket=bucket)
    told = refused(project)
    theirs.delete_bucket(Bucket=bucket)
    assert f"the bucket {bucket} for Terraform's state belongs to another AWS account" in told
    assert "--state-bucket" in told


def test_a_state_bucket_that_was_named_must_be_there(project: Stage) -> None:
    told = refused(project, "--state-bucket", "no-such-bucket-of-ours")
    assert "there is no bucket no-such-bucket-of-ours (--state-bucket) in this account" in told


def test_a_stage_keeps_its_state_where_it_was(project: Stage) -> None:
    known = project.folder / ".agent-framework" / "terraform" / "staging" / "terraform.tfstate"
    known.parent.mkdir(parents=True)
    known.write_text('{"version": 3, "backend": {"type": "s3", "config": {"bucket": "the-first"}}}')
    told = refused(project, "--stage", "staging", "--state-bucket", "another")
    assert "stage staging has its state in the bucket the-first, and --state-bucket names another" in told


def test_a_project_without_its_terraform_folder(project: Stage, tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("project: {name: bare, region: us-east-1}\n")
    told = refused(Stage(tmp_path, project.env))
    assert "holds no .tf files; 'agent-framework generate-config' writes them" in told


def test_an_agent_whose_values_are_missing_is_named_by_the_plan(project: Stage) -> None:
    agents = AGENTS.replace("writer: {runtime: {timeout: 60}}", "writer: {runtime: {environment: [LEVEL, API_KEY]}}")
    (project.folder / "agents.yaml").write_text(agents)
    told = " ".join(refused(project).split())
    assert "there is no plan, and nothing was changed" in told
    assert "Agent writer lacks LEVEL (in environment_values), API_KEY (in secrets)" in told


def test_values_of_a_stage_stand_in_its_own_file(project: Stage) -> None:
    agents = AGENTS.replace("writer: {runtime: {timeout: 60}}", "writer: {runtime: {environment: [LEVEL]}}")
    (project.folder / "agents.yaml").write_text(agents)
    values = project.folder / "terraform" / "dev.tfvars"
    values.write_text('environment_values = { LEVEL = "gold" }\n')
    done = project.run("deploy", "--plan-only")
    values.unlink()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["status", "logs"])
def test_a_stage_that_was_not_deployed_from_here_has_no_status(project: Stage, command: str) -> None:
    done = project.run(command, "--stage", "prod")
    assert done.returncode == 1
    assert "stage 'prod' was not deployed from this folder; run: agent-framework deploy --stage prod" in done.stderr


class _Expired:
    """A server that answers every call as AWS answers credentials that have expired."""

    def __enter__(self) -> str:
        self._server = HTTPServer(("127.0.0.1", 0), _ExpiredHandler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _ExpiredHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = (
            b"<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code>"
            b"<Message>The security token included in the request is expired</Message></Error></ErrorResponse>"
        )
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
