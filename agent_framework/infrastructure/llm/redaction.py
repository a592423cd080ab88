"""Takes keys and tokens out of text before it is shown or written.

Providers quote the key they refused, and users paste keys into prompts. This is a last net for the well-known forms;
nothing should rely on it alone.
"""

import re

_MASK = "[redacted]"

_SECRETS = re.compile(
    r"""
      \bsk-[A-Za-z0-9_*.\-]{6,}                         # OpenAI, Anthropic and compatible keys, also half-masked ones
    | \b(?:AKIA|ASIA)[A-Z0-9]{12,}\b                    # AWS access key ids
    | \bABSK[A-Za-z0-9+/=]{16,}                         # Bedrock API keys
    | (?<=Bearer\ )[A-Za-z0-9._~+/=\-]{8,}              # authorization headers
    | (?<=://)[^/@\s]+(?=@)                             # user and password in an address
    | (?<=Signature=)[0-9a-f]{16,}                      # AWS signatures
    """,
    re.VERBOSE,
)


def redact(text: str, *secrets: str | None) -> str:
    """Replace ``secrets`` and everything that looks like a key."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, _MASK)
    return _SECRETS.sub(_MASK, text)
