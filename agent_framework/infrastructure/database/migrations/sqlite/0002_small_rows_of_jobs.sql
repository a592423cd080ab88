-- A job's row is written again and again: what never changes, or is the same for many jobs, has a place of its own.
-- whole_jobs shows a job with all of it.

CREATE TABLE job_inputs (
    job_id          TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
    request_payload TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE plans (
    id   TEXT PRIMARY KEY,
    plan TEXT NOT NULL
) WITHOUT ROWID;

INSERT INTO job_inputs (job_id, request_payload) SELECT id, request_payload FROM jobs;

INSERT INTO plans (id, plan) SELECT min(id), plan FROM jobs WHERE plan IS NOT NULL GROUP BY plan;

ALTER TABLE jobs ADD COLUMN plan_id TEXT;

UPDATE jobs SET plan_id = (SELECT plans.id FROM plans WHERE plans.plan = jobs.plan) WHERE plan IS NOT NULL;

ALTER TABLE jobs DROP COLUMN plan;

ALTER TABLE jobs DROP COLUMN request_payload;

CREATE VIEW whole_jobs AS SELECT jobs.*, job_inputs.request_payload, plans.plan
    FROM jobs JOIN job_inputs ON job_inputs.job_id = jobs.id LEFT JOIN plans ON plans.id = jobs.plan_id;
