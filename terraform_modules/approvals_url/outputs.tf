output "url" {
  description = "Where links lead: <url>approvals/<id>?token=..."
  value       = aws_lambda_function_url.this.function_url
}
