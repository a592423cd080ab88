# A VPC without a way in or out: subnets for a database and for functions that connect to it, and endpoints for the AWS
# services that those functions use. A project with a network of its own does without this module.

data "aws_availability_zones" "available" {
  # checkov:skip=CKV_AWS_394:the first zones by name are taken, as many as asked for; a new zone comes behind them
  state = "available"

  # No local zones: they have to be opted into.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_region" "current" {}

locals {
  name     = "${var.project_name}-${var.stage}"
  tags     = merge(var.tags, { Project = var.project_name, Stage = var.stage, ManagedBy = "agent-framework" })
  region   = data.aws_region.current.region
  zones    = slice(sort(data.aws_availability_zones.available.names), 0, var.zones)
  has_logs = var.flow_log_retention_days > 0
}

resource "aws_vpc" "this" {
  # checkov:skip=CKV2_AWS_11:flow logs cost by volume; the project switches them on (flow_log_retention_days)
  cidr_block           = var.cidr_block
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(local.tags, { Name = local.name })
}

# The default security group lets its members talk to each other; without rules it is of no use to anybody.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = "${local.name}-closed" })
}

resource "aws_subnet" "private" {
  for_each = { for index, zone in local.zones : zone => index }

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr_block, 4, each.value)
  map_public_ip_on_launch = false
  tags                    = merge(local.tags, { Name = "${local.name}-${each.key}" })
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = local.name })
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

# The functions: nothing comes in; out they may go to databases (PostgreSQL) and AWS (HTTPS).

resource "aws_security_group" "functions" {
  # checkov:skip=CKV2_AWS_5:it is attached to the functions, by the root module
  name        = "${local.name}-functions"
  description = "Functions of ${var.project_name}, stage ${var.stage}"
  vpc_id      = aws_vpc.this.id
  tags        = merge(local.tags, { Name = "${local.name}-functions" })
}

resource "aws_vpc_security_group_egress_rule" "postgres" {
  security_group_id = aws_security_group.functions.id
  description       = "To databases in this VPC"
  cidr_ipv4         = var.cidr_block
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "endpoints" {
  security_group_id = aws_security_group.functions.id
  description       = "To the endpoints in this VPC"
  cidr_ipv4         = var.cidr_block
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.functions.id
  description       = "To S3, through its gateway"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = local.tags
}

# Endpoints

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
  tags              = merge(local.tags, { Name = "${local.name}-s3" })
}

resource "aws_security_group" "endpoints" {
  # checkov:skip=CKV2_AWS_5:it is attached to the endpoints
  name        = "${local.name}-endpoints"
  description = "Endpoints of AWS services, for the functions of ${var.project_name}, stage ${var.stage}"
  vpc_id      = aws_vpc.this.id
  tags        = merge(local.tags, { Name = "${local.name}-endpoints" })
}

resource "aws_vpc_security_group_ingress_rule" "functions" {
  security_group_id            = aws_security_group.endpoints.id
  referenced_security_group_id = aws_security_group.functions.id
  description                  = "HTTPS from the functions"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  tags                         = local.tags
}

resource "aws_vpc_endpoint" "service" {
  for_each = toset(var.interface_endpoints)

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  tags                = merge(local.tags, { Name = "${local.name}-${each.key}" })
}

# Flow logs, where they are wanted

resource "aws_cloudwatch_log_group" "flow" {
  # checkov:skip=CKV_AWS_158:encrypted with the customer managed key where one is given; AWS's own key costs nothing
  # checkov:skip=CKV_AWS_338:how long logs are kept is the project's choice (flow_log_retention_days)
  count = local.has_logs ? 1 : 0

  name              = "/aws/lambda/${local.name}-network"
  retention_in_days = var.flow_log_retention_days
  kms_key_id        = one(var.kms_key_arns)
  tags              = local.tags
}

resource "aws_flow_log" "rejected" {
  count = local.has_logs ? 1 : 0

  vpc_id          = aws_vpc.this.id
  traffic_type    = "REJECT"
  log_destination = aws_cloudwatch_log_group.flow[0].arn
  iam_role_arn    = aws_iam_role.flow[0].arn
  tags            = local.tags
}

resource "aws_iam_role" "flow" {
  count = local.has_logs ? 1 : 0

  name               = "${local.name}-flow-logs"
  description        = "Lets the VPC of ${var.project_name}, stage ${var.stage}, write its flow logs"
  assume_role_policy = data.aws_iam_policy_document.assume_flow.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "flow" {
  count = local.has_logs ? 1 : 0

  name   = "flow-logs"
  role   = aws_iam_role.flow[0].id
  policy = data.aws_iam_policy_document.flow[0].json
}

data "aws_iam_policy_document" "assume_flow" {
  statement {
    sid     = "FlowLogsOnly"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "flow" {
  count = local.has_logs ? 1 : 0

  statement {
    sid       = "WriteFlowLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.flow[0].arn}:*"] # the streams of that group
  }
}
