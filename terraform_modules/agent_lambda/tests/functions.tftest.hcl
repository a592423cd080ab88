mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mocked" }
  }
}

variables {
  project_name = "shop"
  stage        = "prod"
  s3_bucket_id = "shop-prod-code"

  agents = {
    planner = {
      type        = "orchestrator"
      timeout     = 60
      permissions = [{ actions = ["sns:Publish"], resources = ["*"], reason = "telephone numbers are no resources" }]
    }
    writer = {
      timeout           = 120
      memory            = 512
      architecture      = "arm64"
      environment_names = ["LEVEL"]
      secret_names      = ["API_KEY"]
      permissions = [
        { actions = ["rds-data:ExecuteStatement"], resources = ["arn:aws:rds:eu-central-1:123456789012:cluster:shop"] },
        { actions = ["s3:GetObject", "s3:PutObject"], resources = ["arn:aws:s3:::shop-files/*"] },
      ]
    }
  }
  packages = {
    planner = { s3_key = "packages/planner/1.zip", source_code_hash = "aGFzaA==" }
    writer  = { s3_key = "packages/writer/2.zip", source_code_hash = "aGFzaA==" }
  }
  environment_values = { LEVEL = "gold" }
  secrets            = { API_KEY = "/shop/prod/api-key" }
  queue              = { arn = "arn:aws:sqs:eu-central-1:123456789012:shop-prod-jobs", url = "https://sqs/shop-prod-jobs" }
}

run "a_function_for_each_agent" {
  assert {
    condition     = output.lambda_names == { planner = "shop-prod-planner", writer = "shop-prod-writer" }
    error_message = "Functions are called <project>-<stage>-<agent>."
  }

  assert {
    condition     = aws_lambda_function.agent["writer"].handler == "backend.agents.writer.lambda_handler.handler"
    error_message = "The handler follows from the agent's name."
  }

  assert {
    condition     = aws_lambda_function.agent["writer"].runtime == "python3.13" && aws_lambda_function.agent["writer"].architectures[0] == "arm64"
    error_message = "Runtime and architecture are as declared."
  }

  assert {
    condition     = aws_lambda_function.agent["writer"].source_code_hash == "aGFzaA=="
    error_message = "New code is noticed by its hash."
  }

  assert {
    condition     = aws_lambda_function.agent["writer"].tracing_config[0].mode == "Active"
    error_message = "Functions are traced."
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.agent["writer"].statement : [statement.sid, join(" ", statement.actions), join(" ", statement.resources)] if startswith(coalesce(statement.sid, "-"), "Permission")] == [
      ["Permission1", "rds-data:ExecuteStatement", "arn:aws:rds:eu-central-1:123456789012:cluster:shop"],
      ["Permission2", "s3:GetObject s3:PutObject", "arn:aws:s3:::shop-files/*"],
    ]
    error_message = "The role has the permissions as they are written."
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.agent["planner"].statement : join(" ", statement.actions) if startswith(coalesce(statement.sid, "-"), "Permission")] == ["sns:Publish"]
    error_message = "An orchestrator has its own, and none of another agent."
  }
}

run "jobs_may_go_round" {
  assert {
    condition     = alltrue([for config in values(aws_lambda_function_recursion_config.agent) : config.recursive_loop == "Allow"])
    error_message = "Lambda must not stop a job because its steps wake the orchestrator again and again."
  }
}

run "some_variables_are_the_orchestrators_alone" {
  variables {
    orchestrator_env_vars = { AGENT_FRAMEWORK_DURABLE_FUNCTION = "arn" }
  }

  assert {
    condition     = aws_lambda_function.agent["planner"].environment[0].variables["AGENT_FRAMEWORK_DURABLE_FUNCTION"] == "arn"
    error_message = "The orchestrator is told how often a message is delivered."
  }

  assert {
    condition     = !contains(keys(aws_lambda_function.agent["writer"].environment[0].variables), "AGENT_FRAMEWORK_DURABLE_FUNCTION")
    error_message = "Workers are not told what is the orchestrator's."
  }
}

