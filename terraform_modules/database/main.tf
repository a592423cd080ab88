# One database, chosen by provider_name: a DynamoDB table, an Aurora Serverless v2 cluster with the Data API, an RDS
# instance in a VPC, or a cluster that is there already. Nothing else is made.

locals {
  name        = "${var.project_name}-${var.stage}"
  identifier  = replace(local.name, "/-+/", "-") # RDS refuses two hyphens in a row
  tags        = merge(var.tags, { Project = var.project_name, Stage = var.stage, ManagedBy = "agent-framework" })
  is_dynamodb = var.provider_name == "dynamodb"
  is_aurora   = var.provider_name == "aurora-serverless-v2"
  is_rds      = var.provider_name == "rds-postgres"
  is_existing = var.provider_name == "existing-aurora"
  in_vpc      = local.is_aurora || local.is_rds
  looks_up    = local.is_existing && var.existing.cluster_arn == null && var.existing.cluster_identifier != null

  # An attribute may be in several indexes; it is declared once.
  index_attributes = merge([
    for index in values(var.dynamodb.indexes) : {
      (index.partition_key) = "S"
      (index.sort_key)      = index.sort_key_type
    }
  ]...)
  existing_arn = local.looks_up ? one(data.aws_rds_cluster.existing[*].arn) : var.existing.cluster_arn
  existing_secret = var.existing.secret_arn != null ? var.existing.secret_arn : try(
    one(data.aws_rds_cluster.existing[*].master_user_secret[0].secret_arn), null
  )
}

# DynamoDB

resource "aws_dynamodb_table" "jobs" {
  # checkov:skip=CKV_AWS_119:encrypted with the customer managed key where one is given; AWS's own key costs nothing
  count = local.is_dynamodb ? 1 : 0

  name                        = coalesce(var.dynamodb.table_name, "${local.name}-jobs")
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "PK"
  range_key                   = "SK"
  deletion_protection_enabled = var.deletion_protection
  tags                        = local.tags

  attribute {
    name = "PK"
    type = "S"
  }

  attribute {
    name = "SK"
    type = "S"
  }

  dynamic "attribute" {
    for_each = local.index_attributes

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = var.dynamodb.indexes

    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value.partition_key
      range_key       = global_secondary_index.value.sort_key
      projection_type = "KEYS_ONLY"
    }
  }

  ttl {
    attribute_name = var.dynamodb.ttl_attribute
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.dynamodb.point_in_time_recovery
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = one(var.kms_key_arns)
  }
}

# What Aurora and RDS share: subnets, a firewall, parameters

resource "aws_db_subnet_group" "this" {
  count = local.in_vpc ? 1 : 0

  name        = local.name
  description = "Subnets of the database of ${var.project_name}, stage ${var.stage}"
  subnet_ids  = try(var.vpc.subnet_ids, [])
  tags        = local.tags

  lifecycle {
    precondition {
      condition     = var.vpc != null
      error_message = "${var.provider_name} needs a network: set 'vpc'."
    }
  }
}

resource "aws_security_group" "database" {
  count = local.in_vpc ? 1 : 0

  name        = "${local.name}-database"
  description = "The database of ${var.project_name}, stage ${var.stage}: nothing comes in but from its clients"
  vpc_id      = try(var.vpc.vpc_id, null)
  tags        = merge(local.tags, { Name = "${local.name}-database" })
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = local.in_vpc && var.vpc != null ? var.vpc.client_security_group_ids : {}

  security_group_id            = aws_security_group.database[0].id
  referenced_security_group_id = each.value
  description                  = "PostgreSQL from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = local.tags
}

# Aurora Serverless v2

resource "aws_rds_cluster" "jobs" {
  # checkov:skip=CKV_AWS_327:encrypted with the customer managed key where one is given; AWS's own key costs nothing
  # checkov:skip=CKV2_AWS_8:Aurora's own backups are kept backup_retention_days; AWS Backup is the account's choice
  # checkov:skip=CKV2_AWS_27:logging every statement would write the jobs' data into the logs
  count = local.is_aurora ? 1 : 0

  cluster_identifier                  = local.identifier
  engine                              = "aurora-postgresql"
  engine_mode                         = "provisioned"
  engine_version                      = var.engine_version
  database_name                       = var.database_name
  master_username                     = var.master_username
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = one(var.kms_key_arns)
  enable_http_endpoint                = true
  iam_database_authentication_enabled = true
  storage_encrypted                   = true
  kms_key_id                          = one(var.kms_key_arns)
  db_subnet_group_name                = aws_db_subnet_group.this[0].name
  vpc_security_group_ids              = [aws_security_group.database[0].id]
  backup_retention_period             = var.backup_retention_days
  copy_tags_to_snapshot               = true
  deletion_protection                 = var.deletion_protection
  skip_final_snapshot                 = var.skip_final_snapshot
  final_snapshot_identifier           = "${local.identifier}-final"
  enabled_cloudwatch_logs_exports     = ["postgresql"]
  tags                                = local.tags

  serverlessv2_scaling_configuration {
    min_capacity             = var.min_capacity
    max_capacity             = var.max_capacity
    seconds_until_auto_pause = var.min_capacity == 0 ? 3600 : null
  }

  lifecycle {
    ignore_changes = [engine_version] # Aurora applies minor versions itself
  }
}

