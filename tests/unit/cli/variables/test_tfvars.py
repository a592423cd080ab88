"""``generate-config``: what of agents.yaml becomes a variable of Terraform, what is refused, and no secret."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_framework.cli.deployment.infrastructure import DATABASE, QUEUE, STORAGE
from agent_framework.cli.deployment.tfvars import TFVARS
from agent_framework.cli.generate import generate_config
from tests.support.stage_variables import Make, refusal

SAMPLES = Path(__file__).parents[2] / "config" / "samples"
CANARY = "canary-0f7d-value-of-a-secret"


# -- the file ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", ["alex-finance", "my-analytics-platform", "sales-analytics"])
def test_the_samples_of_the_specification_become_variables(make: Make, sample: str) -> None:
    made = make((SAMPLES / f"{sample}.yaml").read_text())
    again = make((SAMPLES / f"{sample}.yaml").read_text())
    assert made.text == again.text
    assert made.text.endswith("}\n")
    assert json.dumps(json.loads(made.text), indent=2, sort_keys=True) + "\n" == made.text
    for name, agent in made.variables["agents"].items():
        assert agent["function_name"] == f"{sample}-dev-{name}"
        assert agent["handler"] == f"backend.agents.{name}.lambda_handler.handler"


def test_the_order_of_agents_in_the_file_does_not_matter(make: Make) -> None:
    first = make("agents: {chief: {type: orchestrator}, a: {}, b: {}}")
    second = make("agents: {b: {}, a: {}, chief: {type: orchestrator}}")
    assert first.text == second.text


def test_an_agent_is_described_completely(make: Make) -> None:
    made = make("""
agents:
  writer:
    runtime: {timeout: 60, memory: 512, architecture: arm64, ephemeral_storage: 600, reserved_concurrency: 2,
              triggers: [sqs_queue], environment: {LEVEL: gold}}
    capabilities: {tools: [look_up]}
    dependencies: {database: read-only, storage: required, external_apis: [crm]}
""")
    assert made.variables["agents"]["writer"] == {
        "architecture": "arm64",
        "bedrock_models": [
            {
                "arn": "arn:aws:bedrock:us-east-1:{account}:inference-profile/us.amazon.nova-pro-v1:0",
                "destinations": ["arn:aws:bedrock:us-*::foundation-model/amazon.nova-pro-v1:0"],
            }
        ],
        "database_access": "read-only",
        "environment": {"LEVEL": "gold"},
        "environment_names": [],
        "ephemeral_storage": 600,
        "external_apis": ["crm"],
        "function_name": "shop-dev-writer",
        "handler": "backend.agents.writer.lambda_handler.handler",
        "memory": 512,
        "permissions": [],
        "reserved_concurrency": 2,
        "secret_names": [],
        "secret_references": {},
        "storage_access": "read-write",
        "timeout": 60,
        "tools": ["look_up"],
        "triggers": ["sqs_queue"],
        "type": "worker",
    }


def test_a_stage_changes_what_it_says(make: Make) -> None:
    text = """
agents: {writer: {runtime: {memory: 512}}}
stages:
  prod:
    agents: {writer: {runtime: {memory: 2048}}}
    infrastructure: {queue: {provider: sqs, config: {batch_size: 1}}}
