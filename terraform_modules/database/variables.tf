variable "project_name" {
  description = "The project's name: the first part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,31}$", var.project_name))
    error_message = "project_name is lower-case letters, digits and -, starting with a letter, at most 32 characters."
  }
}

variable "stage" {
  description = "The stage (dev, prod, ...): the second part of every name, and a tag."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.stage))
    error_message = "stage is lower-case letters, digits and -, starting with a letter, at most 16 characters."
  }
}

variable "provider_name" {
  description = "Which database: dynamodb, aurora-serverless-v2, rds-postgres, or existing-aurora (a cluster that is there already)."
  type        = string

  validation {
    condition     = contains(["dynamodb", "aurora-serverless-v2", "rds-postgres", "existing-aurora"], var.provider_name)
    error_message = "The provider is dynamodb, aurora-serverless-v2, rds-postgres or existing-aurora."
  }
}

variable "dynamodb" {
  description = "DynamoDB: the table's name (default <project>-<stage>-jobs), its indexes (keys only; an attribute is S or N) and the attribute that says when an item expires."
  nullable    = false
  type = object({
    table_name             = optional(string)
    point_in_time_recovery = optional(bool, true)
    ttl_attribute          = optional(string, "ttl")
    indexes = optional(map(object({
      partition_key = string
      sort_key      = string
      sort_key_type = optional(string, "S")
      })), {
      by_user   = { partition_key = "user_key", sort_key = "created_key" }
      by_status = { partition_key = "status", sort_key = "created_key" }
      by_time   = { partition_key = "kind", sort_key = "created_key" }
      by_due    = { partition_key = "due_key", sort_key = "due_at", sort_key_type = "N" }
    })
  })
  default = {}

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,255}$", coalesce(var.dynamodb.table_name, "jobs")))
    error_message = "table_name is 3 to 255 letters, digits, _, . or -."
  }

  validation {
    condition     = alltrue([for index in values(var.dynamodb.indexes) : contains(["S", "N"], index.sort_key_type)])
    error_message = "sort_key_type is S or N."
  }
}

variable "database_name" {
  description = "The database in the cluster or instance."
  nullable    = false
  type        = string
  default     = "agents"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database_name))
    error_message = "database_name is lower-case letters, digits and _, starting with a letter, at most 63 characters."
  }
}

variable "master_username" {
  description = "The user that AWS makes, with a password in Secrets Manager that it rotates. The password is never in the state."
  nullable    = false
  type        = string
  default     = "agents_admin"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,15}$", var.master_username)) && !contains(["admin", "postgres", "rdsadmin", "master"], var.master_username)
    error_message = "master_username is lower-case letters, digits and _, at most 16 characters, and no name that RDS keeps for itself."
  }
}

variable "engine_version" {
  description = "The version of PostgreSQL. Aurora: 16.3 or later, for pausing at 0 units."
  nullable    = false
  type        = string
  default     = "16.8"

  validation {
    condition     = can(regex("^1[4-9](\\.[0-9]+)?$", var.engine_version))
    error_message = "engine_version is a version of PostgreSQL from 14 to 19, such as 16.8."
  }
}

variable "min_capacity" {
  description = "Aurora: the least capacity units (0 pauses the cluster while nobody asks it)."
  nullable    = false
  type        = number
  default     = 0.5

  validation {
    condition     = var.min_capacity >= 0 && var.min_capacity <= 256 && floor(var.min_capacity * 2) == var.min_capacity * 2
    error_message = "min_capacity is 0 to 256, in steps of 0.5."
  }
}

variable "max_capacity" {
  description = "Aurora: the most capacity units."
  nullable    = false
  type        = number
  default     = 1

  validation {
    condition     = var.max_capacity >= 1 && var.max_capacity <= 256 && floor(var.max_capacity * 2) == var.max_capacity * 2
    error_message = "max_capacity is 1 to 256, in steps of 0.5."
  }

  validation {
    condition     = var.max_capacity >= var.min_capacity
    error_message = "max_capacity is below min_capacity."
  }
}

variable "instance_class" {
  description = "RDS: the instance's class."
  nullable    = false
  type        = string
  default     = "db.t4g.small"

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class starts with db."
  }
}

variable "allocated_storage" {
  description = "RDS: GB of storage; it grows up to ten times as much."
  nullable    = false
  type        = number
  default     = 20

  validation {
    condition     = var.allocated_storage >= 20 && var.allocated_storage <= 6553
    error_message = "allocated_storage is 20 to 6553 GB."
  }
}

variable "multi_az" {
  description = "RDS: keep a standby in another zone."
  nullable    = false
  type        = bool
  default     = false
}

variable "backup_retention_days" {
  description = "Days that backups are kept."
  nullable    = false
  type        = number
  default     = 7

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "backup_retention_days is 1 to 35."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete the database. Switch it off, and apply, before 'destroy'."
  nullable    = false
  type        = bool
  default     = true
}

variable "skip_final_snapshot" {
  description = "Delete a cluster or instance without a last snapshot."
  nullable    = false
  type        = bool
  default     = false
}

variable "vpc" {
  description = "Aurora and RDS: the network they are in, and the security groups that may connect."
  type = object({
    vpc_id                    = string
    subnet_ids                = list(string)
    client_security_group_ids = optional(map(string), {})
  })
  default = null
}

variable "existing" {
  description = "existing-aurora: the cluster's ARN, or its identifier to look it up by; and the ARN of the secret with user and password, which a look-up finds too where RDS manages it."
  nullable    = false
  type = object({
    cluster_arn        = optional(string)
    cluster_identifier = optional(string)
    secret_arn         = optional(string)
  })
  default = {}

  validation {
    condition     = var.existing.cluster_arn == null || can(regex("^arn:[^:]+:rds:[^:]+:[0-9]{12}:cluster:.+$", var.existing.cluster_arn))
    error_message = "cluster_arn is no ARN of a cluster."
  }

  validation {
    condition     = var.existing.secret_arn == null || can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:.+$", var.existing.secret_arn))
    error_message = "secret_arn is no ARN of a secret."
  }
}

variable "kms_key_arns" {
  description = "The customer managed key (one at most). Empty: AWS's own keys."
  nullable    = false
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.kms_key_arns) <= 1
    error_message = "There is one key at most."
  }
}

variable "tags" {
  description = "More tags for everything."
  nullable    = false
  type        = map(string)
  default     = {}
}
