"""Whose AWS account the credentials of this machine belong to, and whether it is the one that was meant."""

from dataclasses import dataclass

from agent_framework.cli.deployment.aws import Aws
from agent_framework.errors import DeploymentError


@dataclass(frozen=True, slots=True)
class Account:
    """An account as AWS names it, and who asks."""

    id: str
    arn: str


def current_account(aws: Aws, *, expected: str | None = None) -> Account:
    """The account of the credentials.

    Raises:
        ProviderError: there are none, or they are wrong or have expired.
        DeploymentError: it is not the ``expected`` one.
    """
    answer = aws.call("sts", "get_caller_identity")
    account = Account(str(answer["Account"]), str(answer["Arn"]))
    if expected is not None and account.id != expected:
        raise DeploymentError(
            f"the AWS credentials belong to account {account.id} ({account.arn}), and --account asks for {expected}; "
            "set AWS_PROFILE to a profile of that account"
        )
    return account