"""
    assert make(text).variables["agents"]["writer"]["memory"] == 512
    prod = make(text, stage="prod").variables
    assert prod["agents"]["writer"]["memory"] == 2048
    assert prod["agents"]["writer"]["function_name"] == "shop-prod-writer"
    assert prod["queue"]["settings"]["batch_size"] == 1


def test_a_trigger_that_the_modules_do_not_make_is_noted(make: Make) -> None:
    made = make("agents: {writer: {runtime: {triggers: [schedule]}}}")
    assert any("no trigger 'schedule'" in note for note in made.notes)


# -- the orchestrator -------------------------------------------------------------------------------------------


def test_the_orchestrator_may_have_any_name_and_knows_its_workers_functions(make: Make) -> None:
    made = make("agents: {invoke_master: {type: orchestrator}, writer: {}, my_invoke_helper: {}}")
    assert made.variables["orchestrator"] == "invoke_master"
    assert made.variables["agents"]["invoke_master"]["environment"] == {
        "MY_INVOKE_HELPER_FUNCTION": "shop-dev-my_invoke_helper",
        "WRITER_FUNCTION": "shop-dev-writer",
    }
    assert made.variables["agents"]["writer"]["environment"] == {}


def test_only_the_first_invoke_of_a_tools_name_is_the_prefix(make: Make) -> None:
    text = "agents: {chief: {type: orchestrator, capabilities: {tools: [invoke_re_invoke_it]}}}"
    made = make(text, modules=("re_invoke_it",))
    assert "RE_INVOKE_IT_FUNCTION" in made.variables["agents"]["chief"]["environment"]


def test_an_orchestrator_is_added_where_only_rules_decide(make: Make) -> None:
    made = make("agents: {writer: {}}")
    assert made.variables["orchestrator"] == "orchestrator"
    assert made.variables["agents"]["orchestrator"]["type"] == "orchestrator"
    taken = make("agents: {orchestrator: {}}")
    assert taken.variables["orchestrator"] == "orchestrator_engine"


def test_an_undeclared_agent_with_code_becomes_a_function_and_one_without_is_noted(make: Make) -> None:
    rules = "orchestration: {selection_rules: [{name: all, agents: [writer, helper, ghost]}]}"
    made = make(f"agents: {{writer: {{}}}}\n{rules}", modules=("helper",))
    assert {"writer", "helper", "orchestrator"} == made.variables["agents"].keys()
    assert any("ghost" in note and "helper" not in note for note in made.notes)


def test_so_many_workers_that_their_names_do_not_fit_are_found_by_their_pattern(make: Make) -> None:
    workers = ", ".join(f"worker_number_{number}: {{}}" for number in range(60))
    made = make(f"agents: {{chief: {{type: orchestrator}}, {workers}}}")
    assert made.variables["agents"]["chief"]["environment"] == {}
    assert any("shop-dev-<worker>" in note for note in made.notes)


def test_a_second_orchestrator_is_refused(make: Make) -> None:
    told = refusal(make, "agents:\n  a: {type: orchestrator}\n  b: {type: orchestrator}\n")
    assert "agents.yaml:4: agents.b.type: a is the orchestrator already" in told


def test_the_engine_is_said_for_the_stage(make: Make) -> None:
    text = "agents: {writer: {}}\nstages: {prod: {orchestration: {engine: durable}}}"
    assert make(text).variables["engine"] == "checkpoint"
    assert make(text, stage="prod").variables["engine"] == "durable"


def test_the_durable_function_needs_room_for_its_name(make: Make) -> None:
    name = "a_chief_with_a_rather_long_name_indeed"
    text = f"project: {{name: a-project-with-a-lon}}\nagents:\n  {name}: {{type: orchestrator}}\n"
    assert len(f"a-project-with-a-lon-dev-{name}") in range(61, 65), "long, and still no longer than Lambda allows"
    make(text)
    assert "-run, " in refusal(make, f"{text}orchestration: {{engine: durable}}\n")


def test_approvals_get_a_public_url_only_where_the_stage_says_so(make: Make) -> None:
    text = "agents: {writer: {}}\nstages: {prod: {approvals: {function_url: true, function_url_concurrency: null}}}"
    assert make(text).variables["approvals"] == {"function_url": False, "reserved_concurrency": 2}
    made = make(text, stage="prod")
    assert made.variables["approvals"] == {"function_url": True, "reserved_concurrency": None}
    assert "everybody can call shop-prod-approvals by its URL" in " ".join(made.notes)


def test_the_pages_of_approvals_and_an_agent_cannot_have_one_function(make: Make) -> None:
    text = "agents: {approvals: {}}\n"
    make(text)
    assert "a function called shop-dev-approvals" in refusal(make, f"{text}approvals: {{function_url: true}}")


# -- names and stages -------------------------------------------------------------------------------------------


def test_the_local_stage_is_not_deployed(make: Make) -> None:
    assert "choose another with --stage" in refusal(make, "agents: {writer: {}}", stage="local")


def test_a_function_whose_name_would_be_too_long_is_refused(make: Make) -> None:
    name = "a_worker_with_a_rather_long_name_indeed"
    told = refusal(make, f"project: {{name: a-project-with-a-lone}}\nagents:\n  {name}: {{}}\n")
    assert f"agents.yaml:3: agents.{name}: its function would be called" in told


# -- infrastructure ---------------------------------------------------------------------------------------------


def test_without_infrastructure_nothing_costs_while_idle(make: Make) -> None:
    made = make("agents: {writer: {}}").variables
    assert [made[kind]["provider"] for kind in ("database", "queue", "storage")] == ["dynamodb", "sqs", "s3"]


def test_row_06_a_visibility_timeout_that_is_too_short_is_raised_and_noted(make: Make) -> None:
    text = "agents: {chief: {type: orchestrator, runtime: {timeout: 900}}, w: {}}\n"
    queue = "infrastructure: {queue: {provider: sqs, config: {visibility_timeout: 900}}}"
    made = make(text + queue)
    assert made.variables["queue"]["settings"]["visibility_timeout"] == 5400
    assert any("raised from 900 to 5400" in note for note in made.notes)
    longer = make(text + queue.replace("900", "7200"))
    assert longer.variables["queue"]["settings"]["visibility_timeout"] == 7200
    assert make(text).variables["queue"]["settings"]["visibility_timeout"] == 5400


def test_terraform_and_the_agents_each_get_their_part_of_a_block(make: Make) -> None:
    config = "{instance_class: db.t4g.large, multi_az: true, pool_max: 3, sslmode: require}"
    block = make(f"agents: {{w: {{}}}}\ninfrastructure: {{database: {{provider: postgres, config: {config}}}}}")
    assert block.variables["database"] == {
        "create": True,
        "existing": {},
        "provider": "rds-postgres",
        "runtime": {"pool_max": "3", "sslmode": "require"},
        "settings": {
            "deletion_protection": False,
            "instance_class": "db.t4g.large",
            "multi_az": True,
            "skip_final_snapshot": True,
        },
    }


def test_every_stage_but_dev_is_protected_from_deletion(make: Make) -> None:
    text = "agents: {w: {}}\ninfrastructure: {database: {provider: aurora}}"
    dev, prod = make(text).variables, make(text, stage="prod").variables
    assert dev["database"]["settings"] == {"deletion_protection": False, "skip_final_snapshot": True}
    assert prod["database"]["settings"] == {"deletion_protection": True, "skip_final_snapshot": False}
    assert (dev["storage"]["settings"], prod["storage"]["settings"]) == (
        {"force_destroy": True},
        {"force_destroy": False},
    )


def test_a_cluster_and_a_bucket_that_are_there_already_are_not_made(make: Make) -> None:
    made = make("""
