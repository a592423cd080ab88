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

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:mocked" }
  }
}

variables {
  project_name = "shop"
  stage        = "prod"
  functions    = { planner = "shop-prod-planner", writer = "shop-prod-writer" }
  queue_name   = "shop-prod-jobs"
  dlq_name     = "shop-prod-jobs-dlq"
}

run "alarms_on_what_goes_wrong_quietly" {
  assert {
    condition = output.alarm_names == tolist([
      "shop-prod-dead-letters", "shop-prod-planner-errors", "shop-prod-planner-throttles", "shop-prod-queue-age",
      "shop-prod-writer-errors", "shop-prod-writer-throttles",
    ])
    error_message = "Dead letters, queue age, and errors and throttles of every function."
  }

  assert {
    condition     = length(aws_sns_topic.alarms) == 0 && length(output.topic_arns) == 0
    error_message = "No topic without addresses."
  }
}

run "addresses_make_a_topic" {
  variables {
    alarm_emails = ["owner@example.com"]
  }

  assert {
    condition     = output.topic_arns == tolist(["arn:aws:sns:eu-central-1:123456789012:mocked"])
    error_message = "The alarms go to the topic."
  }

  assert {
    condition     = aws_sns_topic_subscription.mail["owner@example.com"].protocol == "email"
    error_message = "The topic mails."
  }
}

run "no_address_is_refused" {
  command = plan

  variables {
    alarm_emails = ["owner"]
  }

  expect_failures = [var.alarm_emails]
}
