# The public URL of the function with the pages of approvals. Lambda asks nobody who they are: a link's token is what lets
# somebody in. It has 256 bits, is stored as a hash, opens one approval, and decides it once and before it expires.
#
# What a URL without authentication needs is two statements of the function's policy. Provider versions before 6.29 cannot
# write the second one (invoked_via_function_url), and without its condition anybody could invoke the function directly, with
# any event; CloudFormation can.

resource "aws_lambda_function_url" "this" {
  # checkov:skip=CKV_AWS_258:whoever is asked has a link and no AWS identity; the token in it is checked by the function
  function_name      = var.function_name
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "url" {
  # checkov:skip=CKV_AWS_301:people open links in their browsers; the function answers nothing without a token
  statement_id           = "OpenPages"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = var.function_name
  function_url_auth_type = "NONE"
  # Reason for "*": people who are asked have no AWS identity.
  principal = "*"
}

resource "aws_cloudformation_stack" "invoke" {
  # checkov:skip=CKV_AWS_124:it holds one statement, which changes when the function's name does; nobody waits for news of it
  name = "${var.function_name}-url"
  tags = var.tags

  template_body = jsonencode({
    Description = "Lets the public URL of ${var.function_name} invoke it, and nothing but the URL"
    Resources = {
      InvokeByUrl = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action                = "lambda:InvokeFunction"
          FunctionName          = var.function_name
          InvokedViaFunctionUrl = true
          # Reason for "*": as above; the condition lets in what came by the URL only.
          Principal = "*"
        }
      }
    }
  })

  depends_on = [aws_lambda_function_url.this]
}