run "secrets_are_named_not_shown" {
  assert {
    condition     = aws_lambda_function.agent["writer"].environment[0].variables["LEVEL"] == "gold"
    error_message = "Plain values are variables."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.agent["writer"].environment[0].variables["AGENT_FRAMEWORK_SECRETS"]) == { API_KEY = "/shop/prod/api-key" }
    error_message = "Of a secret the place is told."
  }

  assert {
    condition     = !contains(keys(aws_lambda_function.agent["planner"].environment[0].variables), "AGENT_FRAMEWORK_SECRETS")
    error_message = "An agent is told of its own secrets only."
  }
}

run "logs_are_kept_for_a_while" {
  assert {
    condition     = aws_cloudwatch_log_group.agent["writer"].name == "/aws/lambda/shop-prod-writer" && aws_cloudwatch_log_group.agent["writer"].retention_in_days == 30
    error_message = "The log group is the function's, with a retention."
  }
}

run "only_the_engine_retries" {
  assert {
    condition     = alltrue([for config in values(aws_lambda_function_event_invoke_config.agent) : config.maximum_retry_attempts == 0])
    error_message = "Lambda must not repeat attempts."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.agent["writer"].destination_config[0].on_failure[0].destination == var.queue.arn
    error_message = "A worker's failure comes to the jobs queue."
  }

  assert {
    condition     = length(aws_lambda_function_event_invoke_config.agent["planner"].destination_config) == 0
    error_message = "A failing orchestrator must not feed its own queue."
  }
}

run "a_missing_package_is_told" {
  command = plan

  variables {
    packages = { planner = { s3_key = "packages/planner/1.zip", source_code_hash = "aGFzaA==" } }
  }

  expect_failures = [aws_lambda_function.agent["writer"]]
}

run "a_missing_value_is_told" {
  command = plan

  variables {
    environment_values = {}
  }

  expect_failures = [aws_lambda_function.agent["writer"]]
}

run "too_many_variables_are_refused" {
  command = plan

  variables {
    common_env_vars = { LONG = join("", [for number in range(500) : "123456789"]) }
  }

  expect_failures = [aws_lambda_function.agent["planner"], aws_lambda_function.agent["writer"]]
}

run "a_secret_among_plain_values_is_refused" {
  command = plan

  variables {
    environment_values = { LEVEL = "gold", API_KEY = "value" }
  }

  expect_failures = [var.environment_values]
}

run "the_value_of_a_secret_is_refused" {
  command = plan

  variables {
    secrets = { API_KEY = "value" }
  }

  expect_failures = [var.secrets]
}

run "rds_needs_a_network" {
  command = plan

  variables {
    database = { provider = "rds-postgres", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db" }
  }

  expect_failures = [aws_lambda_function.agent["planner"], aws_lambda_function.agent["writer"]]
}

run "a_timeout_above_the_limit_is_refused" {
  command = plan

  variables {
    agents = { planner = { type = "orchestrator", timeout = 901 } }
  }

  expect_failures = [var.agents]
}

run "a_wide_permission_needs_a_reason" {
  command = plan

  variables {
    agents = { planner = { type = "orchestrator", permissions = [{ actions = ["dynamodb:GetItem"], resources = ["arn:aws:dynamodb:eu-central-1:123456789012:table/*"] }] } }
  }

  expect_failures = [var.agents]
}

run "rights_to_give_rights_are_refused" {
  command = plan

  variables {
    agents = { planner = { type = "orchestrator", permissions = [{ actions = ["iam:PassRole"], resources = ["*"], reason = "no reason will do" }] } }
  }

  expect_failures = [var.agents]
}

run "a_name_above_the_limit_is_refused" {
  command = plan

  variables {
    project_name = "a-project-with-a-rather-long-nam"
    agents       = { an_agent_with_a_very_long_name_as_well_ok = {} }
  }

  expect_failures = [var.agents]
}
