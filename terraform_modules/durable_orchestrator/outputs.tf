output "alias_arn" {
  description = "ARN by which executions are started: what the orchestrator's function has as AGENT_FRAMEWORK_DURABLE_FUNCTION."
  value       = aws_lambda_alias.live.arn
}

output "function_arn" {
  description = "ARN of the durable function."
  value       = aws_lambda_function.run.arn
}

output "function_name" {
  description = "Name of the durable function."
  value       = aws_lambda_function.run.function_name
}

output "version" {
  description = "The version that new executions run."
  value       = aws_lambda_function.run.version
}
