# The durable function beside the orchestrator's: the same package and role, another entry point. The orchestrator's
# function starts its executions, one for each job and run; workers are invoked from within them.
#
# Lambda makes a function durable only when it is created, and starts executions by version or alias only: each change is
# published, and an execution stays with the version that it began on.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  name   = "${var.project_name}-${var.stage}-${var.orchestrator}"
  prefix = "arn:${data.aws_partition.current.partition}:lambda:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:function"

  # Named, not referred to: the orchestrator's function is told of this one, so it cannot be asked here.
  orchestrator_arn = "${local.prefix}:${local.name}"
  function_arn     = "${local.prefix}:${local.name}-run"

  tags = merge(var.tags, {
    Project = var.project_name, Stage = var.stage, Agent = var.orchestrator, ManagedBy = "agent-framework"
  })
}

resource "aws_lambda_function" "run" {
  # checkov:skip=CKV_AWS_116:an execution that fails is followed by another one, which the sweeper starts
  # checkov:skip=CKV_AWS_117:in a VPC only where the database is (var.vpc); elsewhere a VPC would need a NAT gateway
  # checkov:skip=CKV_AWS_173:secrets are not in variables; a customer managed key is used where one is given
  # checkov:skip=CKV_AWS_272:the package is named by its hash and checked by it; signing needs a profile of the account's
  # checkov:skip=CKV_AWS_115:an execution holds no process while agents run; a limit would take concurrency from workers
  function_name = "${local.name}-run"
  description   = "Jobs of ${var.project_name}, stage ${var.stage}, as durable executions"
  role          = var.orchestrator_role_arn
  runtime       = var.runtime
  handler       = var.handler
  architectures = [var.architecture]
  timeout       = var.timeout
  memory_size   = var.memory
  kms_key_arn   = one(var.kms_key_arns)
  publish       = true

  s3_bucket        = var.package.s3_bucket
  s3_key           = var.package.s3_key
  source_code_hash = var.package.source_code_hash

  durable_config {
    execution_timeout = var.execution_timeout
    retention_period  = var.retention_days
  }

  environment {
    variables = merge(var.environment, {
      AGENT_FRAMEWORK_PROJECT = var.project_name
      AGENT_FRAMEWORK_STAGE   = var.stage
      AGENT_FRAMEWORK_AGENT   = var.orchestrator
    })
  }

  tracing_config {
    mode = "Active"
  }

  logging_config {
    log_format = "JSON"
    log_group  = var.log_group_name
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tags = local.tags

  lifecycle {
    precondition {
      condition     = length("${local.name}-run") <= 64
      error_message = "The durable function would be called ${local.name}-run; Lambda allows 64 characters."
    }
  }

  depends_on = [aws_iam_role_policy.durable]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What new executions are started with"
  function_name    = aws_lambda_function.run.function_name
  function_version = aws_lambda_function.run.version
}

resource "aws_iam_role_policy" "durable" {
  name   = "durable"
  role   = var.orchestrator_role_name
  policy = data.aws_iam_policy_document.durable.json
}

data "aws_iam_policy_document" "durable" {
  statement {
    sid       = "KeepCheckpoints"
    actions   = ["lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"]
    resources = ["${local.function_arn}:*"] # the versions and executions of this function
  }

  statement {
    sid       = "StartExecutions"
    actions   = ["lambda:InvokeFunction"]
    resources = ["${local.function_arn}:*"] # its alias, and the version in which a long job is carried on
  }

  statement {
    sid       = "FindExecutions"
    actions   = ["lambda:ListDurableExecutionsByFunction"]
    resources = [local.function_arn, "${local.function_arn}:*"] # the function, by alias or version
  }

  statement {
    sid       = "InvokeOrchestrator"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.orchestrator_arn]
  }
}
