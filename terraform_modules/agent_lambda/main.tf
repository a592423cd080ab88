# One function, log group and least-privilege role per agent.
#
# What an agent may do follows from its 'dependencies' in agents.yaml. The least of it, 'own-outcome', is what running an
# attempt takes: read the job, write the outcome, keep a large result under the agent's own prefix, wake the job. What its
# own code does in AWS besides stands in its 'permissions', as it is written there.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  names = {
    for name, agent in var.agents : name => coalesce(agent.function_name, "${var.project_name}-${var.stage}-${name}")
  }
  tags    = merge(var.tags, { Project = var.project_name, Stage = var.stage, ManagedBy = "agent-framework" })
  uploads = { for name, package in var.packages : name => package if package.path != null && contains(keys(var.agents), name) }

  # Where each agent's secrets are: what agents.yaml says itself, else var.secrets.
  secrets = {
    for name, agent in var.agents : name => merge(
      { for secret in agent.secret_names : secret => var.secrets[secret] if contains(keys(var.secrets), secret) },
      agent.secret_references,
    )
  }
  secret_arns = {
    for name, references in local.secrets : name => [
      for reference in values(references) : reference if can(regex("^arn:[^:]+:secretsmanager:", reference))
    ]
  }
  parameter_arns = {
    for name, references in local.secrets : name => [
      for reference in values(references) : startswith(reference, "/")
      ? "arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${reference}" : reference
      if !can(regex("^arn:[^:]+:secretsmanager:", reference))
    ]
  }
  missing = {
    for name, agent in var.agents : name => concat(
      [for plain in agent.environment_names : "${plain} (in environment_values)" if !contains(keys(var.environment_values), plain)],
      [for secret in agent.secret_names : "${secret} (in secrets)" if !contains(keys(local.secrets[name]), secret)],
    )
  }
  environment = {
    for name, agent in var.agents : name => merge(
      var.common_env_vars,
      { for plain in agent.environment_names : plain => var.environment_values[plain] if contains(keys(var.environment_values), plain) },
      agent.environment,
      agent.type == "orchestrator" ? var.orchestrator_env_vars : {},
      {
        AGENT_FRAMEWORK_PROJECT = var.project_name
        AGENT_FRAMEWORK_STAGE   = var.stage
        AGENT_FRAMEWORK_AGENT   = name
      },
      length(local.secrets[name]) > 0 ? { AGENT_FRAMEWORK_SECRETS = jsonencode(local.secrets[name]) } : {},
    )
  }

  is_dynamodb = var.database.provider == "dynamodb"
  is_aurora   = var.database.provider == "aurora-serverless-v2"
  has_secret  = contains(["aurora-serverless-v2", "rds-postgres"], var.database.provider)

  on_own_partitions = {
    for name, agent in var.agents : name =>
    local.is_dynamodb && agent.type == "worker" && agent.database_access != "read-write"
  }
  bedrock = {
    for name, agent in var.agents : name => [
      for model in agent.bedrock_models : {
        arn          = replace(model.arn, "{account}", local.account)
        destinations = model.destinations
      }
    ]
  }
}

resource "aws_cloudwatch_log_group" "agent" {
  # checkov:skip=CKV_AWS_158:encrypted with the customer managed key where one is given; AWS's own key costs nothing
  # checkov:skip=CKV_AWS_338:how long logs are kept is the project's choice (log_retention_days)
  for_each = var.agents

  name              = "/aws/lambda/${local.names[each.key]}"
  retention_in_days = var.log_retention_days
  kms_key_id        = one(var.kms_key_arns)
  tags              = merge(local.tags, { Agent = each.key })
}

