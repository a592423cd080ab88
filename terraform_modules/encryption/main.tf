# One customer managed key for everything of a project and stage, and who may use it: the account by its own policies,
# and the AWS services that encrypt on our behalf.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  name      = "${var.project_name}-${var.stage}"
  tags      = merge(var.tags, { Project = var.project_name, Stage = var.stage, ManagedBy = "agent-framework" })
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region
}

resource "aws_kms_key" "this" {
  description             = "Everything of ${var.project_name}, stage ${var.stage}"
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_in_days
  policy                  = data.aws_iam_policy_document.key.json
  tags                    = local.tags
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.this.key_id
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:a key's policy is about the key it belongs to; without the account nobody could change it
  # checkov:skip=CKV_AWS_111:a key's policy is about the key it belongs to
  # checkov:skip=CKV_AWS_356:a key's policy is about the key it belongs to
  statement {
    sid = "AccountByItsOwnPolicies"
    # Reason for "kms:*": AWS's default key policy; without it a key can become unmanageable. Roles still need a policy.
    actions = ["kms:*"]
    # Reason for "*": in a key's policy it means this key.
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    sid     = "LogsOfTheFunctions"
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    # Reason for "*": in a key's policy it means this key.
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${local.name}-*"]
    }
  }

  statement {
    sid     = "AlarmsAndEvents"
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    # Reason for "*": in a key's policy it means this key.
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}
