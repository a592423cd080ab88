"""From a project to one deployment package for each agent, without Docker and the same on every machine.

Stages: which agents (`deployment.agents`) -> each one's files, found by following imports (`sources`, `imports`) and
its requirements by role (`closures`) -> hash-locked versions (`locks`, by `uv`) -> dependencies and our own package,
installed, pruned, compiled and zipped once for all agents that share them (`base`, `pruning`, `interpreter`) -> the
agent's own files on top (`archive`), measured and held against Lambda's limits (`build`).

A package depends on the code, agents.yaml, the locks and this version of the framework, never on the stage. Nothing
here calls AWS, and nothing of the project's code runs but to measure its import, in a process of its own.
"""

from agent_framework.cli.deployment.packaging.build import build_packages
from agent_framework.cli.deployment.packaging.interpreter import Python, find_python
from agent_framework.cli.deployment.packaging.model import LAMBDA_LIMIT_BYTES, Listener, Package, Progress
from agent_framework.cli.deployment.packaging.tfvars import PACKAGES_TFVARS, write_packages_tfvars
from agent_framework.cli.deployment.packaging.uv import uv_program

__all__ = [
    "LAMBDA_LIMIT_BYTES",
    "PACKAGES_TFVARS",
    "Listener",
    "Package",
    "Progress",
    "Python",
    "build_packages",
    "find_python",
    "uv_program",
    "write_packages_tfvars",
]
