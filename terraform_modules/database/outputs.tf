output "provider" {
  description = "The provider as agents.yaml names it: an existing Aurora cluster is an aurora-serverless-v2."
  value       = local.is_existing ? "aurora-serverless-v2" : var.provider_name
}

output "arn" {
  description = "ARN of the table, cluster or instance."
  value       = one(concat(aws_dynamodb_table.jobs[*].arn, aws_rds_cluster.jobs[*].arn, aws_db_instance.jobs[*].arn, terraform_data.existing[*].output))
}

output "secret_arn" {
  description = "ARN of the secret with user and password; null for DynamoDB."
  value = one(concat(
    [for cluster in aws_rds_cluster.jobs : try(cluster.master_user_secret[0].secret_arn, null)],
    [for instance in aws_db_instance.jobs : try(instance.master_user_secret[0].secret_arn, null)],
    [for existing in terraform_data.existing : local.existing_secret],
  ))
}

output "table_name" {
  description = "Name of the DynamoDB table; null for others."
  value       = one(aws_dynamodb_table.jobs[*].name)
}

output "endpoint" {
  description = "Host of the RDS instance; null for others, which are not connected to."
  value       = one(aws_db_instance.jobs[*].address)
}

output "security_group_id" {
  description = "Security group of the cluster or instance; null for others."
  value       = one(aws_security_group.database[*].id)
}

output "config" {
  description = "What infrastructure.database.config has to be for the provider."
  value = local.is_dynamodb ? {
    table_name = one(aws_dynamodb_table.jobs[*].name)
    } : local.is_rds ? {
    host     = one(aws_db_instance.jobs[*].address)
    database = var.database_name
    secret   = one([for instance in aws_db_instance.jobs : try(instance.master_user_secret[0].secret_arn, null)])
    } : {
    cluster_arn = one(concat(aws_rds_cluster.jobs[*].arn, terraform_data.existing[*].output))
    secret_arn = one(concat(
      [for cluster in aws_rds_cluster.jobs : try(cluster.master_user_secret[0].secret_arn, null)],
      [for existing in terraform_data.existing : local.existing_secret],
    ))
    database = var.database_name
  }
}
