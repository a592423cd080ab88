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

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:mocked", version = "7" }
  }
}

variables {
  project_name           = "shop"
  stage                  = "prod"
  orchestrator           = "chief"
  orchestrator_role_arn  = "arn:aws:iam::123456789012:role/shop-prod-chief"
  orchestrator_role_name = "shop-prod-chief"
  log_group_name         = "/aws/lambda/shop-prod-chief"
  package = {
    s3_bucket        = "shop-prod-code"
    s3_key           = "packages/chief/abc.zip"
    source_code_hash = "abc="
  }
}

run "a_function_that_is_durable_from_its_creation" {
  assert {
    condition     = aws_lambda_function.run.durable_config[0].execution_timeout == 31622400
    error_message = "An execution may take as long as Lambda allows."
  }

  assert {
    condition     = aws_lambda_function.run.durable_config[0].retention_period == 14
    error_message = "Two weeks of history."
  }

  assert {
    condition     = aws_lambda_function.run.function_name == "shop-prod-chief-run"
    error_message = "The stage is in the name, and it is not the orchestrator's."
  }
}

run "executions_are_started_by_an_alias_of_a_published_version" {
  assert {
    condition     = aws_lambda_function.run.publish && aws_lambda_alias.live.function_version == "7"
    error_message = "Lambda starts executions by version or alias only."
  }
}

run "it_knows_whose_it_is" {
  variables {
    environment = { AGENT_FRAMEWORK_INFRASTRUCTURE = "{}" }
  }

  assert {
    condition = aws_lambda_function.run.environment[0].variables == tomap({
      AGENT_FRAMEWORK_AGENT          = "chief"
      AGENT_FRAMEWORK_INFRASTRUCTURE = "{}"
      AGENT_FRAMEWORK_PROJECT        = "shop"
      AGENT_FRAMEWORK_STAGE          = "prod"
    })
    error_message = "The function opens the orchestrator's project."
  }
}

run "its_role_may_do_no_more_than_it_needs" {
  assert {
    condition = toset(flatten([for statement in data.aws_iam_policy_document.durable.statement : statement.actions])) == toset([
      "lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState", "lambda:InvokeFunction",
      "lambda:ListDurableExecutionsByFunction",
    ])
    error_message = "These four actions."
  }

  assert {
    condition = alltrue([
      for resource in flatten([for statement in data.aws_iam_policy_document.durable.statement : statement.resources]) :
      startswith(resource, "arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-chief")
    ])
    error_message = "On this function and the orchestrator's."
  }
}

run "an_older_python_is_refused" {
  command = plan

  variables {
    runtime = "python3.12"
  }

  expect_failures = [var.runtime]
}

run "an_execution_longer_than_lambda_allows_is_refused" {
  command = plan

  variables {
    execution_timeout = 40000000
  }

  expect_failures = [var.execution_timeout]
}

run "a_history_longer_than_lambda_keeps_is_refused" {
  command = plan

  variables {
    retention_days = 91
  }

  expect_failures = [var.retention_days]
}

run "a_name_that_lambda_does_not_take_is_refused" {
  command = plan

  variables {
    orchestrator = "a_name_that_is_so_long_that_nobody_would_want_to_read_it_twice"
  }

  expect_failures = [aws_lambda_function.run]
}
