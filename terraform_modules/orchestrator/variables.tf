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

variable "orchestrator_lambda_arn" {
  description = "ARN of the orchestrator's function, whatever the agent is called."
  type        = string
}

variable "orchestrator_role_name" {
  description = "Name of the orchestrator's role; it gets the rights to read the queue and to invoke the workers."
  type        = string
}

variable "function_timeout" {
  description = "The timeout of the orchestrator's function, in seconds."
  nullable    = false
  type        = number
  default     = 300

  validation {
    condition     = var.function_timeout >= 1 && var.function_timeout <= 900
    error_message = "function_timeout is 1 to 900 seconds."
  }
}

variable "visibility_timeout" {
  description = "Seconds that a received message stays invisible; at least 6 times function_timeout, which is the default."
  type        = number
  default     = null

  validation {
    condition     = var.visibility_timeout == null || coalesce(var.visibility_timeout, 0) >= 6 * var.function_timeout
    error_message = "visibility_timeout must be at least 6 times function_timeout, or messages are delivered anew while they are being handled."
  }

  validation {
    condition     = coalesce(var.visibility_timeout, 30) <= 43200
    error_message = "visibility_timeout is at most 43200 seconds (12 hours)."
  }
}

variable "worker_lambda_arns" {
  description = "ARNs of the workers' functions, by agent: what the orchestrator may invoke, and nothing else."
  nullable    = false
  type        = map(string)
  default     = {}
}

variable "message_retention_seconds" {
  description = "Seconds that a message waits in the jobs queue."
  nullable    = false
  type        = number
  default     = 345600

  validation {
    condition     = var.message_retention_seconds >= 60 && var.message_retention_seconds <= 1209600
    error_message = "message_retention_seconds is 60 seconds to 14 days (1209600)."
  }
}

variable "max_receive_count" {
  description = "How often a message is delivered before it goes to the dead letters."
  nullable    = false
  type        = number
  default     = 3

  validation {
    condition     = var.max_receive_count >= 1 && var.max_receive_count <= 1000
    error_message = "max_receive_count is 1 to 1000."
  }
}

variable "batch_size" {
  description = "Messages handed to one invocation; those that fail are reported one by one."
  nullable    = false
  type        = number
  default     = 10

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10
    error_message = "batch_size is 1 to 10."
  }
}

variable "maximum_concurrency" {
  description = "How many orchestrators may run at a time because of the queue."
  nullable    = false
  type        = number
  default     = 10

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "maximum_concurrency is 2 to 1000."
  }
}

variable "event_bus" {
  description = "Put an EventBridge bus in front of the queue: events of this source and detail type go to it. Null: no bus."
  type = object({
    source      = optional(string, "agent-framework")
    detail_type = optional(string, "job")
  })
  default = null
}

variable "sweep_schedule" {
  description = "How often jobs are looked for that nobody woke."
  nullable    = false
  type        = string
  default     = "rate(1 minute)"

  validation {
    condition     = can(regex("^(rate|cron)\\(.+\\)$", var.sweep_schedule))
    error_message = "sweep_schedule is rate(...) or cron(...)."
  }
}

variable "sweep_input" {
  description = "The event that the sweeper sends to the orchestrator's function."
  nullable    = false
  type        = map(string)
  default     = { type = "sweep" }
}

variable "kms_key_arns" {
  description = "The customer managed key (one at most) for the queues and the schedule. Empty: AWS's own keys."
  nullable    = false
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.kms_key_arns) <= 1
    error_message = "There is one key at most."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics that hear of a sweeper that does not run."
  nullable    = false
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "More tags for everything."
  nullable    = false
  type        = map(string)
  default     = {}
}
