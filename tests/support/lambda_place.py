"""The engine suite's place on emulated Lambda: a function for each agent, woken by SQS, swept every second."""

import asyncio
import time
from pathlib import Path

from agent_framework import Project
from agent_framework.testing.conformance.engine import Place, configure
from tests.support.lambda_emulator import LambdaEmulator
from tests.support.lambda_system import STAGE, LambdaSystem
from tests.support.moto_server import Aws

SWEEP_S = 1.0


class LambdaPlace(Place):
    """The project in ``folder``, deployed."""

    def __init__(self, folder: Path, aws: Aws, emulator: LambdaEmulator) -> None:
        self.system = LambdaSystem(folder, aws, emulator)
        configure(folder, STAGE, {"infrastructure": self.system.outside})
        super().__init__(folder, stage=STAGE)
        self._swept = 0.0

    async def begin(self, project: Project) -> None:
        """Deploy."""
        await asyncio.to_thread(self.system.deploy)

    async def end(self) -> None:
        """Take it away again."""
        await asyncio.to_thread(self.system.undeploy)

    async def look_after(self) -> None:
        """What the sweeper's schedule does."""
        if time.monotonic() - self._swept > SWEEP_S:
            self._swept = time.monotonic()
            await asyncio.to_thread(self.system.sweep)
