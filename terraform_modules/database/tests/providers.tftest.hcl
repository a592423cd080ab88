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

  mock_data "aws_rds_cluster" {
    defaults = {
      arn                = "arn:aws:rds:eu-central-1:123456789012:cluster:main"
      master_user_secret = [{ kms_key_id = "key", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:main", secret_status = "active" }]
    }
  }
}

variables {
  project_name  = "shop"
  stage         = "prod"
  provider_name = "dynamodb"
}

run "dynamodb_alone" {
  assert {
    condition     = aws_dynamodb_table.jobs[0].name == "shop-prod-jobs" && aws_dynamodb_table.jobs[0].hash_key == "PK" && aws_dynamodb_table.jobs[0].range_key == "SK"
    error_message = "The table has the stage in its name and the keys of the provider."
  }

  assert {
    condition     = length(aws_rds_cluster.jobs) + length(aws_db_instance.jobs) + length(aws_security_group.database) == 0
    error_message = "Nothing else is made."
  }

  assert {
    condition     = aws_dynamodb_table.jobs[0].point_in_time_recovery[0].enabled && aws_dynamodb_table.jobs[0].server_side_encryption[0].enabled
    error_message = "The table is recoverable and encrypted."
  }

  assert {
    condition     = output.provider == "dynamodb" && output.secret_arn == null && output.config == tomap({ table_name = "shop-prod-jobs" })
    error_message = "The outputs are those of a table."
  }
}

run "aurora_alone" {
  variables {
    provider_name = "aurora-serverless-v2"
    min_capacity  = 0
    max_capacity  = 2
    vpc           = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"] }
  }

  assert {
    condition     = aws_rds_cluster.jobs[0].enable_http_endpoint && aws_rds_cluster.jobs[0].manage_master_user_password
    error_message = "The cluster has the Data API and a password that is not in the state."
  }

  assert {
    condition     = aws_rds_cluster.jobs[0].serverlessv2_scaling_configuration[0].min_capacity == 0 && aws_rds_cluster.jobs[0].serverlessv2_scaling_configuration[0].max_capacity == 2
    error_message = "It scales as agents.yaml says."
  }

  assert {
    condition     = length(aws_dynamodb_table.jobs) + length(aws_db_instance.jobs) == 0 && length(aws_vpc_security_group_ingress_rule.clients) == 0
    error_message = "Nothing else is made, and nobody connects directly."
  }

  assert {
    condition     = sort(keys(output.config)) == tolist(["cluster_arn", "database", "secret_arn"])
    error_message = "The configuration is that of the provider."
  }
}

run "rds_alone" {
  variables {
    provider_name = "rds-postgres"
    vpc           = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], client_security_group_ids = { functions = "sg-1" } }
  }

  assert {
    condition     = !aws_db_instance.jobs[0].publicly_accessible && aws_db_instance.jobs[0].storage_encrypted && aws_db_instance.jobs[0].manage_master_user_password
    error_message = "The instance is private and encrypted, its password not in the state."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.clients["functions"].from_port == 5432 && aws_vpc_security_group_ingress_rule.clients["functions"].to_port == 5432
    error_message = "Its clients reach PostgreSQL and nothing else."
  }

  assert {
    condition     = length(aws_dynamodb_table.jobs) + length(aws_rds_cluster.jobs) == 0
    error_message = "Nothing else is made."
  }

  assert {
    condition     = sort(keys(output.config)) == tolist(["database", "host", "secret"])
    error_message = "The configuration is that of the provider."
  }
}

run "an_existing_cluster_by_arn" {
  variables {
    provider_name = "existing-aurora"
    existing = {
      cluster_arn = "arn:aws:rds:eu-central-1:123456789012:cluster:other"
      secret_arn  = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other"
    }
  }

  assert {
    condition     = output.arn == "arn:aws:rds:eu-central-1:123456789012:cluster:other" && output.provider == "aurora-serverless-v2"
    error_message = "The cluster is the one that was named."
  }

  assert {
    condition     = length(aws_dynamodb_table.jobs) + length(aws_rds_cluster.jobs) + length(aws_db_instance.jobs) + length(aws_db_subnet_group.this) == 0
    error_message = "Nothing is made."
  }
}

run "an_existing_cluster_by_look_up" {
  variables {
    provider_name = "existing-aurora"
    existing      = { cluster_identifier = "main" }
  }

  assert {
    condition     = output.arn == "arn:aws:rds:eu-central-1:123456789012:cluster:main" && output.secret_arn == "arn:aws:secretsmanager:eu-central-1:123456789012:secret:main"
    error_message = "Cluster and secret are found."
  }
}

run "an_existing_cluster_has_to_be_named" {
  command = plan

  variables {
    provider_name = "existing-aurora"
    existing      = { secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other" }
  }

  expect_failures = [terraform_data.existing]
}

run "aurora_needs_a_network" {
  command = plan

  variables {
    provider_name = "aurora-serverless-v2"
  }

  expect_failures = [aws_db_subnet_group.this]
}

run "another_provider_is_refused" {
  command = plan

  variables {
    provider_name = "mysql"
  }

  expect_failures = [var.provider_name]
}

run "capacities_the_wrong_way_round_are_refused" {
  command = plan

  variables {
    min_capacity = 4
    max_capacity = 2
  }

  expect_failures = [var.max_capacity]
}
