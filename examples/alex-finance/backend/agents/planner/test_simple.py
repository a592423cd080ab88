"""Try the planner and a whole job offline: ``python -m backend.agents.planner.test_simple``, or with pytest."""

from backend.trial import try_whole_job


def test_planner() -> None:
    """It starts the three agents that the portfolio calls for."""
    job = try_whole_job()
    print(f"Success: {job.status == 'completed'}\nMessage: Analysis completed for job {job.id}")
    print(job.agent_results["planner"]["summary"])
    assert set(job.agent_results) == {"planner", "reporter", "charter", "retirement"}


if __name__ == "__main__":
    test_planner()
