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

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:mocked" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }
}

variables {
  project_name            = "shop"
  stage                   = "prod"
  orchestrator_lambda_arn = "arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-chief"
  orchestrator_role_name  = "shop-prod-chief"
  function_timeout        = 300
  worker_lambda_arns      = { writer = "arn:aws:lambda:eu-central-1:123456789012:function:shop-prod-writer" }
}

run "messages_stay_invisible_for_six_timeouts" {
  assert {
    condition     = aws_sqs_queue.jobs.visibility_timeout_seconds == 1800
    error_message = "Six times the function's timeout is the default."
  }

  assert {
    condition     = output.queue_name == "shop-prod-jobs" && output.dlq_name == "shop-prod-jobs-dlq"
    error_message = "The stage is in every name."
  }
}

run "dead_letters_are_kept_for_14_days" {
  assert {
    condition     = aws_sqs_queue.jobs_dlq.message_retention_seconds == 1209600
    error_message = "Dead letters outlive a holiday."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_policy.jobs.redrive_policy).maxReceiveCount == 3
    error_message = "A poison message goes to the dead letters."
  }
}

run "one_bad_message_fails_alone" {
  assert {
    condition     = aws_lambda_event_source_mapping.jobs.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "Failed messages are reported one by one."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.jobs.scaling_config[0].maximum_concurrency == 10
    error_message = "Orchestrators are bounded."
  }
}

run "the_sweeper_runs_by_itself" {
  assert {
    condition     = aws_scheduler_schedule.sweeper.schedule_expression == "rate(1 minute)" && aws_scheduler_schedule.sweeper.target[0].arn == var.orchestrator_lambda_arn
    error_message = "The orchestrator is woken every minute."
  }
}

run "without_a_bus" {
  assert {
    condition     = length(aws_cloudwatch_event_bus.jobs) == 0 && length(output.event_bus_arns) == 0
    error_message = "A bus is made only where it is asked for."
  }

  assert {
    condition     = sort(keys(output.config)) == tolist(["dead_letter_url", "url"])
    error_message = "The configuration is that of provider sqs."
  }
}

run "with_a_bus" {
  variables {
    event_bus = {}
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.jobs[0].event_pattern) == { source = ["agent-framework"], "detail-type" = ["job"] }
    error_message = "The rule takes the events that the provider sends."
  }

  assert {
    condition     = sort(keys(output.config)) == tolist(["bus", "dead_letter_url", "detail_type", "queue_url", "source"])
    error_message = "The configuration is that of provider eventbridge."
  }
}

run "too_short_a_visibility_timeout_is_refused" {
  command = plan

  variables {
    visibility_timeout = 1799
  }

  expect_failures = [var.visibility_timeout]
}

run "a_schedule_of_another_form_is_refused" {
  command = plan

  variables {
    sweep_schedule = "every minute"
  }

  expect_failures = [var.sweep_schedule]
}
