mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
}

variables {
  project_name = "shop"
  stage        = "prod"
}

run "a_private_encrypted_versioned_bucket" {
  assert {
    condition     = output.bucket_id == aws_s3_bucket.this.id && aws_s3_bucket.this.bucket == "shop-prod-123456789012-data"
    error_message = "The name is unique to project, stage, account and purpose."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls, aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls, aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Nobody else gets in."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule : rule.apply_server_side_encryption_by_default[0].sse_algorithm]) == "AES256"
    error_message = "Without a key of our own, S3's encrypts."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "What is overwritten can be brought back."
  }
}

run "with_a_key_of_ones_own" {
  variables {
    kms_key_arns = ["arn:aws:kms:eu-central-1:123456789012:key/1"]
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule : rule.apply_server_side_encryption_by_default[0].sse_algorithm]) == "aws:kms"
    error_message = "The key is used."
  }
}

run "claims_stay_unless_told_otherwise" {
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[1].status == "Disabled"
    error_message = "Results are not deleted by default."
  }
}

run "claims_expire" {
  variables {
    expire_claims_after_days = 90
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.this.rule[1].status == "Enabled" && aws_s3_bucket_lifecycle_configuration.this.rule[1].expiration[0].days == 90
    error_message = "Results are deleted when they were told to be."
  }
}

run "the_longest_names_fit" {
  command = plan

  variables {
    project_name = "a-project-with-a-rather-long-nam"
    stage        = "a-rather-long-st"
  }

  assert {
    condition     = length(aws_s3_bucket.this.bucket) <= 63
    error_message = "A bucket's name has at most 63 characters."
  }
}

run "another_purpose_is_refused" {
  command = plan

  variables {
    purpose = "logs"
  }

  expect_failures = [var.purpose]
}
