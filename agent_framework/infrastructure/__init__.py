"""What the engine runs on: databases, queues, storages, models, dispatchers."""
