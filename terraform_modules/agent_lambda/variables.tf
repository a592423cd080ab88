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

variable "agents" {
  description = "The agents by name, as 'agent-framework generate-config' writes them. Times in seconds, sizes in MB. What an agent's 'permissions' name, its role alone may do besides."
  type = map(object({
    type                 = optional(string, "worker")
    function_name        = optional(string)
    handler              = optional(string)
    timeout              = optional(number, 300)
    memory               = optional(number, 1024)
    architecture         = optional(string, "x86_64")
    ephemeral_storage    = optional(number, 512)
    reserved_concurrency = optional(number)
    environment          = optional(map(string), {})
    environment_names    = optional(list(string), [])
    secret_names         = optional(list(string), [])
    secret_references    = optional(map(string), {})
    database_access      = optional(string, "own-outcome")
    storage_access       = optional(string, "own-outcome")
    bedrock_models = optional(list(object({
      arn          = string
      destinations = optional(list(string), [])
    })), [])
    permissions = optional(list(object({
      actions   = list(string)
      resources = list(string)
      reason    = optional(string)
    })), [])
  }))

  validation {
    condition     = alltrue([for name in keys(var.agents) : can(regex("^[a-z][a-z0-9_]{0,39}$", name))])
    error_message = "An agent's name is lower-case letters, digits and _, starting with a letter, at most 40 characters."
  }

  validation {
    condition = alltrue([
      for name, agent in var.agents :
      length(coalesce(agent.function_name, "${var.project_name}-${var.stage}-${name}")) <= 64
    ])
    error_message = "A function's name has at most 64 characters; shorten the project's, the stage's or the agent's name."
  }

  validation {
    condition     = alltrue([for agent in values(var.agents) : contains(["worker", "orchestrator"], agent.type)])
    error_message = "An agent's type is worker or orchestrator."
  }

  validation {
    condition     = alltrue([for agent in values(var.agents) : agent.timeout >= 1 && agent.timeout <= 900])
    error_message = "A timeout is 1 to 900 seconds."
  }

  validation {
    condition     = alltrue([for agent in values(var.agents) : agent.memory >= 128 && agent.memory <= 10240])
    error_message = "Memory is 128 to 10240 MB."
  }

  validation {
    condition = alltrue([
      for agent in values(var.agents) : agent.ephemeral_storage >= 512 && agent.ephemeral_storage <= 10240
    ])
    error_message = "ephemeral_storage is 512 to 10240 MB."
  }

  validation {
    condition     = alltrue([for agent in values(var.agents) : contains(["x86_64", "arm64"], agent.architecture)])
    error_message = "An architecture is x86_64 or arm64."
  }

  validation {
    condition = alltrue(flatten([
      for agent in values(var.agents) : [
        for access in [agent.database_access, agent.storage_access] :
        contains(["own-outcome", "read-only", "read-write"], access)
      ]
    ]))
    error_message = "An access is own-outcome, read-only or read-write."
  }

  validation {
    condition = alltrue(flatten([
      for agent in values(var.agents) : [
        for reference in values(agent.secret_references) : can(regex("^(arn:[^:]+:(secretsmanager|ssm):|/)", reference))
      ]
    ]))
    error_message = "A secret's reference is the ARN of a secret or parameter, or a parameter's name that starts with /."
  }

  validation {
    condition = alltrue(flatten([
      for agent in values(var.agents) : [
        for permission in agent.permissions : length(permission.actions) > 0 && length(permission.resources) > 0
      ]
    ]))
    error_message = "A permission names at least one action and one resource."
  }

  validation {
    condition = alltrue(flatten([
      for agent in values(var.agents) : [
        for permission in agent.permissions : [
          for action in permission.actions : can(regex("^[a-z0-9-]+:[A-Za-z*?][A-Za-z0-9*?]*$", action))
        ]
      ]
    ]))
    error_message = "An action is service:Name, such as s3:GetObject."
  }

  validation {
    condition = alltrue(flatten([
      for agent in values(var.agents) : [
        for permission in agent.permissions : [
          for action in permission.actions :
          !can(regex("^(account|iam|identitystore|organizations|ram|rolesanywhere|sso|sso-directory|sts):", action))
        ]
      ]
    ]))
    error_message = "An agent may not be given actions of a service by which rights are given (iam, sts, organizations, ...)."
  }

  validation {
    condition = alltrue(flatten([
      for agent in values(var.agents) : [
        for permission in agent.permissions : [
          for resource in permission.resources :
          resource == "*" || can(regex("^arn:aws(-[a-z]+)*:[a-z0-9-]+:[a-z0-9*?-]*:[a-z0-9*?]*:\\S+$", resource))
        ]
      ]
    ]))
    error_message = "A resource is an ARN in full, or *."
  }

  validation {
    condition = alltrue(flatten([
      for agent in values(var.agents) : [
        for permission in agent.permissions : [
          for name in concat(permission.actions, permission.resources) :
          permission.reason != null || !can(regex("[*?]", name)) ||
          can(regex("^arn:[^:]+:(s3:::[^*?]+|[^:]+:[^:*?]*:[^:*?]*:[^*?]+[:/][^*?]+)/\\*$", name))
        ]
      ]
    ]))
    error_message = "A permission with * or ? in an action or a resource (but for /* below a named resource) needs a reason."
  }
}

