"""``generate-config``: what of agents.yaml becomes a variable of Terraform, what is refused, and no secret."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_framework.cli.deployment.environment import problems
from agent_framework.cli.deployment.infrastructure import DATABASE, QUEUE, STORAGE
from agent_framework.cli.deployment.models import bedrock_model
from agent_framework.cli.deployment.tfvars import TFVARS, TerraformConfig, terraform_config
from agent_framework.cli.generate import generate_config
from agent_framework.config.loader import ConfigLoader
from agent_framework.errors import ConfigError
from agent_framework.observability.redaction import is_secret_name, looks_secret

SAMPLES = Path(__file__).parents[1] / "config" / "samples"
CANARY = "canary-0f7d-value-of-a-secret"
Make = Callable[..., TerraformConfig]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """The variables of an agents.yaml: ``make("agents: {...}", stage="prod")``; the project is called shop."""

    def made(text: str, *, stage: str = "dev", modules: tuple[str, ...] = ()) -> TerraformConfig:
        (tmp_path / "agents.yaml").write_text(text if "project:" in text else f"project: {{name: shop}}\n{text}")
        for name in modules:
            folder = tmp_path / "backend" / "agents" / name
            folder.mkdir(parents=True)
            (folder / "agent.py").write_text("raise AssertionError('generating must not import agents')\n")
        return terraform_config(ConfigLoader(tmp_path, stage=stage))

    return made


def refusal(make: Make, text: str, **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        make(text, **options)
    return str(caught.value)


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


def test_permissions_are_their_agents_own_and_the_same_bytes_in_any_order(make: Make) -> None:
    cluster, files = "arn:aws:rds:us-east-1:123456789012:cluster:a", "arn:aws:s3:::files/*"
    text = """
agents:
  chief: {{type: orchestrator, permissions: [{{actions: [sns:Publish], resources: ["*"], reason: telephone numbers}}]}}
  reader: {{permissions: [{{actions: [{0}], resources: ["{1}", "{2}"]}}]}}
  writer: {{}}
stages:
  prod: {{agents: {{reader: {{permissions: []}}}}}}
