output "lambda_arns" {
  description = "ARNs of the functions, by agent."
  value       = { for name, function in aws_lambda_function.agent : name => function.arn }
}

output "lambda_names" {
  description = "Names of the functions, by agent."
  value       = { for name, function in aws_lambda_function.agent : name => function.function_name }
}

output "role_names" {
  description = "Names of the roles, by agent."
  value       = { for name, role in aws_iam_role.agent : name => role.name }
}

output "role_arns" {
  description = "ARNs of the roles, by agent."
  value       = { for name, role in aws_iam_role.agent : name => role.arn }
}

output "log_group_names" {
  description = "Names of the log groups, by agent."
  value       = { for name, group in aws_cloudwatch_log_group.agent : name => group.name }
}

output "package_keys" {
  description = "Keys of the uploaded packages, by agent."
  value       = { for name, object in aws_s3_object.package : name => object.key }
}