agents: {w: {}}
infrastructure:
  database: {provider: aurora, config: {cluster_identifier: main, database: jobs}}
  storage: {provider: s3, config: {bucket: files, prefix: agents/}}
""").variables
    assert (made["database"]["create"], made["database"]["existing"]) == (False, {"cluster_identifier": "main"})
    assert (made["storage"]["create"], made["storage"]["existing"]) == (False, {"bucket": "files"})
    assert made["storage"]["claim_prefix"] == "agents/claims/"
    assert made["database"]["settings"] == {"database": "jobs"}


def test_a_class_of_ones_own_is_neither_made_nor_granted(make: Make) -> None:
    made = make("agents: {w: {}}\ninfrastructure: {database: {provider: 'my.stores:Db', config: {anything: 1}}}")
    assert made.variables["database"]["provider"] == "external"


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("database: {provider: aurora, config: {min_capactiy: 1}}", "did you mean 'min_capacity'?"),
        (f"database: {{provider: postgres, config: {{password: {CANARY}}}}}", "write 'secret'"),
        (f"database: {{provider: postgres, config: {{dsn: 'postgres://a:{CANARY}@h/d'}}}}", "write 'secret'"),
        ("database: {provider: postgres, config: {password_env: DB_PASSWORD}}", "leave this out"),
        ("database: {provider: sqlite}", "cannot be deployed"),
        ("storage: {provider: efs}", "use s3"),
        ("queue: {provider: local}", "use sqs or eventbridge"),
        ("queue: {provider: 'my.queues:Mine'}", "woken by SQS"),
        ("queue: {provider: sqs, config: {url: 'https://sqs/q'}}", "deploying makes the queue"),
        (f"storage: {{provider: s3, config: {{kms_key_id: sk-{CANARY}}}}}", "looks like a secret"),
    ],
)
def test_what_cannot_be_deployed_is_told_with_its_line(make: Make, block: str, told: str) -> None:
    message = refusal(make, f"agents: {{w: {{}}}}\ninfrastructure:\n  {block}\n")
    assert told in message
    assert message.startswith("agents.yaml:4: infrastructure.") or "agents.yaml:4: infrastructure." in message
    assert CANARY not in message


def test_all_problems_are_told_at_once(make: Make) -> None:
    told = refusal(make, "agents:\n  w: {runtime: {environment: [X]}}\ninfrastructure: {storage: {provider: efs}}\n")
    assert len(told.splitlines()) == 2


def test_functions_in_a_vpc_that_may_need_the_internet_are_noted(make: Make) -> None:
    text = "agents: {w: {llm: {provider: openai, model: gpt-5}}}\ninfrastructure: {database: {provider: rds-postgres}}"
    assert any("without a way to the internet" in note and "w" in note for note in make(text).notes)


@pytest.mark.parametrize("spec", [*DATABASE.values(), *QUEUE.values(), *STORAGE.values()], ids=lambda spec: spec.model)
def test_fields_for_what_is_there_already_are_fields_of_the_provider(spec: Any) -> None:
    module, _, name = spec.model.partition(":")
    fields = getattr(__import__(module, fromlist=[name]), name).model_fields
    assert {*spec.given} - {"cluster_identifier"} <= fields.keys()


# -- the command ------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command on a small project: exit code, standard output, standard error."""
    agents = "agents: {writer: {runtime: {environment: [LEVEL, API_KEY]}}}\n"
    (tmp_path / "agents.yaml").write_text(f"project: {{name: shop}}\n{agents}")

    def invoke(*arguments: str) -> tuple[int, str, str]:
        code = generate_config.main(["--project", str(tmp_path), *arguments], standalone_mode=False)
        told = capsys.readouterr()
        return int(code or 0), told.out, told.err

    return invoke


