output "bucket_id" {
  description = "Name of the bucket, once it is private and encrypted."
  value       = aws_s3_bucket.this.id

  depends_on = [
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "claim_prefix" {
  description = "Where large results are kept."
  value       = var.claim_prefix
}

output "config" {
  description = "What infrastructure.storage.config has to be for provider s3."
  value       = { bucket = aws_s3_bucket.this.id }
}
