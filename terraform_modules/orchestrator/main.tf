# The jobs queue with its dead letters, what brings its messages to the orchestrator's function, the sweeper, and the
# orchestrator's rights: read the queue, invoke exactly its workers.
#
# A message is a hint that a job needs looking at. What no message says, the sweeper finds.

data "aws_caller_identity" "current" {}

locals {
  prefix             = "${var.project_name}-${var.stage}"
  tags               = merge(var.tags, { Project = var.project_name, Stage = var.stage, ManagedBy = "agent-framework" })
  visibility_timeout = coalesce(var.visibility_timeout, 6 * var.function_timeout)
  account            = data.aws_caller_identity.current.account_id
}

resource "aws_sqs_queue" "jobs" {
  name                       = "${local.prefix}-jobs"
  visibility_timeout_seconds = local.visibility_timeout
  message_retention_seconds  = var.message_retention_seconds
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = length(var.kms_key_arns) == 0 ? true : null
  kms_master_key_id          = one(var.kms_key_arns)
  tags                       = local.tags
}

resource "aws_sqs_queue" "jobs_dlq" {
  name                      = "${local.prefix}-jobs-dlq"
  message_retention_seconds = 1209600 # 14 days, the longest that SQS keeps anything
  sqs_managed_sse_enabled   = length(var.kms_key_arns) == 0 ? true : null
  kms_master_key_id         = one(var.kms_key_arns)
  tags                      = local.tags
}

resource "aws_sqs_queue_redrive_policy" "jobs" {
  queue_url = aws_sqs_queue.jobs.id

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.jobs_dlq.arn
    maxReceiveCount     = var.max_receive_count
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "jobs_dlq" {
  queue_url = aws_sqs_queue.jobs_dlq.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.jobs.arn]
  })
}

resource "aws_sqs_queue_policy" "jobs" {
  queue_url = aws_sqs_queue.jobs.id
  policy    = data.aws_iam_policy_document.jobs_queue.json
}

resource "aws_sqs_queue_policy" "jobs_dlq" {
  queue_url = aws_sqs_queue.jobs_dlq.id
  policy    = data.aws_iam_policy_document.dead_letters.json
}

