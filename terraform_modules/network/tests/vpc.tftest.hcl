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

  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
  }
}

variables {
  project_name = "shop"
  stage        = "prod"
}

run "subnets_in_two_zones" {
  assert {
    condition     = sort([for subnet in aws_subnet.private : subnet.cidr_block]) == tolist(["10.40.0.0/24", "10.40.1.0/24"])
    error_message = "Each zone has its own addresses."
  }

  assert {
    condition     = length(aws_vpc_endpoint.service) == 0 && length(aws_flow_log.rejected) == 0
    error_message = "Nothing that costs is made unasked."
  }
}

run "endpoints_as_asked" {
  variables {
    interface_endpoints = ["sqs", "lambda"]
  }

  assert {
    condition     = aws_vpc_endpoint.service["sqs"].service_name == "com.amazonaws.eu-central-1.sqs" && aws_vpc_endpoint.service["sqs"].private_dns_enabled
    error_message = "The usual address leads to the endpoint."
  }
}

run "flow_logs_as_asked" {
  variables {
    flow_log_retention_days = 30
  }

  assert {
    condition     = aws_flow_log.rejected[0].traffic_type == "REJECT" && aws_cloudwatch_log_group.flow[0].retention_in_days == 30
    error_message = "Rejected connections are logged."
  }
}

run "an_impossible_block_is_refused" {
  command = plan

  variables {
    cidr_block = "10.40.0.0/28"
  }

  expect_failures = [var.cidr_block]
}
