# Alarms on what a job's owner would not notice by himself: dead letters, messages that wait, functions that fail or are
# throttled. They go to a topic of this module, to topics that are given, or to nobody but the console.

locals {
  prefix       = "${var.project_name}-${var.stage}"
  tags         = merge(var.tags, { Project = var.project_name, Stage = var.stage, ManagedBy = "agent-framework" })
  makes_topic  = var.create_topic || length(var.alarm_emails) > 0
  alarm_topics = tolist(concat(aws_sns_topic.alarms[*].arn, var.alarm_topic_arns))

  function_metrics = {
    Errors    = { threshold = var.error_threshold, meaning = "fails" }
    Throttles = { threshold = var.throttle_threshold, meaning = "is throttled" }
  }
  function_alarms = merge([
    for agent, name in var.functions : {
      for metric, alarm in local.function_metrics : "${agent}-${metric}" => merge(alarm, { agent = agent, function = name, metric = metric })
    }
  ]...)
}

resource "aws_sns_topic" "alarms" {
  # checkov:skip=CKV_AWS_26:encrypted with the customer managed key where one is given; AWS's own key for SNS refuses alarms
  count = local.makes_topic ? 1 : 0

  name              = "${local.prefix}-alarms"
  kms_master_key_id = one(var.kms_key_arns)
  tags              = local.tags
}

resource "aws_sns_topic_subscription" "mail" {
  for_each = toset(var.alarm_emails)

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${local.prefix}-dead-letters"
  alarm_description   = "A message could not be handled and lies in ${var.dlq_name}; its job may need a look"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = var.dlq_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_topics
  ok_actions          = local.alarm_topics
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "queue_age" {
  alarm_name          = "${local.prefix}-queue-age"
  alarm_description   = "A message of ${var.queue_name} has waited longer than ${var.queue_age_seconds} seconds"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = var.queue_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  threshold           = var.queue_age_seconds
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_topics
  ok_actions          = local.alarm_topics
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "function" {
  for_each = local.function_alarms

  alarm_name          = "${each.value.function}-${lower(each.value.metric)}"
  alarm_description   = "Agent ${each.value.agent} ${each.value.meaning}"
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = each.value.function }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_topics
  ok_actions          = local.alarm_topics
  tags                = merge(local.tags, { Agent = each.value.agent })
}