data "aws_iam_policy_document" "jobs_queue" {
  statement {
    sid       = "EncryptedConnectionsOnly"
    effect    = "Deny"
    actions   = ["sqs:ReceiveMessage", "sqs:SendMessage"]
    resources = [aws_sqs_queue.jobs.arn]

    principals {
      type = "AWS"
      # Reason for "*": it denies, whoever asks.
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = aws_cloudwatch_event_rule.jobs

    content {
      sid       = "EventsOfOurRule"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.jobs.arn]

      principals {
        type        = "Service"
        identifiers = ["events.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [statement.value.arn]
      }
    }
  }
}

data "aws_iam_policy_document" "dead_letters" {
  statement {
    sid       = "EncryptedConnectionsOnly"
    effect    = "Deny"
    actions   = ["sqs:ReceiveMessage", "sqs:SendMessage"]
    resources = [aws_sqs_queue.jobs_dlq.arn]

    principals {
      type = "AWS"
      # Reason for "*": it denies, whoever asks.
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_lambda_event_source_mapping" "jobs" {
  event_source_arn        = aws_sqs_queue.jobs.arn
  function_name           = var.orchestrator_lambda_arn
  batch_size              = var.batch_size
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = local.tags

  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }

  # Lambda refuses a mapping whose role cannot read the queue; messages without a redrive policy would come for ever.
  depends_on = [aws_iam_role_policy.orchestrator, aws_sqs_queue_redrive_policy.jobs]
}

resource "aws_iam_role_policy" "orchestrator" {
  name   = "orchestrator"
  role   = var.orchestrator_role_name
  policy = data.aws_iam_policy_document.orchestrator.json
}

data "aws_iam_policy_document" "orchestrator" {
  statement {
    sid = "ReadJobsQueue"
    actions = [
      "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
    ]
    resources = [aws_sqs_queue.jobs.arn]
  }

  dynamic "statement" {
    for_each = length(var.worker_lambda_arns) > 0 ? [1] : []

    content {
      sid       = "InvokeWorkers"
      actions   = ["lambda:InvokeFunction"]
      resources = [for name in sort(keys(var.worker_lambda_arns)) : var.worker_lambda_arns[name]]
    }
  }
}

# The sweeper.

resource "aws_scheduler_schedule_group" "this" {
  name = local.prefix
  tags = local.tags
}

resource "aws_scheduler_schedule" "sweeper" {
  # checkov:skip=CKV_AWS_297:encrypted with the customer managed key where one is given; the event holds one word
  name                = "${local.prefix}-sweeper"
  group_name          = aws_scheduler_schedule_group.this.name
  description         = "Wakes jobs that nobody woke"
  schedule_expression = var.sweep_schedule
  kms_key_arn         = one(var.kms_key_arns)

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.orchestrator_lambda_arn
    role_arn = aws_iam_role.sweeper.arn
    input    = jsonencode(var.sweep_input)

    # The next sweep comes anyway.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }

  depends_on = [aws_iam_role_policy.sweeper]
}

resource "aws_iam_role" "sweeper" {
  name               = "${local.prefix}-sweeper"
  description        = "Lets the sweeper's schedule invoke the orchestrator of ${var.project_name}, stage ${var.stage}"
  assume_role_policy = data.aws_iam_policy_document.assume_sweeper.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "sweeper" {
  name   = "sweeper"
  role   = aws_iam_role.sweeper.id
  policy = data.aws_iam_policy_document.sweeper.json
}

data "aws_iam_policy_document" "assume_sweeper" {
  statement {
    sid     = "OwnSchedulesOnly"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "sweeper" {
  statement {
    sid       = "InvokeOrchestrator"
    actions   = ["lambda:InvokeFunction"]
    resources = [var.orchestrator_lambda_arn]
  }

  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [1] : []

    content {
      sid       = "DecryptSchedule"
      actions   = ["kms:Decrypt"]
      resources = var.kms_key_arns
    }
  }
}

# Queue depth, age and function errors are watched by the module 'observability'; this one alarm is about the sweeper.
resource "aws_cloudwatch_metric_alarm" "sweeper" {
  for_each = toset(["InvocationDroppedCount", "TargetErrorCount"])

  alarm_name          = "${local.prefix}-sweeper-${each.key}"
  alarm_description   = "The sweeper could not start the orchestrator: jobs that nobody wakes are not picked up"
  namespace           = "AWS/Scheduler"
  metric_name         = each.key
  dimensions          = { ScheduleGroup = aws_scheduler_schedule_group.this.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

# A bus in front of the queue, where infrastructure.queue.provider is eventbridge.

resource "aws_cloudwatch_event_bus" "jobs" {
  count = var.event_bus == null ? 0 : 1

  name               = "${local.prefix}-jobs"
  kms_key_identifier = one(var.kms_key_arns)
  tags               = local.tags
}

resource "aws_cloudwatch_event_rule" "jobs" {
  count = var.event_bus == null ? 0 : 1

  name           = "${local.prefix}-jobs"
  description    = "Brings events of jobs to the jobs queue"
  event_bus_name = aws_cloudwatch_event_bus.jobs[0].name
  tags           = local.tags

  event_pattern = jsonencode({
    source        = [var.event_bus.source]
    "detail-type" = [var.event_bus.detail_type]
  })
}

resource "aws_cloudwatch_event_target" "jobs" {
  count = var.event_bus == null ? 0 : 1

  rule           = aws_cloudwatch_event_rule.jobs[0].name
  event_bus_name = aws_cloudwatch_event_bus.jobs[0].name
  target_id      = "jobs-queue"
  arn            = aws_sqs_queue.jobs.arn
}
