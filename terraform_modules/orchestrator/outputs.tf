output "queue_url" {
  description = "URL of the jobs queue."
  value       = aws_sqs_queue.jobs.url
}

output "queue_arn" {
  description = "ARN of the jobs queue."
  value       = aws_sqs_queue.jobs.arn
}

output "queue_name" {
  description = "Name of the jobs queue."
  value       = aws_sqs_queue.jobs.name
}

output "dlq_url" {
  description = "URL of the dead letters."
  value       = aws_sqs_queue.jobs_dlq.url
}

output "dlq_arn" {
  description = "ARN of the dead letters."
  value       = aws_sqs_queue.jobs_dlq.arn
}

output "dlq_name" {
  description = "Name of the dead letters' queue."
  value       = aws_sqs_queue.jobs_dlq.name
}

output "visibility_timeout" {
  description = "Seconds that a received message stays invisible."
  value       = aws_sqs_queue.jobs.visibility_timeout_seconds
}

output "event_bus_arns" {
  description = "ARN of the bus in front of the queue, in a list; empty without one."
  value       = aws_cloudwatch_event_bus.jobs[*].arn
}

output "config" {
  description = "What infrastructure.queue.config has to be for the provider: sqs, or eventbridge where there is a bus."
  value = var.event_bus == null ? {
    url             = aws_sqs_queue.jobs.url
    dead_letter_url = aws_sqs_queue.jobs_dlq.url
    } : {
    bus             = one(aws_cloudwatch_event_bus.jobs[*].name)
    queue_url       = aws_sqs_queue.jobs.url
    dead_letter_url = aws_sqs_queue.jobs_dlq.url
    source          = var.event_bus.source
    detail_type     = var.event_bus.detail_type
  }
}
