"""Amazon Bedrock's Converse API as a model of the Agents SDK, on boto3 alone.

Stages of one call, one file each:

1. ``messages``: the SDK's input items become Converse messages; ``toolspecs``: its tools become a tool configuration;
2. ``arguments``: these two and the settings become the arguments of ``converse`` and ``converse_stream``;
3. ``calls``: one HTTP request on a thread, with a client that all models of the process share;
4. ``streaming``: the events of a stream become text as it comes, and at the end an answer like any other;
5. ``answers``: an answer becomes the SDK's output items and usage, or the error that its stop reason means.

``model`` holds the model itself. Nothing here imports boto3 before the first call.
"""