def test_the_command_writes_the_file_and_says_what_is_still_needed(run: Any, tmp_path: Path) -> None:
    code, out, err = run()
    assert code == 0
    assert f"{TFVARS} written: stage dev, 2 functions" in out
    assert "environment_values): LEVEL" in out
    assert "/parameter): API_KEY" in out
    assert "note: no agent is the orchestrator" in err
    before = (tmp_path / TFVARS).stat().st_mtime_ns
    assert "is up to date" in run()[1]
    assert (tmp_path / TFVARS).stat().st_mtime_ns == before


def test_check_fails_while_the_file_is_missing_or_out_of_date_and_writes_nothing(run: Any, tmp_path: Path) -> None:
    code, _, err = run("--check")
    assert code == 1
    assert "run: agent-framework generate-config --stage dev" in err
    assert not (tmp_path / TFVARS).exists()
    run()
    assert run("--check")[0] == 0
    assert run("--check", "--stage", "prod")[0] == 1
    (tmp_path / TFVARS).write_text((tmp_path / TFVARS).read_text() + "\n")
    assert run("--check")[0] == 1


def test_json_holds_everything(run: Any, tmp_path: Path) -> None:
    code, out, _ = run("--json", "--stage", "prod")
    told = json.loads(out)
    assert code == 0
    assert (told["stage"], told["written"], told["up_to_date"]) == ("prod", True, False)
    assert (told["environment_values"], told["secrets"]) == (["LEVEL"], ["API_KEY"])
    assert told["variables"] == json.loads((tmp_path / TFVARS).read_text())


def test_the_file_is_not_written_through_a_link(run: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    project_folder = tmp_path / "terraform"
    os.symlink(tmp_path.parent, project_folder)
    with pytest.raises(Exception, match="symbolic link"):
        run()
