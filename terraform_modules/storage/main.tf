# A private, encrypted, versioned bucket with a name that is unique to project, stage and account.

data "aws_caller_identity" "current" {}

locals {
  # A bucket's name has 63 characters; a long beginning is cut, and told from others by its hash.
  start = "${coalesce(var.bucket_prefix, var.project_name)}-${var.stage}"
  short = length(local.start) <= 45 ? local.start : "${substr(local.start, 0, 38)}-${substr(sha256(local.start), 0, 6)}"
  name  = "${local.short}-${data.aws_caller_identity.current.account_id}-${var.purpose}"
  tags  = merge(var.tags, { Project = var.project_name, Stage = var.stage, ManagedBy = "agent-framework" })
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18:access logs need a bucket of their own that the account decides on; CloudTrail can log data events
  # checkov:skip=CKV_AWS_144:a copy in another region is the account's choice
  # checkov:skip=CKV_AWS_145:encrypted with the customer managed key where one is given; S3's own key costs nothing
  # checkov:skip=CKV2_AWS_62:nothing listens to events of the bucket
  bucket        = local.name
  force_destroy = var.force_destroy
  tags          = merge(local.tags, { Purpose = var.purpose })
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = length(var.kms_key_arns) > 0

    apply_server_side_encryption_by_default {
      sse_algorithm     = length(var.kms_key_arns) > 0 ? "aws:kms" : "AES256"
      kms_master_key_id = one(var.kms_key_arns)
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "remove-what-is-left-over"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }
  }

  rule {
    id     = "expire-claims"
    status = var.expire_claims_after_days == null ? "Disabled" : "Enabled"

    filter {
      prefix = var.claim_prefix
    }

    expiration {
      days = coalesce(var.expire_claims_after_days, 365)
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.this.json

  depends_on = [aws_s3_bucket_public_access_block.this]
}

data "aws_iam_policy_document" "this" {
  statement {
    sid    = "EncryptedConnectionsOnly"
    effect = "Deny"
    # Reason for "s3:*": it denies, whatever is asked.
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"] # everything in it

    principals {
      type = "AWS"
      # Reason for "*": it denies, whoever asks.
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
