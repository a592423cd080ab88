"""The partition of AWS that a region belongs to; ARNs begin with it."""

_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


def partition_of(region: str) -> str:
    """``aws-cn`` for Chinese regions, ``aws-us-gov`` for GovCloud, else ``aws``."""
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")
