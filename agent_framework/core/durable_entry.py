"""The durable function's entry point, whatever the orchestrator is called: ``<this module>.handler``.

It lies in the same package as the orchestrator's own function, whose agent the environment names.
"""

import os

from agent_framework.core.durable_handler import durable_handler
from agent_framework.core.lambda_process import AGENT

handler = durable_handler(os.environ.get(AGENT, "orchestrator"))
