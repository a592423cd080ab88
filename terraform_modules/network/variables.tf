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

variable "cidr_block" {
  description = "Addresses of the VPC; a /16 to /24."
  nullable    = false
  type        = string
  default     = "10.40.0.0/20"

  validation {
    condition     = can(cidrhost(var.cidr_block, 0)) && try(tonumber(split("/", var.cidr_block)[1]), 0) >= 16 && try(tonumber(split("/", var.cidr_block)[1]), 99) <= 24
    error_message = "cidr_block is an IPv4 block from /16 to /24."
  }
}

variable "zones" {
  description = "How many availability zones have a subnet; databases need two."
  nullable    = false
  type        = number
  default     = 2

  validation {
    condition     = var.zones >= 2 && var.zones <= 3
    error_message = "zones is 2 or 3."
  }
}

variable "interface_endpoints" {
  description = "AWS services that functions in the VPC reach; each costs by the hour and zone. Nothing else is reachable: there is no way to the internet."
  nullable    = false
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9.-]+$", service))])
    error_message = "An endpoint is a service's name such as sqs or bedrock-runtime."
  }
}

variable "flow_log_retention_days" {
  description = "Days that the VPC's flow logs (rejected connections) are kept. 0: there are none."
  nullable    = false
  type        = number
  default     = 0

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 180, 365], var.flow_log_retention_days)
    error_message = "flow_log_retention_days is 0, 1, 3, 5, 7, 14, 30, 60, 90, 180 or 365."
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
