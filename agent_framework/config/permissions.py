"""What an agent's own code may do in AWS, besides what follows from its dependencies and its model.

A permission is a list of actions on a list of resources. The rules, in the order in which they are checked:

1. An action is ``service:Name``. The service is written out, so that it is always known whose action it is.
2. No action changes who may do what (`WIDENING_SERVICES`, `WIDENING_ACTIONS`): rights are given by the deployment, and
   an agent that could give itself some would have all of them. A pattern that covers such an action is one.
3. A resource is a whole ARN, or ``*``.
4. ``*`` and ``?`` stand for more than one action or resource, and need a written reason. What is below one named
   resource (``arn:aws:s3:::bucket/*``) is that resource.

Nothing here knows Terraform; `terraform_modules/agent_lambda` checks the form again for who writes variables by hand.
"""

import re
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from agent_framework.config.config_model import ConfigModel

MAX_CHARACTERS = 5000
"""Of all permissions of one agent. IAM gives all inline policies of a role 10,240, and other rights need some."""
MAX_ACTION, MAX_ARN = 128, 2048
"""Characters of one."""
MIN_REASON, MAX_REASON = 10, 500
"""Characters of a reason."""

WIDENING_SERVICES = (
    "account", "iam", "identitystore", "organizations", "ram", "rolesanywhere", "sso", "sso-directory", "sts",
)  # fmt: skip
"""Services of which every action is about rights, accounts or credentials."""

WIDENING_ACTIONS = (
    "backup:PutBackupVaultAccessPolicy",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:UpdateStack",
    "codebuild:PutResourcePolicy",
    "cognito-identity:SetIdentityPoolRoles",
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:PutResourcePolicy",
    "ecr:SetRepositoryPolicy",
    "events:PutPermission",
    "glue:PutResourcePolicy",
    "kms:CreateGrant",
    "kms:PutKeyPolicy",
    "lambda:AddLayerVersionPermission",
    "lambda:AddPermission",
    "lambda:CreateFunction",
    "lambda:CreateFunctionUrlConfig",
    "lambda:RemovePermission",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "lambda:UpdateFunctionUrlConfig",
    "lakeformation:GrantPermissions",
    "logs:PutResourcePolicy",
    "s3:DeleteAccessPointPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutAccessPointPolicy",
    "s3:PutAccountPublicAccessBlock",
    "s3:PutBucketAcl",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutObjectAcl",
    "s3tables:PutTableBucketPolicy",
    "s3vectors:DeleteVectorBucketPolicy",
    "s3vectors:PutVectorBucketPolicy",
    "secretsmanager:DeleteResourcePolicy",
    "secretsmanager:PutResourcePolicy",
    "sns:AddPermission",
    "sns:SetTopicAttributes",
    "sqs:AddPermission",
    "sqs:SetQueueAttributes",
    "ssm:PutResourcePolicy",
)
"""Actions of other services by which rights are given: policies of resources, and code that runs under another role."""

_WILD = re.compile(r"[*?]")
_ACTION = re.compile(r"([a-z0-9-]+):([A-Za-z*?][A-Za-z0-9*?]*)")
_PARTITION = re.compile(r"aws(-[a-z]+)*")
_SERVICE = re.compile(r"[a-z0-9-]+")
_REGION = re.compile(r"([a-z]{2,4}(-[a-z]+)+-\d|[a-z0-9*?-]*[*?][a-z0-9*?-]*)?")
_ACCOUNT = re.compile(r"(\d{12}|aws|[\d*?]*[*?][\d*?]*)?")
_RESOURCE = re.compile(r"""[^\s"'`$&{}<>\\]+""")
_PARTS = {
    "partition": _PARTITION, "service": _SERVICE, "region": _REGION, "account": _ACCOUNT, "resource": _RESOURCE,
}  # fmt: skip
_GIVEN = "take it out, or name the actions that are needed: rights are given by the deployment, never by an agent"
_FORM_OF_ARN = "arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE, such as arn:aws:dynamodb:eu-west-1:123456789012:table/orders"


