variable "function_name" {
  description = "Name of the function with the pages."
  type        = string
}

variable "tags" {
  description = "Tags for the CloudFormation stack."
  nullable    = false
  type        = map(string)
  default     = {}
}
