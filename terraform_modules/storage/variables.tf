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

variable "purpose" {
  description = "What the bucket is for: data (the jobs' files) or code (deployment packages). The last part of its name."
  nullable    = false
  type        = string
  default     = "data"

  validation {
    condition     = contains(["data", "code"], var.purpose)
    error_message = "The purpose is data or code."
  }
}

variable "bucket_prefix" {
  description = "First part of the bucket's name, instead of the project's. The name is <prefix>-<stage>-<account>-<purpose>."
  type        = string
  default     = null

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,31}$", coalesce(var.bucket_prefix, "p")))
    error_message = "bucket_prefix is lower-case letters, digits and -, at most 32 characters."
  }
}

variable "claim_prefix" {
  description = "Where large results are kept."
  nullable    = false
  type        = string
  default     = "claims/"

  validation {
    condition     = can(regex("^[^*?]+/$", var.claim_prefix))
    error_message = "claim_prefix ends with / and has no * or ?."
  }
}

variable "expire_claims_after_days" {
  description = "Days after which large results are deleted; they must outlive the jobs that are still looked at. Null: never."
  type        = number
  default     = null

  validation {
    condition     = coalesce(var.expire_claims_after_days, 1) >= 1
    error_message = "expire_claims_after_days is at least 1."
  }
}

variable "noncurrent_version_days" {
  description = "Days that overwritten and deleted versions are kept."
  nullable    = false
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_version_days >= 1
    error_message = "noncurrent_version_days is at least 1."
  }
}

variable "force_destroy" {
  description = "Let 'destroy' delete a bucket that is not empty."
  nullable    = false
  type        = bool
  default     = false
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