resource "aws_s3_object" "package" {
  for_each = local.uploads

  bucket      = var.s3_bucket_id
  key         = each.value.s3_key
  source      = each.value.path
  source_hash = each.value.source_code_hash
  tags        = { Project = var.project_name, Stage = var.stage, Agent = each.key }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lambda_function" "agent" {
  # checkov:skip=CKV_AWS_116:a worker's failures go to the jobs queue as on-failure destination, see below
  # checkov:skip=CKV_AWS_117:in a VPC only where the database is (var.vpc); elsewhere a VPC would need a NAT gateway
  # checkov:skip=CKV_AWS_173:secrets are not in variables; a customer managed key is used where one is given
  # checkov:skip=CKV_AWS_272:packages are named by their hash and checked by it; signing needs a profile of the account's
  # checkov:skip=CKV_AWS_115:reserved concurrency is set per agent in agents.yaml; a default would take it from others
  for_each = var.agents

  function_name                  = local.names[each.key]
  description                    = "Agent ${each.key} of ${var.project_name}, stage ${var.stage}"
  role                           = aws_iam_role.agent[each.key].arn
  runtime                        = var.runtime
  handler                        = coalesce(each.value.handler, "backend.agents.${each.key}.lambda_handler.handler")
  architectures                  = [each.value.architecture]
  timeout                        = each.value.timeout
  memory_size                    = each.value.memory
  reserved_concurrent_executions = coalesce(each.value.reserved_concurrency, -1)
  kms_key_arn                    = one(var.kms_key_arns)

  s3_bucket        = var.s3_bucket_id
  s3_key           = contains(keys(local.uploads), each.key) ? aws_s3_object.package[each.key].key : try(var.packages[each.key].s3_key, null)
  source_code_hash = try(var.packages[each.key].source_code_hash, null)

  environment {
    variables = local.environment[each.key]
  }

  ephemeral_storage {
    size = each.value.ephemeral_storage
  }

  tracing_config {
    mode = "Active"
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.agent[each.key].name
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tags = merge(local.tags, { Agent = each.key })

  lifecycle {
    precondition {
      condition     = contains(keys(var.packages), each.key)
      error_message = "Agent ${each.key} has no package; run 'agent-framework package' first."
    }

    precondition {
      condition     = length(local.missing[each.key]) == 0
      error_message = "Agent ${each.key} lacks ${join(", ", local.missing[each.key])}."
    }

    precondition {
      condition     = sum(concat([0], [for name, value in local.environment[each.key] : length(name) + length(value)])) <= 4096
      error_message = "The environment variables of agent ${each.key} have more than 4096 characters, which is Lambda's limit."
    }

    precondition {
      condition     = var.database.provider != "rds-postgres" || var.vpc != null
      error_message = "rds-postgres is reached through a VPC only; set 'vpc'."
    }
  }

  # A function that starts before its log group would make one without retention; a role without its policy cannot be
  # given to an event source or a failure destination.
  depends_on = [aws_cloudwatch_log_group.agent, aws_iam_role_policy.agent]
}

# The engine counts and retries attempts; Lambda's own two retries would run an agent three times for one attempt.
resource "aws_lambda_function_event_invoke_config" "agent" {
  for_each = var.agents

  function_name                = aws_lambda_function.agent[each.key].function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 3600

  dynamic "destination_config" {
    for_each = var.queue != null && each.value.type == "worker" ? [var.queue] : []

    content {
      on_failure {
        destination = destination_config.value.arn
      }
    }
  }
}

# Jobs go round by design: orchestrator -> worker -> jobs queue -> orchestrator, once for each step of their plan. Lambda
# would take that for a runaway loop and stop a job after about 16 rounds. What bounds it instead: a plan's steps are
# finite, an LLM orchestrator's turns are capped (orchestration.max_turns), attempts are counted before they start, and
# a message that fails goes to the dead letters after max_receive_count deliveries.
resource "aws_lambda_function_recursion_config" "agent" {
  for_each = var.agents

  function_name  = aws_lambda_function.agent[each.key].function_name
  recursive_loop = "Allow"
}

resource "aws_iam_role" "agent" {
  for_each = var.agents

  name                 = local.names[each.key]
  description          = "What agent ${each.key} of ${var.project_name}, stage ${var.stage}, may do"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = merge(local.tags, { Agent = each.key })
}

resource "aws_iam_role_policy" "agent" {
  for_each = var.agents

  name   = "agent"
  role   = aws_iam_role.agent[each.key].id
  policy = data.aws_iam_policy_document.agent[each.key].json
}

data "aws_iam_policy_document" "assume" {
  statement {
    sid     = "LambdaOnly"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "agent" {
  # checkov:skip=CKV_AWS_356:the two statements on every resource (X-Ray, network interfaces) say why they have to be
  # checkov:skip=CKV_AWS_111:network interfaces cannot be named beforehand; the function's own code is denied these actions
  for_each = var.agents

  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.agent[each.key].arn}:*"] # the streams of the agent's own group
  }

  statement {
    sid     = "Trace"
    actions = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    # Reason for "*": X-Ray has no resources that a policy could name for these actions.
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.queue == null ? [] : [var.queue]

    content {
      sid       = "WakeJobs"
      actions   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = var.event_bus_arns

    content {
      sid       = "WakeJobsByEvent"
      actions   = ["events:PutEvents"]
      resources = [statement.value]
    }
  }

  # DynamoDB: by partition. Which items of a job are whose cannot be said in a policy; the engine's conditions (owner,
  # epoch, attempt) keep agents to their own.
  dynamic "statement" {
    for_each = local.on_own_partitions[each.key] ? [1] : []

    content {
      sid = "RunAttempts"
      actions = [
        "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem",
        "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
      ]
      resources = [var.database.arn]

      condition {
        test     = "ForAllValues:StringLike"
        variable = "dynamodb:LeadingKeys"
        values   = ["JOB#*", "DOC#*", "SCHEMA"]
      }
    }
  }

  dynamic "statement" {
    for_each = local.is_dynamodb ? [1] : []

    content {
      sid       = "KnowTable"
      actions   = ["dynamodb:DescribeTable"]
      resources = [var.database.arn]
    }
  }

  dynamic "statement" {
    for_each = local.is_dynamodb && each.value.database_access == "read-only" && each.value.type == "worker" ? [1] : []

    content {
      sid       = "ReadTable"
      actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]
      resources = [var.database.arn, "${var.database.arn}/index/*"] # the table's own indexes
    }
  }

  dynamic "statement" {
    for_each = local.is_dynamodb && (each.value.database_access == "read-write" || each.value.type == "orchestrator") ? [1] : []

    content {
      sid = "ReadAndWriteTable"
      actions = [
        "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem",
        "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
      ]
      resources = [var.database.arn, "${var.database.arn}/index/*"] # the table's own indexes
    }
  }

  # Aurora's Data API: a cluster is the smallest resource that a policy can name; rows are the database user's matter.
  dynamic "statement" {
    for_each = local.is_aurora ? [1] : []

    content {
      sid = "QueryDatabase"
      actions = [
        "rds-data:BeginTransaction", "rds-data:CommitTransaction", "rds-data:ExecuteStatement",
        "rds-data:RollbackTransaction",
      ]
      resources = [var.database.arn]
    }
  }

  dynamic "statement" {
    for_each = local.has_secret ? [1] : []

    content {
      sid       = "ReadDatabaseSecret"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [var.database.secret_arn]
    }
  }

  dynamic "statement" {
    for_each = var.storage == null ? [] : [var.storage]

    content {
      sid       = "ReadStoredResults"
      actions   = ["s3:GetObject"]
      resources = ["${statement.value.bucket_arn}/${statement.value.claim_prefix}*"] # results of earlier agents too
    }
  }

  dynamic "statement" {
    for_each = var.storage == null ? [] : [var.storage]

    content {
      sid     = "WriteOwnStoredResults"
      actions = ["s3:AbortMultipartUpload", "s3:PutObject"]
      resources = [
        for owner in [each.key, "_documents"] :                                   # large documents: approvals, recorded writes
        "${statement.value.bucket_arn}/${statement.value.claim_prefix}${owner}/*" # its own prefix
      ]
    }
  }

  dynamic "statement" {
    for_each = var.storage != null && each.value.storage_access != "own-outcome" ? [var.storage] : []

    content {
      sid       = "ReadFiles"
      actions   = ["s3:GetObject"]
      resources = ["${statement.value.bucket_arn}/*"] # the files of this project and stage
    }
  }

  dynamic "statement" {
    for_each = var.storage != null && each.value.storage_access != "own-outcome" ? [var.storage] : []

    content {
      sid       = "ListFiles"
      actions   = ["s3:ListBucket"]
      resources = [statement.value.bucket_arn]
    }
  }

  dynamic "statement" {
    for_each = var.storage != null && each.value.storage_access == "read-write" ? [var.storage] : []

    content {
      sid       = "WriteFiles"
      actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
      resources = ["${statement.value.bucket_arn}/*"] # the files of this project and stage, but for the next statement
    }
  }

  dynamic "statement" {
    for_each = var.storage != null && each.value.storage_access == "read-write" ? [var.storage] : []

    content {
      # Large inputs of jobs are kept under _inputs, results under the name of their agent.
      sid     = "LeaveResultsOfOthers"
      effect  = "Deny"
      actions = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
      resources = [
        for other in concat(["_inputs"], keys(var.agents)) :
        "${statement.value.bucket_arn}/${statement.value.claim_prefix}${other}/*" # theirs
        if other != each.key
      ]
    }
  }

  dynamic "statement" {
    for_each = each.value.permissions

    content {
      sid       = "Permission${statement.key + 1}"
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }

  dynamic "statement" {
    for_each = length(local.bedrock[each.key]) > 0 ? [1] : []

    content {
      sid       = "CallModels"
      actions   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      resources = [for model in local.bedrock[each.key] : model.arn]
    }
  }

  # An inference profile sends calls to the model in several regions; each may be used through that profile only. AWS
  # adds regions to a profile, so the region is a pattern.
  dynamic "statement" {
    for_each = [for model in local.bedrock[each.key] : model if length(model.destinations) > 0]

    content {
      actions   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      resources = statement.value.destinations

      condition {
        test     = "StringEquals"
        variable = "bedrock:InferenceProfileArn"
        values   = [statement.value.arn]
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.secret_arns[each.key]) > 0 ? [1] : []

    content {
      sid       = "ReadOwnSecrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = local.secret_arns[each.key]
    }
  }

  dynamic "statement" {
    for_each = length(local.parameter_arns[each.key]) > 0 ? [1] : []

    content {
      sid       = "ReadOwnParameters"
      actions   = ["ssm:GetParameter", "ssm:GetParameters"]
      resources = local.parameter_arns[each.key]
    }
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [1] : []

    content {
      sid       = "UseProjectKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = var.kms_key_arns
    }
  }

  dynamic "statement" {
    for_each = length(var.secrets_kms_key_arns) > 0 && length(local.secrets[each.key]) > 0 ? [1] : []

    content {
      sid       = "DecryptSecrets"
      actions   = ["kms:Decrypt"]
      resources = var.secrets_kms_key_arns
    }
  }

  dynamic "statement" {
    for_each = var.vpc == null ? [] : [1]

    content {
      sid = "AttachToNetwork"
      actions = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
      ]
      # Reason for "*": Lambda attaches functions to interfaces that do not exist yet, and asks for these actions on all.
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.vpc == null ? [] : [1]

    content {
      sid    = "NetworkIsNotForCode"
      effect = "Deny"
      actions = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DetachNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
      ]
      # Reason for "*": it denies.
      resources = ["*"]

      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:${local.names[each.key]}"]
      }
    }
  }
}