def _action(value: str) -> str:
    found = _ACTION.fullmatch(value) if len(value) <= MAX_ACTION else None
    if found is None:
        raise ValueError(
            f"{value[:MAX_ACTION]!r} is no action; write service:Name as AWS's service reference lists it, such as "
            "s3:GetObject"
        )
    service = found[1]
    if service in WIDENING_SERVICES:
        raise ValueError(f"{value}: an agent may not be given rights to {service}, by which rights are given; {_GIVEN}")
    covered = next((one for one in WIDENING_ACTIONS if fnmatchcase(one.lower(), value.lower())), None)
    if covered is not None:
        covers = "changes" if covered.lower() == value.lower() else f"covers {covered}, which changes"
        raise ValueError(f"{value} {covers} who may do what; {_GIVEN}")
    return value


def _resource(value: str) -> str:
    if value == "*":
        return value
    parts = value.split(":", 5)
    if len(value) > MAX_ARN or len(parts) != 6 or parts[0] != "arn":
        raise ValueError(f"{value[:MAX_ACTION]!r} is no ARN; write {_FORM_OF_ARN}")
    if "$" in value or "{" in value:
        raise ValueError(
            f"{value!r} is no ARN: there are no variables here; write it out, and what differs by stage under "
            "stages.<stage>.agents.<agent>.permissions"
        )
    for part, (name, form) in zip(parts[1:], _PARTS.items(), strict=True):
        if form.fullmatch(part) is None:
            raise ValueError(f"{value!r} is no ARN, its {name} {part!r} is not possible; write {_FORM_OF_ARN}")
    return value


ActionName = Annotated[str, AfterValidator(_action), Field(json_schema_extra={"pattern": f"^{_ACTION.pattern}$"})]
ResourceArn = Annotated[
    str,
    AfterValidator(_resource),
    Field(json_schema_extra={"pattern": f"^(\\*|arn:{':'.join(form.pattern for form in _PARTS.values())})$"}),
]


def _named(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("the list is empty; name at least one, or take the permission out")
    return value


class Permission(ConfigModel):
    """Actions that the agent's own code may take on some resources of AWS."""

    actions: Annotated[tuple[ActionName, ...], AfterValidator(_named)] = Field(
        json_schema_extra={"minItems": 1},
        description="Actions as AWS names them, service:Name; with * or ? only where 'reason' says why.",
    )
    resources: Annotated[tuple[ResourceArn, ...], AfterValidator(_named)] = Field(
        json_schema_extra={"minItems": 1},
        description="ARNs in full. What is below a named resource (arn:aws:s3:::bucket/*) is that resource; any other "
        "* or ? needs a 'reason'.",
    )
    reason: str | None = Field(
        default=None, min_length=MIN_REASON, max_length=MAX_REASON, description="Why it has to be as wide as it is."
    )

    @property
    def wide(self) -> tuple[str, ...]:
        """The actions and resources that stand for more than what they name."""
        return (*filter(_WILD.search, self.actions), *(arn for arn in self.resources if _is_wide(arn)))

    @model_validator(mode="after")
    def _wide_for_a_reason(self) -> Self:
        if self.wide and self.reason is None:
            raise ValueError(
                f"{', '.join(self.wide)} stands for more than it names; name what is needed, or say in 'reason' why "
                "that cannot be done"
            )
        return self


def _is_wide(arn: str) -> bool:
    """Whether the ARN is a pattern, other than for what is below one named resource."""
    above = arn.removesuffix("/*")
    if above == arn or _WILD.search(above):
        return _WILD.search(arn) is not None
    # 'table/*' is every table, 'table/orders/*' is not; in S3 a bucket's name stands alone.
    return not re.match(r"arn:[^:]+:(s3:::|([^:]*:){3}.*[:/])", above)


def _fits_a_policy(permissions: tuple[Permission, ...]) -> tuple[Permission, ...]:
    characters = sum(len(text) + 3 for one in permissions for text in (*one.actions, *one.resources))
    if characters > MAX_CHARACTERS:
        raise ValueError(
            f"{characters:,} characters are too many for an agent's role, the limit is {MAX_CHARACTERS:,}; give parts "
            "of the work to agents of their own"
        )
    return permissions


Permissions = Annotated[tuple[Permission, ...], AfterValidator(_fits_a_policy)]