resource "aws_rds_cluster_instance" "jobs" {
  # checkov:skip=CKV_AWS_118:enhanced monitoring needs a role of its own; CloudWatch and Performance Insights are on
  # checkov:skip=CKV_AWS_354:encrypted with the customer managed key where one is given; AWS's own key costs nothing
  count = local.is_aurora ? 1 : 0

  identifier                      = "${local.identifier}-1"
  cluster_identifier              = aws_rds_cluster.jobs[0].id
  instance_class                  = "db.serverless"
  engine                          = aws_rds_cluster.jobs[0].engine
  auto_minor_version_upgrade      = true
  performance_insights_enabled    = true
  performance_insights_kms_key_id = one(var.kms_key_arns)
  tags                            = local.tags
}

# RDS for PostgreSQL

resource "aws_db_parameter_group" "jobs" {
  count = local.is_rds ? 1 : 0

  name        = "${local.identifier}-postgres${split(".", var.engine_version)[0]}"
  family      = "postgres${split(".", var.engine_version)[0]}"
  description = "Encrypted connections only; connections and slow statements are logged"
  tags        = local.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_connections"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "5000"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "jobs" {
  # checkov:skip=CKV_AWS_118:enhanced monitoring needs a role of its own; CloudWatch and Performance Insights are on
  # checkov:skip=CKV_AWS_157:a standby doubles the price; the project switches it on (multi_az)
  # checkov:skip=CKV_AWS_293:on by default; the project has to switch it off before 'destroy'
  # checkov:skip=CKV_AWS_354:encrypted with the customer managed key where one is given; AWS's own key costs nothing
  # checkov:skip=CKV2_AWS_30:logging every statement would write the jobs' data into the logs; slow ones are logged
  count = local.is_rds ? 1 : 0

  identifier                          = local.identifier
  engine                              = "postgres"
  engine_version                      = var.engine_version
  instance_class                      = var.instance_class
  allocated_storage                   = var.allocated_storage
  max_allocated_storage               = 10 * var.allocated_storage
  storage_type                        = "gp3"
  storage_encrypted                   = true
  kms_key_id                          = one(var.kms_key_arns)
  db_name                             = var.database_name
  username                            = var.master_username
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = one(var.kms_key_arns)
  iam_database_authentication_enabled = true
  db_subnet_group_name                = aws_db_subnet_group.this[0].name
  vpc_security_group_ids              = [aws_security_group.database[0].id]
  parameter_group_name                = aws_db_parameter_group.jobs[0].name
  publicly_accessible                 = false
  multi_az                            = var.multi_az
  backup_retention_period             = var.backup_retention_days
  copy_tags_to_snapshot               = true
  deletion_protection                 = var.deletion_protection
  skip_final_snapshot                 = var.skip_final_snapshot
  final_snapshot_identifier           = "${local.identifier}-final"
  auto_minor_version_upgrade          = true
  performance_insights_enabled        = true
  performance_insights_kms_key_id     = one(var.kms_key_arns)
  enabled_cloudwatch_logs_exports     = ["postgresql", "upgrade"]
  tags                                = local.tags

  lifecycle {
    ignore_changes = [engine_version] # RDS applies minor versions itself
  }
}

# A cluster that is there already

data "aws_rds_cluster" "existing" {
  count = local.looks_up ? 1 : 0

  cluster_identifier = var.existing.cluster_identifier
}

resource "terraform_data" "existing" {
  count = local.is_existing ? 1 : 0

  input = local.existing_arn

  lifecycle {
    precondition {
      condition     = (var.existing.cluster_arn != null) != (var.existing.cluster_identifier != null)
      error_message = "existing-aurora needs cluster_arn or cluster_identifier, one of them."
    }

    precondition {
      condition     = local.existing_secret != null
      error_message = "existing-aurora needs secret_arn: the cluster has no secret that RDS manages."
    }
  }
}
