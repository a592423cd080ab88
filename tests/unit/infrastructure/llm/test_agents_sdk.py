"""The Agents SDK as it is loaded here: without MCP, which is there as ever for who uses a server of it."""

import subprocess
import sys

CODE = """
import asyncio, sys
from agent_framework.infrastructure.llm import ModelSpec, build_model
from agent_framework.infrastructure.llm.runner import RunRequest, run_agent

model = build_model(ModelSpec("offline", "offline"))
reply = asyncio.run(run_agent(RunRequest("alone", "Answer.", model, "hi")))
assert "no model was called" in reply.output
assert not {"mcp", "mcp_types", "agents.mcp.util"} & set(sys.modules)

from agents import Agent, RunConfig, Runner
from agents.mcp import MCPServer
from agents.testing import ScriptedModel, assistant_message, function_call
from mcp.types import CallToolResult, TextContent, Tool


class Shouting(MCPServer):
    name = "shouting"
    async def connect(self): pass
    async def cleanup(self): pass
    async def list_prompts(self): raise NotImplementedError
    async def get_prompt(self, name, arguments=None): raise NotImplementedError
    async def list_tools(self, run_context=None, agent=None):
        return [Tool.model_validate({"name": "shout", "inputSchema": {"type": "object", "properties": {}}})]
    async def call_tool(self, tool_name, arguments, meta=None):
        return CallToolResult(content=[TextContent(type="text", text="HEY")])


model = ScriptedModel([[function_call("shout", {}, call_id="1")], [assistant_message("done")]])
agent = Agent("loud", model=model, mcp_servers=[Shouting()])
result = asyncio.run(Runner.run(agent, "hi", run_config=RunConfig(tracing_disabled=True)))
assert "HEY" in str(result.to_input_list()), result.to_input_list()
"""


def test_a_run_loads_no_mcp_and_an_agent_with_a_server_of_it_works() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)
