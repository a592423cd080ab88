mock_provider "aws" {
  mock_resource "aws_lambda_function_url" {
    defaults = { function_url = "https://abc.lambda-url.eu-central-1.on.aws/" }
  }
}

variables {
  function_name = "shop-prod-approvals"
}

run "everybody_reaches_the_pages_and_only_by_the_url" {
  assert {
    condition     = aws_lambda_function_url.this.authorization_type == "NONE" && output.url == "https://abc.lambda-url.eu-central-1.on.aws/"
    error_message = "A browser has no AWS identity."
  }

  assert {
    condition     = aws_lambda_permission.url.action == "lambda:InvokeFunctionUrl" && aws_lambda_permission.url.function_url_auth_type == "NONE"
    error_message = "The first of the two statements."
  }

  assert {
    condition = jsondecode(aws_cloudformation_stack.invoke.template_body).Resources == {
      InvokeByUrl = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          Action = "lambda:InvokeFunction", FunctionName = "shop-prod-approvals", InvokedViaFunctionUrl = true, Principal = "*"
        }
      }
    }
    error_message = "The second one, which without its condition would let everybody send the function any event."
  }
}
