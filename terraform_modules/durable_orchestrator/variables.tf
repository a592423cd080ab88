variable "project_name" {
  description = "Name of the project (project.name of agents.yaml)."
  type        = string
}

variable "stage" {
  description = "Stage, such as dev or prod; part of every name."
  type        = string
}

variable "orchestrator" {
  description = "Name of the orchestrator's agent."
  type        = string
}

variable "orchestrator_role_arn" {
  description = "ARN of the orchestrator's role, which this function shares."
  type        = string
}

variable "orchestrator_role_name" {
  description = "Name of that role; it gets the rights to start executions, to keep checkpoints and to invoke itself."
  type        = string
}

variable "package" {
  description = "The orchestrator's package, once it is uploaded."
  type = object({
    s3_bucket        = string
    s3_key           = string
    source_code_hash = string
  })
}

variable "handler" {
  description = "Entry point of the function."
  nullable    = false
  type        = string
  default     = "agent_framework.core.durable_entry.handler"
}

variable "runtime" {
  description = "Lambda's runtime; durable functions need python3.13 or newer."
  nullable    = false
  type        = string
  default     = "python3.13"

  validation {
    condition     = contains(["python3.13", "python3.14"], var.runtime)
    error_message = "Durable functions run on python3.13 and python3.14."
  }
}

variable "architecture" {
  description = "Architecture of the orchestrator's package."
  nullable    = false
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "timeout" {
  description = "Seconds of one invocation of the function; an execution has as many as it needs, and none while agents run."
  nullable    = false
  type        = number
  default     = 300

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900
    error_message = "timeout is 1 to 900 seconds."
  }
}

variable "memory" {
  description = "MB of memory."
  nullable    = false
  type        = number
  default     = 512

  validation {
    condition     = var.memory >= 128 && var.memory <= 10240
    error_message = "memory is 128 to 10240 MB."
  }
}

variable "execution_timeout" {
  description = "Seconds that one execution may take; a job that takes longer is carried on by another."
  nullable    = false
  type        = number
  default     = 31622400

  validation {
    condition     = var.execution_timeout >= 1 && var.execution_timeout <= 31622400
    error_message = "execution_timeout is 1 second to 366 days (31622400)."
  }
}

variable "retention_days" {
  description = "Days for which Lambda keeps the history of executions that have ended."
  nullable    = false
  type        = number
  default     = 14

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 90
    error_message = "retention_days is 1 to 90."
  }
}

variable "environment" {
  description = "Environment variables of the orchestrator's function, without AGENT_FRAMEWORK_DURABLE_FUNCTION."
  nullable    = false
  type        = map(string)
  default     = {}
}

variable "log_group_name" {
  description = "The orchestrator's log group, in which this function logs too."
  type        = string
}

variable "vpc" {
  description = "Subnets and security groups, where the database is in a VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "kms_key_arns" {
  description = "The customer managed key (one at most) for environment variables. Empty: AWS's own keys."
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