variable "packages" {
  description = "The deployment package of each agent, as 'agent-framework package' writes them: the key in the bucket (by content hash), the base64 SHA-256, and the path of the zip if Terraform is to upload it."
  nullable    = false
  type = map(object({
    s3_key           = string
    source_code_hash = string
    path             = optional(string)
  }))
  default = {}
}

variable "s3_bucket_id" {
  description = "The bucket with the deployment packages. No agent may write to it."
  type        = string
}

variable "runtime" {
  description = "The Python runtime of the functions."
  nullable    = false
  type        = string
  default     = "python3.13"

  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13"], var.runtime)
    error_message = "The runtime is python3.11, python3.12 or python3.13."
  }
}

variable "common_env_vars" {
  description = "Environment variables that every agent gets. No secrets: they would be readable in the state and the console."
  nullable    = false
  type        = map(string)
  default     = {}
}

variable "orchestrator_env_vars" {
  description = "Variables for the orchestrator alone, such as AGENT_FRAMEWORK_DURABLE_FUNCTION."
  nullable    = false
  type        = map(string)
  default     = {}
}

variable "environment_values" {
  description = "Values of the variables that agents name in runtime.environment. Plain values only; secrets belong in 'secrets'."
  nullable    = false
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name in keys(var.environment_values) :
      !can(regex("KEY|TOKEN|SECRET|PASSW|CREDENTIAL|PRIVATE|DSN|DATABASE_URL|CONNECTION_STRING", upper(name)))
    ])
    error_message = "A name in environment_values looks like a secret. Store its value in Secrets Manager or Parameter Store and put the ARN or the parameter's name into 'secrets'."
  }
}

variable "secrets" {
  description = "Where the secrets are that agents name: an ARN of Secrets Manager or Parameter Store, or a parameter's name that starts with /. They are read at cold start; values never come here."
  nullable    = false
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for reference in values(var.secrets) : can(regex("^(arn:[^:]+:(secretsmanager|ssm):|/)", reference))])
    error_message = "A secret is the ARN of a secret or parameter, or a parameter's name that starts with /; never the value."
  }
}

variable "secrets_kms_key_arns" {
  description = "Customer managed keys that the secrets are encrypted with. Empty where AWS's own keys are used."
  nullable    = false
  type        = list(string)
  default     = []
}

variable "queue" {
  description = "The jobs queue. Every agent may wake a job by a message; a worker that Lambda could not run is reported there."
  type = object({
    arn = string
    url = string
  })
  default = null
}

variable "event_bus_arns" {
  description = "The bus in front of the queue, where infrastructure.queue.provider is eventbridge."
  nullable    = false
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.event_bus_arns) <= 1
    error_message = "There is one bus at most."
  }
}

variable "database" {
  description = "The database of the jobs: the provider, and the ARN of its table or cluster and of its secret. 'external' grants nothing."
  nullable    = false
  type = object({
    provider   = string
    arn        = optional(string)
    secret_arn = optional(string)
  })
  default = { provider = "external" }

  validation {
    condition     = contains(["dynamodb", "aurora-serverless-v2", "rds-postgres", "external"], var.database.provider)
    error_message = "The provider is dynamodb, aurora-serverless-v2, rds-postgres or external."
  }
}

variable "storage" {
  description = "The bucket of the jobs' files. Large results are kept under '<claim_prefix><agent>/'."
  type = object({
    bucket_arn   = string
    claim_prefix = optional(string, "claims/")
  })
  default = null

  validation {
    condition     = var.storage == null || try(can(regex("^[^*?]+/$", var.storage.claim_prefix)), false)
    error_message = "claim_prefix ends with / and has no * or ?."
  }
}

variable "vpc" {
  description = "Subnets and security groups of the functions; only rds-postgres needs them."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "kms_key_arns" {
  description = "The customer managed key (one at most) for logs, variables and what the agents read and write. Empty: AWS's own keys."
  nullable    = false
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.kms_key_arns) <= 1
    error_message = "There is one key at most."
  }
}

variable "permissions_boundary_arn" {
  description = "The permissions boundary of the roles, where the account demands one."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  nullable    = false
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653], var.log_retention_days)
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827 or 3653 days."
  }
}

variable "tags" {
  description = "More tags for everything."
  nullable    = false
  type        = map(string)
  default     = {}
}
