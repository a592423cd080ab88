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

variable "functions" {
  description = "The functions to watch: names by agent."
  nullable    = false
  type        = map(string)
  default     = {}
}

variable "queue_name" {
  description = "Name of the jobs queue."
  type        = string
}

variable "dlq_name" {
  description = "Name of the dead letters' queue."
  type        = string
}

variable "alarm_emails" {
  description = "Addresses that alarms are mailed to; each has to confirm once. Any address makes a topic."
  nullable    = false
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "An address in alarm_emails is none."
  }
}

variable "create_topic" {
  description = "Make an SNS topic for the alarms even without addresses."
  nullable    = false
  type        = bool
  default     = false
}

variable "alarm_topic_arns" {
  description = "Topics that are there already and hear of alarms too."
  nullable    = false
  type        = list(string)
  default     = []
}

variable "queue_age_seconds" {
  description = "Alarm when a message has waited this long."
  nullable    = false
  type        = number
  default     = 900

  validation {
    condition     = var.queue_age_seconds >= 60
    error_message = "queue_age_seconds is at least 60."
  }
}

variable "error_threshold" {
  description = "Alarm when a function fails more often than this within five minutes."
  nullable    = false
  type        = number
  default     = 0

  validation {
    condition     = var.error_threshold >= 0
    error_message = "error_threshold is at least 0."
  }
}

variable "throttle_threshold" {
  description = "Alarm when a function is throttled more often than this within five minutes."
  nullable    = false
  type        = number
  default     = 0

  validation {
    condition     = var.throttle_threshold >= 0
    error_message = "throttle_threshold is at least 0."
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