"""
    made = make(text.format("rds-data:ExecuteStatement, rds-data:BeginTransaction", cluster, files))
    again = make(text.format("rds-data:BeginTransaction, rds-data:ExecuteStatement", files, cluster))
    assert made.text == again.text
    assert {name: agent["permissions"] for name, agent in made.variables["agents"].items()} == {
        "chief": [{"actions": ["sns:Publish"], "reason": "telephone numbers", "resources": ["*"]}],
        "reader": [
            {
                "actions": ["rds-data:BeginTransaction", "rds-data:ExecuteStatement"],
                "reason": None,
                "resources": [cluster, files],
            }
        ],
        "writer": [],
    }
    assert made.notes == ("chief may do more than it names, *: telephone numbers",)
    prod = make(text.format("s3:GetObject", cluster, files), stage="prod")
    assert prod.variables["agents"]["reader"]["permissions"] == []


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


def test_the_orchestrator_may_call_models_only_where_it_is_one(make: Make) -> None:
    text = "agents: {chief: {type: orchestrator}, writer: {}}\n"
    assert make(text).variables["agents"]["chief"]["bedrock_models"] == []
    thinking = make(f"{text}orchestration: {{strategy: agent}}")
    assert thinking.variables["agents"]["chief"]["bedrock_models"] != []


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


# -- environment and secrets ------------------------------------------------------------------------------------


def test_names_are_asked_for_later_and_secrets_by_their_place(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", CANARY)
    monkeypatch.setenv("LEVEL", CANARY)
    made = make("agents: {writer: {runtime: {environment: [LEVEL, API_KEY, DATABASE_URL]}}, other: {}}")
    assert made.environment_names == ("LEVEL",)
    assert made.secret_names == ("API_KEY", "DATABASE_URL")
    assert made.variables["agents"]["other"]["secret_names"] == []
    assert CANARY not in made.text
    assert CANARY not in repr(made)


def test_the_place_of_a_secret_may_stand_in_agents_yaml(make: Make) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:crm-AbCdEf"
    made = make(f"agents: {{writer: {{runtime: {{environment: {{CRM_TOKEN: '{arn}', API_KEY: /shop/key}}}}}}}}")
    writer = made.variables["agents"]["writer"]
    assert writer["secret_references"] == {"API_KEY": "/shop/key", "CRM_TOKEN": arn}
    assert writer["environment"] == {}


def test_the_value_of_a_secret_may_not_and_is_not_repeated(make: Make) -> None:
    told = refusal(make, f"agents:\n  writer:\n    runtime:\n      environment: {{API_KEY: {CANARY}}}\n")
    assert "agents.writer.runtime.environment: API_KEY looks like a secret" in told
    assert CANARY not in told


@pytest.mark.parametrize(
    "value",
    [
        "sk-proj-abcdefghijklmnop1234",
        "AKIAABCDEFGHIJKLMNOP",
        "postgres://me:hunter2@host/db",
        "-----BEGIN RSA PRIVATE KEY-----",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    ],
)
def test_a_value_with_the_form_of_a_secret_is_refused_under_any_name(make: Make, value: str) -> None:
    told = refusal(make, f"agents: {{writer: {{runtime: {{environment: {{LEVEL: '{value}'}}}}}}}}")
    assert "the value of LEVEL looks like a secret" in told
    assert value not in told


@pytest.mark.parametrize(
    "value", ["https://api.example.com/v1", "gold", "eu-central-1", "a:b", "/mnt/data", "10.0.0.1"]
)
def test_ordinary_values_are_not_taken_for_secrets(value: str) -> None:
    assert not looks_secret(value)


@pytest.mark.parametrize(
    ("name", "secret"),
    [("API_KEY", True), ("db_password", True), ("API_KEY_ARN", False), ("VALIDATION_API_URL", False), ("LEVEL", False)],
)
def test_names_say_whether_they_hold_a_secret(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AGENT_FRAMEWORK_STAGE", "A-B", "X"])
def test_names_that_lambda_does_not_take_are_refused(make: Make, name: str) -> None:
    assert name in refusal(make, f"agents: {{writer: {{runtime: {{environment: ['{name}']}}}}}}")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=5))
def test_whatever_is_wrong_with_variables_is_told_without_their_values(declared: dict[str, str]) -> None:
    told = " ".join(problems({name: f"{value}{CANARY}" for name, value in declared.items()}))
    assert CANARY not in told


# -- models -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "region", "arn", "destinations"),
    [
        (
            "amazon.nova-lite-v1:0",
            "eu-west-1",
            "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
            [],
        ),
        (
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "eu-central-1",
            "arn:aws:bedrock:eu-central-1:{account}:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ["arn:aws:bedrock:eu-*::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0"],
        ),
        (
            "global.anthropic.claude-opus-4-5-v1:0",
            "us-east-1",
            "arn:aws:bedrock:us-east-1:{account}:inference-profile/global.anthropic.claude-opus-4-5-v1:0",
            ["arn:aws:bedrock:*::foundation-model/anthropic.claude-opus-4-5-v1:0"],
        ),
        (
            "us-gov.amazon.nova-pro-v1:0",
            "us-gov-west-1",
            "arn:aws-us-gov:bedrock:us-gov-west-1:{account}:inference-profile/us-gov.amazon.nova-pro-v1:0",
            ["arn:aws-us-gov:bedrock:us-gov-*::foundation-model/amazon.nova-pro-v1:0"],
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
            "us-east-1",
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
            ["arn:aws:bedrock:*::foundation-model/*"],
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",
            "us-east-1",
            "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc",
            [],
        ),
    ],
)
def test_ids_of_models_become_arns(model: str, region: str, arn: str, destinations: list[str]) -> None:
    assert bedrock_model(model, region) == {"arn": arn, "destinations": destinations}


def test_other_providers_need_a_key_instead_of_a_right(make: Make) -> None:
    agents = make("""
agents:
  a: {llm: {provider: openai, model: gpt-5}}
  b: {llm: {provider: anthropic, model: claude, api_key_env: TEAM_KEY}}
  c: {llm: {provider: litellm, model: bedrock/converse/us.amazon.nova-lite-v1:0}}
  d: {llm: {fallback_model: openai/gpt-5}}
  e: {llm: {provider: offline}}
llm: {fallback_model: null}
""").variables["agents"]
    assert agents["a"]["secret_names"] == ["OPENAI_API_KEY"]
    assert agents["b"]["secret_names"] == ["TEAM_KEY"]
    assert agents["c"]["bedrock_models"][0]["arn"].endswith("inference-profile/us.amazon.nova-lite-v1:0")
    assert agents["d"]["secret_names"] == ["OPENAI_API_KEY"]
    assert [agents[name]["bedrock_models"] for name in "abe"] == [[], [], []]
    assert agents["d"]["bedrock_models"] != []


def test_the_models_region_wins_and_the_fallback_counts(make: Make) -> None:
    made = make("agents: {writer: {}}\nllm: {region: eu-west-1, model: a.b-v1:0, fallback_model: a.c-v1:0}")
    assert [model["arn"] for model in made.variables["agents"]["writer"]["bedrock_models"]] == [
        "arn:aws:bedrock:eu-west-1::foundation-model/a.b-v1:0",
        "arn:aws:bedrock:eu-west-1::foundation-model/a.c-v1:0",
    ]


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
